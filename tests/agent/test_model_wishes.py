"""The fleet's wish for a model reaches the slot, and one that cannot be used is refused before anything is touched."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from agent.diagnosis.detector_settings import detectors_from, detectors_of
from agent.diagnosis.engine import Diagnosis
from agent.diagnosis.settings import DiagnosisSettings, SiteSettings
from agent.domain.detecting import MODEL_RECORD, model_day
from agent.domain.errors import BadSetup
from agent.domain.wire import Event, Fault, Unknown
from agent.learned.detector import UnusualBehaviour
from agent.model_wishes import ModelWishes
from tests.helpers.learned_sites import TRUST, heating, model_file, readings

pytestmark = pytest.mark.xdist_group("learned")
SITE = SiteSettings("here", 48.0, 11.0, "UTC")


def table(folder: Path) -> dict[str, object]:
    return {"use": "model", "name": "heat", "file": model_file(folder).name, "trust": TRUST, "runtime": "numpy"}


def wish(path: Path) -> dict[str, str]:
    return {"artifact": base64.b64encode(path.read_bytes()).decode()}


@pytest.fixture(name="site")
def _site(tmp_path: Path) -> tuple[DiagnosisSettings, ModelWishes]:
    detectors = detectors_of({"detector": [table(tmp_path)]}, tmp_path / "site.toml", "state")
    return DiagnosisSettings(site=SITE, detectors=detectors), ModelWishes(detectors)


async def test_a_wish_runs_in_the_shadow_and_is_still_there_after_a_restart(
    site: tuple[DiagnosisSettings, ModelWishes], tmp_path: Path
) -> None:
    settings, wishes = site
    diagnosis = Diagnosis(settings)
    wishes.diagnosis = lambda: diagnosis
    wanted = wish(model_file(tmp_path, version=2))
    wishes.check(wanted)
    await wishes.use(wanted)
    await wishes.use(None)
    told = diagnosis.snapshot()["model"]["heat"]
    assert (told["active"]["version"], told["shadow"]["version"]) == (1, 2)
    again = Diagnosis.from_state(settings, diagnosis.state())
    assert again.snapshot()["model"]["heat"]["shadow"]["version"] == 2
    assert len(diagnosis.state()) < 64 * 1024
    assert (tmp_path / "state/models/heat/shadow.ewm").is_file()


def test_what_cannot_be_used_is_refused(site: tuple[DiagnosisSettings, ModelWishes], tmp_path: Path) -> None:
    _, wishes = site
    good = wish(model_file(tmp_path, version=2))
    changed = good["artifact"][:5000] + ("B" if good["artifact"][5000] != "B" else "C") + good["artifact"][5001:]
    for wrong, problem in (
        ({"artifact": changed}, "was changed after it was signed"),
        ({"artifact": "%%"}, "is no base64"),
        ({}, "expected a signed model"),
        ({**good, "detector": "cold"}, "got 'cold', expected one of heat"),
    ):
        with pytest.raises(BadSetup, match=problem):
            wishes.check(wrong)
    with pytest.raises(BadSetup, match="expected a \\[\\[detector\\]\\]"):
        ModelWishes(()).check(good)


async def test_a_detector_that_was_switched_off_says_so(
    site: tuple[DiagnosisSettings, ModelWishes], tmp_path: Path
) -> None:
    settings, wishes = site
    wishes.diagnosis = lambda: Diagnosis(replace(settings, detectors=()))
    with pytest.raises(BadSetup, match="'heat' is switched off"):
        await wishes.use(wish(model_file(tmp_path, version=2)))


def test_records_and_faults_say_who_spoke(tmp_path: Path) -> None:
    detectors = detectors_from({"detector": [table(tmp_path)]}, str(tmp_path))
    diagnosis = Diagnosis(DiagnosisSettings(site=SITE, detectors=detectors))
    bodies = [body for row in readings(heating(31, 60, weak_from=45)) for _, body in diagnosis.update(row)]
    days = [model_day(body.raw) for body in bodies if isinstance(body, Unknown) and body.kind == MODEL_RECORD]
    assert len(days) == 59
    assert {day.role for day in days} == {"active"}
    assert days[-1].score > 1.0 > days[40].score
    assert [body.name for body in bodies if isinstance(body, Event)] == ["model_active"]
    found = [body for body in bodies if isinstance(body, Fault) and body.code == "unusual_behaviour"]
    assert found[0].component == "model:heating"
    assert found[0].evidence["score"] >= 1.0
    assert "by_flow_temperature" in found[0].evidence
    assert isinstance(diagnosis.detectors.named("heat"), UnusualBehaviour)
