from cloud.fleet.findings import BEHAVIOUR, DATA, Finding
from cloud.fleet.shared import merged

HOUR = 3_600_000


def finding(name: int, hour: float, fault: str = "gap", kind: str = DATA) -> Finding:
    return Finding(f"{name}", kind, fault, 6.0, int(hour * HOUR), int((hour + 30) * HOUR), 1.0, "no values")


def test_a_power_cut_in_one_town_is_one_line() -> None:
    cities = {f"{i}": "PAU" if i < 20 else "LYON" for i in range(200)}
    cut = [finding(i, 50 + i / 10) for i in range(15)]
    found = merged([*cut, finding(150, 50)], cities)
    assert sorted(each.installation for each in found) == ["150", "PAU"]
    (town,) = (each for each in found if each.installation == "PAU")
    assert town.why.startswith("15 installations at once")
    assert (town.start_ms, town.end_ms, town.cost_per_day) == (50 * HOUR, int(81.4 * HOUR), 15.0)


def test_few_or_scattered_or_different_findings_stay_apart() -> None:
    cities = {f"{i}": "PAU" for i in range(20)}
    few = [finding(i, 50) for i in range(7)]  # 35 %
    scattered = [finding(i, 50 + 10 * i) for i in range(15)]
    different = [finding(i, 50, *(("gap", DATA) if i % 2 else ("no_heat", BEHAVIOUR))) for i in range(14)]
    for findings in (few, scattered, different):
        assert len(merged(findings, cities)) == len(findings)


def test_without_cities_nothing_is_merged() -> None:
    findings = [finding(i, 50) for i in range(50)]
    assert merged(findings, {f"{i}": "" for i in range(50)}) == findings
