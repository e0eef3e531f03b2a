import csv
from pathlib import Path

from cloud.fleet.findings import BEHAVIOUR, DATA, Finding, ranked, write


def finding(name: str, kind: str = BEHAVIOUR, cost: float = 1.0, score: float = 3.0, why: str = "x") -> Finding:
    return Finding(name, kind, "no_heat", score, 1481760000000, 1481846400000, cost, why)


def test_the_dearest_first_then_the_surest_data_last() -> None:
    found = [finding("d", DATA, 99), finding("c", cost=1), finding("b", cost=5), finding("a", cost=1, score=9)]
    assert [each.installation for each in ranked(found)] == ["b", "a", "c", "d"]


def test_a_file_that_any_program_reads(tmp_path: Path) -> None:
    path = tmp_path / "findings.csv"
    write([finding("12", why='flow "45", room 20')], path)
    with path.open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row == {
        "installation": "12",
        "kind": "behaviour",
        "fault": "no_heat",
        "score": "3.00",
        "from": "2016-12-15T00:00Z",
        "to": "2016-12-16T00:00Z",
        "cost_per_day": "1.00",
        "why": 'flow "45", room 20',
    }
    assert [each.name for each in tmp_path.iterdir()] == ["findings.csv"]
