"""The table a person reads."""

from typing import Any
from zoneinfo import ZoneInfo

from agent.replay_text import iso, table

ZONE = ZoneInfo("Europe/Berlin")


def result(faults: list[dict[str, Any]], episodes: dict[str, float]) -> dict[str, Any]:
    return {
        "file": "day.csv",
        "mode": "default",
        "rows": 1234,
        "from": "2024-06-01T22:00:00Z",
        "to": "2024-06-02T21:59:00Z",
        "ignored_columns": ["weather"],
        "not_evaluated": {"no_heat": ["pump_on"]},
        "reliability": {"low_water_pressure": {"episodes": episodes}},
        "faults": faults,
        "warnings": [],
    }


def test_a_warning_stands_after_the_tables() -> None:
    text = table(result([FAULT], EPISODES) | {"warnings": ["battery_soc: too much"]}, ZONE)
    assert (
        text.index("availability") < text.index("\n\nwarning: battery_soc: too much\n\n") < text.index("not evaluated")
    )
    assert "warning" not in table(result([FAULT], EPISODES), ZONE)


EPISODES = {
    "failures": 2,
    "exposure_hours": 100.0,
    "up_hours": 99.0,
    "down_hours": 1.0,
    "mtbf_hours": 49.5,
    "mtbf_low_hours": 13.7,
    "mtbf_high_hours": 408.7,
    "mttr_hours": 0.5,
    "availability": 0.99,
    "availability_low": 0.9116,
    "availability_high": 0.99895,
}
FAULT = {
    "code": "low_water_pressure",
    "start": "2024-06-02T10:00:00Z",
    "end": "2024-06-02T10:40:00Z",
    "component": "",
    "failing_minutes": 40.0,
    "evidence": {"water_pressure": 0.7, "worst_water_pressure": 0.4},
    "lost_wh": 1234.0,
}


def test_the_whole_table() -> None:
    assert table(result([FAULT, {**FAULT, "end": None, "lost_wh": None, "evidence": {}}], EPISODES), ZONE) == (
        """\
day.csv
1,234 rows, 2024-06-02 00:00 to 2024-06-02 23:59 (Europe/Berlin); default rules

2 faults
fault               start             end    failing      lost  evidence
──────────────────  ────────────────  ─────  ───────  ────────  ──────────────────────────────────
low_water_pressure  2024-06-02 12:00  12:40   40 min  1.23 kWh  water_pressure 0.7 (worst 0.4) bar
low_water_pressure  2024-06-02 12:00  lasts   40 min         –

reliability         failures  exposure  MTBF (95 %)             MTTR    availability (95 %)
──────────────────  ────────  ────────  ──────────────────────  ──────  ──────────────────────────
low_water_pressure         2     4.2 d  2.1 d (13.7 h to 17 d)  30 min  99.00 % (91.16 to 99.89 %)

not evaluated: no_heat (lacks pump_on)
columns not used: weather"""
    )


def test_nothing_found_and_nothing_known() -> None:
    nothing = {"failures": 0, "exposure_hours": 0.0, "up_hours": 0.0, "down_hours": 0.0}
    text = table(result([], nothing), ZONE)
    assert "No faults." in text
    assert "  –  " in text
    bounded = table(result([], {**nothing, "exposure_hours": 30.0, "mtbf_low_hours": 10.0}), ZONE)
    assert "over 10.0 h" in bounded


def test_a_long_list_is_cut() -> None:
    text = table(result([FAULT] * 50, EPISODES), ZONE)
    assert "50 faults, the last 40 of them" in text
    assert text.count("12:40") == 40


def test_times() -> None:
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert iso(1_719_057_600_500) == "2024-06-22T12:00:00.500Z"
