"""Choose, read, prove, write, without a device."""

import asyncio
import json
import tomllib
from pathlib import Path

import pytest

from agent.clock import SimulatedClock
from agent.domain.errors import BadSetup
from agent.domain.proof_change import Change
from agent.domain.proof_model import Mistake
from agent.domain.signals import BATTERY_POWER, GRID_POWER, PV_POWER
from agent.onsite.cues import ProofPlan
from agent.onsite.keeping import Draft, load_draft
from agent.onsite.kept_proof import proof_section
from agent.onsite.wizard import Place, Wizard, joined
from tests.helpers.onsite_bench import PlainBench
from tests.helpers.trial_homes import power_trial

TABLE = {"profile": "sunspec", "host": "10.0.0.1"}


def wizard_in(tmp_path: Path, bench: PlainBench | None = None, rate: float = 1.0) -> Wizard:
    place = Place(tmp_path / "site.toml", tmp_path / "state")
    return Wizard(place, bench or PlainBench(), SimulatedClock(0, 0, rate), Draft())


def test_devices_get_names_of_their_own_and_are_kept(tmp_path: Path) -> None:
    wizard = wizard_in(tmp_path)
    wizard.add(TABLE)
    wizard.add(TABLE)
    assert [source.name for source in wizard.draft.sources] == ["sunspec", "sunspec-2"]
    wizard.remove("sunspec")
    assert load_draft(wizard.place.state) == wizard.draft
    assert [source.name for source in wizard.draft.sources] == ["sunspec-2"]


def test_a_device_that_cannot_be_is_not_kept(tmp_path: Path) -> None:
    wizard = wizard_in(tmp_path, PlainBench(refuse="no such profile"))
    with pytest.raises(BadSetup, match="no such profile"):
        wizard.add(TABLE)
    assert wizard.draft.sources == ()


async def proven(wizard: Wizard, bench: PlainBench) -> None:
    """Everything is done as asked, on a clock that runs so fast that nobody waits."""
    run = await wizard.start(ProofPlan())
    while run.cue() is not None:
        run.press()
        await asyncio.sleep(0)
    assert bench.watching == 1
    # The readings of the trial have their own times: its steps stand in for those that were pressed.
    run._cues.steps[:] = bench.trial.steps
    run._readings[:] = bench.trial.readings
    await wizard.conclude()
    assert bench.watching == 0


async def test_a_mistake_is_found_put_right_and_reported(tmp_path: Path) -> None:
    bench = PlainBench(trial=power_trial(3, Mistake.BATTERY_REVERSED)[0])
    wizard = wizard_in(tmp_path, bench, rate=20000.0)
    wizard.name_site("mill", {"name": "Mill"})
    wizard.add(TABLE)
    await proven(wizard, bench)
    assert wizard.proof is not None
    finding = wizard.proof.findings[0]
    assert wizard.can_apply(finding)
    wizard.apply(finding)
    assert wizard.changed
    assert wizard.draft.sources[0].correct == Change(flip=(BATTERY_POWER,))
    section = proof_section(wizard.place.state)["proof"]
    assert section["right"] is False
    assert section["applied"] == [finding.says]
    wizard.write()
    written = tomllib.loads(wizard.place.config.read_text())
    assert written["source"][0]["correct"] == {"flip": [BATTERY_POWER]}
    assert load_draft(wizard.place.state) is None


async def test_what_is_right_is_reported_until_a_device_changes(tmp_path: Path) -> None:
    bench = PlainBench(trial=power_trial(3, None)[0])
    wizard = wizard_in(tmp_path, bench, rate=20000.0)
    wizard.add(TABLE)
    await proven(wizard, bench)
    assert json.loads((wizard.place.state / "proof.json").read_text())["right"] is True
    wizard.add(TABLE)
    assert proof_section(wizard.place.state) == {}


async def test_nothing_watched_proves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="nothing was watched"):
        await wizard_in(tmp_path).conclude()


def test_changes_add_up() -> None:
    flip = Change(flip=(GRID_POWER,))
    assert joined(flip, flip) == Change()
    assert joined(Change(times={PV_POWER: 10.0}), Change(times={PV_POWER: 0.1})) == Change()
    both = joined(flip, Change(flip=(BATTERY_POWER,), times={PV_POWER: 0.5}))
    assert both == Change(flip=(GRID_POWER, BATTERY_POWER), times={PV_POWER: 0.5})
