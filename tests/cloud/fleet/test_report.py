from pathlib import Path

from cloud.fleet import report
from cloud.fleet.findings import BEHAVIOUR, DATA, Finding


def page(findings: list[Finding], sites: list[str] | None = None) -> report.Page:
    return report.Page("Heating fleet", "a week", [("need a visit", "1")], findings, "€", sites or [], [])


def finding(name: str, kind: str = BEHAVIOUR) -> Finding:
    return Finding(name, kind, "room_too_cold", 3.2, 1481760000000, 1481846400000, 25.0, "14 °C <here> & there")


def test_what_sites_are_called_cannot_break_the_page() -> None:
    text = report.html(page([finding('<script>alert("x")</script>')]))
    assert "<script" not in text
    assert "14 °C &lt;here&gt; &amp; there" in text
    assert "room too cold" in text


def test_a_quiet_night_says_so() -> None:
    assert "Nothing stands out" in report.html(page([]))
    assert "Data to be put right" in report.html(page([finding("1", DATA)]))


def test_a_long_list_is_cut_and_says_where_the_rest_is() -> None:
    many = [finding(f"{number}") for number in range(report.LISTED + 7)]
    text = report.table(many, "€", set())
    assert text.count("<tr>") == report.LISTED + 1
    assert "7 more in findings.csv" in text


def test_a_page_is_whole_or_not_there(tmp_path: Path) -> None:
    report.write(page([finding("1")]), tmp_path / "report.html")
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text().endswith("</html>\n")
