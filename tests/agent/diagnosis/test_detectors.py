"""Detectors of other people: found, followed, restored, and switched off when they fail; everything else goes on."""

from pathlib import Path
from textwrap import dedent
from zoneinfo import ZoneInfo

import pytest

from agent.diagnosis.detector_settings import DetectorSettings, detectors_from
from agent.diagnosis.detectors import MOST_EPISODES, DetectorHost, found
from agent.diagnosis.engine import Diagnosis
from agent.diagnosis.settings import DiagnosisSettings
from agent.domain.detecting import RULE, spoken_by
from agent.domain.errors import BadSetup
from agent.domain.signals import FLOW_TEMPERATURE, WATER_PRESSURE, Reading
from agent.domain.timeline import Move
from agent.domain.wire import Event, Fault

SOURCE = """
    from agent.domain.detecting import Finding, Simple
    from agent.domain.signals import FLOW_TEMPERATURE

    class Hot(Simple):
        '''Hot for three readings in a row.'''
        n = 0
        def update(self, reading):
            self.n = self.n + 1 if reading.values.get(FLOW_TEMPERATURE, 0) > self.site.options.get("limit", 80) else 0
            return [Finding("hot", {"readings": self.n})] if self.n >= 3 else []
        def state(self):
            return self.n
        def restore(self, state):
            self.n = state

    class Raises(Simple):
        def update(self, reading):
            raise RuntimeError("no idea")

    class Leaves(Simple):
        def update(self, reading):
            raise SystemExit if reading.at_ms > 10**15 else ValueError("x")

    class Chatty(Simple):
        def update(self, reading):
            return [Finding(f"thing {reading.at_ms}")]

    class Wrong(Simple):
        def update(self, reading):
            return ["hot"]

    class Stubborn(Simple):
        def restore(self, state):
            raise KeyError("old")

    class Unmakeable(Simple):
        def __init__(self, site):
            raise ValueError("needs a licence")
"""
MINUTE_MS = 60_000


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(dedent(SOURCE))
    return tmp_path


def settings(folder: Path, *classes: str, **options: object) -> tuple[DetectorSettings, ...]:
    tables = [{"use": f"mine.py:{name}", **options} for name in classes]
    return detectors_from({"detector": tables}, str(folder))


def diagnosis(*detectors: DetectorSettings) -> Diagnosis:
    return Diagnosis(DiagnosisSettings(detectors=detectors))


def flows(*values: float, start: int = 0) -> list[Reading]:
    return [Reading((start + n) * MINUTE_MS, {FLOW_TEMPERATURE: value}) for n, value in enumerate(values)]


def told(site: Diagnosis, readings: list[Reading]) -> list[object]:
    return [body for reading in readings for _, body in site.update(reading) if isinstance(body, Fault | Event)]


def test_what_it_says_becomes_an_episode(folder: Path) -> None:
    faults = [
        each
        for each in told(diagnosis(*settings(folder, "Hot")), flows(70, 90, 90, 90, 90, 60, 60))
        if isinstance(each, Fault)
    ]
    assert [(fault.phase, fault.component, fault.start_ms) for fault in faults] == [
        ("start", "detector:Hot/hot", 3 * MINUTE_MS),
        ("end", "detector:Hot/hot", 3 * MINUTE_MS),
    ]
    assert faults[-1].end_ms == 5 * MINUTE_MS
    assert faults[0].evidence == {"readings": 3.0}
    assert spoken_by(faults[0].component) == "Hot"
    assert spoken_by("boiler") == RULE


def test_options_come_from_its_table(folder: Path) -> None:
    assert told(diagnosis(*settings(folder, "Hot", limit=95)), flows(*[90] * 9)) == []


def test_one_that_raises_is_switched_off_and_the_others_go_on(folder: Path) -> None:
    site = diagnosis(*settings(folder, "Raises", "Hot", "Wrong"))
    bodies = told(site, flows(*[90] * 6))
    off = [each.detail for each in bodies if isinstance(each, Event)]
    assert [detail["detector"] for detail in off] == ["Raises", "Wrong"]
    assert "no idea" in str(off[0]["reason"])
    assert [each.component for each in bodies if isinstance(each, Fault)] == ["detector:Hot/hot"]
    twin = site.snapshot()["detectors"]
    assert twin["Raises"]["state"].startswith("off: raised RuntimeError")
    assert twin["Hot"]["state"] == "on"


def test_a_rule_still_speaks_beside_a_broken_detector(folder: Path) -> None:
    site = diagnosis(*settings(folder, "Raises"))
    bodies = told(site, [Reading(n * MINUTE_MS, {WATER_PRESSURE: 0.2}) for n in range(60)])
    assert [each.code for each in bodies if isinstance(each, Fault)][:1] == ["low_water_pressure"]


def test_one_that_is_too_slow_again_and_again_is_switched_off(folder: Path) -> None:
    clock = iter(range(10_000))
    host = DetectorHost(settings(folder, "Hot"), None, ZoneInfo("UTC"), now_s=lambda: float(next(clock)))
    records = [record for reading in flows(*[60] * 20) for record in host.update(reading)[1]]
    ((_, event),) = records
    assert isinstance(event, Event)
    assert event.detail["reason"] == "took more than 50 ms again and again"


def test_a_single_slow_reading_is_forgiven(folder: Path) -> None:
    times = [0.0, 1.0] + [1.0 + 0.001 * n for n in range(200)]
    clock = iter(times)
    host = DetectorHost(settings(folder, "Hot"), None, ZoneInfo("UTC"), now_s=lambda: next(clock))
    assert [record for reading in flows(*[60] * 50) for record in host.update(reading)[1]] == []


def test_one_that_never_says_the_same_twice_is_switched_off(folder: Path) -> None:
    bodies = told(diagnosis(*settings(folder, "Chatty")), flows(*[60] * (MOST_EPISODES + 3)))
    assert any(isinstance(each, Event) and each.name == "detector_off" for each in bodies)


@pytest.mark.parametrize("cut", range(1, 7))
def test_stopped_anywhere_it_goes_on_as_if_it_had_not(folder: Path, cut: int) -> None:
    rows = flows(70, 90, 90, 90, 90, 60, 60, 90)
    detectors = settings(folder, "Hot")
    whole, first = diagnosis(*detectors), diagnosis(*detectors)
    through = [whole.update(row) for row in rows]
    before = [first.update(row) for row in rows[:cut]]
    second = Diagnosis.from_state(DiagnosisSettings(detectors=detectors), first.state())
    assert before + [second.update(row) for row in rows[cut:]] == through
    assert second.state() == whole.state()


def test_one_that_cannot_take_up_its_state_is_switched_off_and_nothing_else(folder: Path) -> None:
    detectors = settings(folder, "Stubborn", "Hot")
    first = diagnosis(*detectors)
    told(first, flows(90, 90))
    second = Diagnosis.from_state(DiagnosisSettings(detectors=detectors), first.state())
    bodies = told(second, flows(90, 90, start=2))
    assert [type(each).__name__ for each in bodies] == ["Event", "Fault"]


def test_one_that_was_switched_off_is_tried_again_after_a_restart(folder: Path) -> None:
    detectors = settings(folder, "Raises")
    first = diagnosis(*detectors)
    told(first, flows(1.0))
    second = Diagnosis.from_state(DiagnosisSettings(detectors=detectors), first.state())
    assert second.snapshot()["detectors"]["Raises"]["state"] == "on"


def test_a_clock_that_was_set_moves_its_episode(folder: Path) -> None:
    site = diagnosis(*settings(folder, "Hot"))
    told(site, flows(90, 90, 90, 90))
    site.move(Move(86_400_000, 0, 10 * MINUTE_MS), rename=True)
    (fault,) = site.active_faults()
    assert fault.start_ms == 86_400_000 + 2 * MINUTE_MS


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"use": "nowhere.py:Hot"}, "cannot be read"),
        ({"use": "mine.py:Cold"}, "has no 'Cold'"),
        ({"use": "mine.py:Unmakeable"}, "needs a licence"),
        ({"use": "prophet"}, "expected FILE.py:Class or one of model"),
        ({"use": 5}, "expected FILE.py:Class"),
        ({"use": "mine.py:Hot", "name": "a:b"}, "without a colon"),
        ({"use": "mine.py:Hot", "budget_ms": "fast"}, "expected a number"),
        ({"use": "model"}, "file is missing"),
        ({"use": "model", "file": "x.ewm", "colour": "red"}, "unknown option 'colour'"),
        ({"use": "model", "file": "x.ewm"}, "trust is missing"),
        ({"use": "model", "file": "x.ewm", "trust": ["ab"]}, "64 hex digits"),
        ({"use": "model", "file": "x.ewm", "trust": ["ab" * 32]}, "x.ewm: cannot be read"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(folder: Path, table: dict[str, object], problem: str) -> None:
    with pytest.raises(BadSetup, match=problem):
        diagnosis(*detectors_from({"detector": [table]}, str(folder)))


def test_names_must_differ(folder: Path) -> None:
    with pytest.raises(BadSetup, match="'Hot' is used twice"):
        settings(folder, "Hot", "Hot")


def test_a_file_that_cannot_be_loaded_names_itself(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import nothing_of_that_name")
    with pytest.raises(BadSetup, match=r"bad\.py: cannot be loaded: ModuleNotFoundError"):
        found("bad.py:X", str(tmp_path))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("class Hot:\n    def x(self)\n", r"bad\.py: cannot be loaded: SyntaxError: expected ':' in bad\.py:2$"),
        ("import json\n\njson.loads('{')\n", r"bad\.py: cannot be loaded: JSONDecodeError.* in bad\.py:3$"),
        ("limit = 3\n", r"bad\.py: has no 'Hot' in it, expected a class with update$"),
        ("class Hott: ...\nclass Cold: ...\n", r"bad\.py: has no 'Hot' in it, expected Hott or Cold$"),
        (
            "class Hot:\n    def __init__(self, site):\n        1 / 0\n",
            r"detector Hot: cannot be made: .* in bad\.py:3$",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_its_line(tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "bad.py").write_text(source)
    with pytest.raises(BadSetup, match=said):
        diagnosis(*detectors_from({"detector": [{"use": "bad.py:Hot"}]}, str(tmp_path)))


def test_the_line_that_raised_is_that_of_the_detectors_own_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import json\nfrom agent.domain.detecting import Simple\n\n\nclass Deep(Simple):\n"
        "    def update(self, reading):\n        return self.parse()\n\n"
        f"    def parse(self):\n        return json.loads({'x' * 300!r})\n"
    )
    site = diagnosis(*settings(tmp_path, "Deep"))
    told(site, flows(1))
    state = site.snapshot()["detectors"]["Deep"]["state"]
    assert state.startswith("off: raised JSONDecodeError(")
    assert state.endswith(" in mine.py:10")
