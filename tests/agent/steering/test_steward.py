"""The steward over a plant in memory: what is tried, kept, taken back and told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.domain.twin import Document, TwinMessage
from agent.steering.steward import MAX_STARTS, SteeringSettings, Steward
from agent.steering.vault import FILE, Kept, Vault
from tests.helpers.plants import MemoryPlant
from tests.helpers.uplinks import RealClock, until

GOOD: Document = {"poll": {"interval_s": 30}}
OTHER: Document = {"poll": {"interval_s": 40}}


@asynccontextmanager
async def steered(folder: Path, plant: MemoryPlant, probation_s: float = 5.0) -> AsyncIterator[Steward]:
    """A steward at work, on a clock that runs 50 times as fast."""
    steward = Steward(SteeringSettings(probation_s), Vault(folder), RealClock(50))
    plant.now = steward.begin(plant.check)
    task = asyncio.create_task(steward.run(plant))
    try:
        yield steward
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def state(steward: Steward, plant: MemoryPlant, expected: str) -> Document:
    await until(lambda: steward.report(plant).get("state") == expected, 10)
    return steward.report(plant)


async def test_what_proves_itself_stays(tmp_path: Path) -> None:
    plant = MemoryPlant()
    async with steered(tmp_path, plant) as steward:
        assert steward.report(plant) == {}
        steward.wish(TwinMessage(1, doc=GOOD))
        assert await state(steward, plant, "probation") == {"version": 1, "state": "probation", "good": 0}
        assert await state(steward, plant, "applied") == {"version": 1, "state": "applied"}
        await until(lambda: plant.names() == ["config_trial", "config_applied"])
        steward.wish(TwinMessage(1, doc=GOOD))
        await asyncio.sleep(0.05)
        assert plant.applied == [GOOD]
    again = MemoryPlant()
    async with steered(tmp_path, again) as steward:
        assert again.now == GOOD
        assert steward.report(again) == {"version": 1, "state": "applied"}


@pytest.mark.parametrize("kind", ["bad", "mute", "unbuildable", "offline"])
async def test_what_does_no_good_is_taken_back_and_not_tried_again(tmp_path: Path, kind: str) -> None:
    plant = MemoryPlant()
    async with steered(tmp_path, plant) as steward:
        steward.wish(TwinMessage(1, doc=GOOD))
        await state(steward, plant, "applied")
        if kind == "offline":
            plant.connected = False
        else:
            getattr(plant, kind).append(OTHER)
        steward.wish(TwinMessage(2, doc=OTHER))
        told = await state(steward, plant, "refused" if kind == "bad" else "rolled_back")
        assert (told["version"], told["good"]) == (2, 1)
        assert told["reason"]
        assert plant.now == GOOD
        await until(lambda: plant.names()[-1] == ("config_refused" if kind == "bad" else "rollback"))
        tried = len(plant.applied)
        steward.wish(TwinMessage(2, doc=OTHER))
        await asyncio.sleep(0.1)
        assert len(plant.applied) == tried
        plant.connected, plant.mute, plant.bad, plant.unbuildable = True, [], [], []
        steward.wish(TwinMessage(3, doc=OTHER))
        assert (await state(steward, plant, "applied"))["version"] == 3
        assert plant.now == OTHER
    async with steered(tmp_path, plant) as steward:
        assert plant.now == OTHER


async def test_a_refused_one_stays_refused_over_a_restart(tmp_path: Path) -> None:
    plant = MemoryPlant()
    plant.bad = [OTHER]
    async with steered(tmp_path, plant) as steward:
        steward.wish(TwinMessage(2, doc=OTHER))
        await state(steward, plant, "refused")
    async with steered(tmp_path, plant) as steward:
        assert steward.report(plant)["state"] == "refused"
        steward.wish(TwinMessage(2, doc=OTHER))
        await asyncio.sleep(0.05)
        assert plant.names() == ["config_refused"]


async def test_an_agent_that_keeps_dying_on_probation_takes_it_back_itself(tmp_path: Path) -> None:
    plant = MemoryPlant()
    async with steered(tmp_path, plant, 3600) as steward:
        steward.wish(TwinMessage(1, doc=OTHER))
        await state(steward, plant, "probation")
    for _ in range(MAX_STARTS - 1):  # each end is like a kill: nothing is said
        async with steered(tmp_path, plant, 3600) as steward:
            assert plant.now == OTHER
    async with steered(tmp_path, plant, 3600) as steward:
        assert plant.now == {}
        told = steward.report(plant)
        assert (told["state"], told["version"]) == ("rolled_back", 1)
        assert f"stopped {MAX_STARTS} times" in told["reason"]


async def test_an_orderly_stop_does_not_count(tmp_path: Path) -> None:
    plant = MemoryPlant()
    async with steered(tmp_path, plant, 3600) as steward:
        steward.wish(TwinMessage(1, doc=OTHER))
        await state(steward, plant, "probation")
        steward.stopped_in_order()
    for _ in range(3 * MAX_STARTS):
        async with steered(tmp_path, plant, 3600) as steward:
            assert plant.now == OTHER
            steward.stopped_in_order()


async def test_another_wish_ends_a_probation(tmp_path: Path) -> None:
    plant = MemoryPlant()
    async with steered(tmp_path, plant, 60) as steward:
        plant.mute = [OTHER]
        steward.wish(TwinMessage(1, doc=OTHER))
        await state(steward, plant, "probation")
        steward.wish(TwinMessage(2, doc=GOOD))
        assert (await state(steward, plant, "applied"))["version"] == 2
        assert plant.applied == [OTHER, GOOD]


async def test_a_disk_that_refuses_lets_a_wish_wait(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    plant = MemoryPlant()
    async with steered(folder, plant) as steward:
        steward.wish(TwinMessage(1, doc=GOOD))
        await until(lambda: "waits_for" in steward.report(plant))
        assert plant.applied == []
        folder.mkdir()
        assert (await state(steward, plant, "applied"))["version"] == 1


async def test_a_site_file_under_which_the_wishes_no_longer_fit(tmp_path: Path) -> None:
    plant = MemoryPlant()
    async with steered(tmp_path, plant) as steward:
        steward.wish(TwinMessage(1, doc=GOOD))
        await state(steward, plant, "applied")
    plant.bad = [GOOD]
    async with steered(tmp_path, plant) as steward:
        assert plant.now == {}
        assert steward.report(plant)["state"] == "refused"
    plant.bad = []
    async with steered(tmp_path, plant) as steward:
        assert plant.now == GOOD
        assert steward.report(plant) == {"version": 1, "state": "applied"}


async def test_an_edit_on_site_is_reported(tmp_path: Path) -> None:
    plant = MemoryPlant()
    async with steered(tmp_path, plant) as steward:
        steward.wish(TwinMessage(1, doc=GOOD))
        await state(steward, plant, "applied")
    plant.tables = {"poll": {"interval_s": 10}}
    async with steered(tmp_path, plant) as steward:
        assert steward.report(plant)["conflicts"] == {"poll.interval_s": {"site": 10, "fleet": 30}}
        assert plant.now == GOOD


async def test_a_damaged_file_is_forgotten_and_the_fleet_says_it_again(tmp_path: Path) -> None:
    plant = MemoryPlant()
    async with steered(tmp_path, plant) as steward:
        steward.wish(TwinMessage(1, doc=GOOD))
        await state(steward, plant, "applied")
    (tmp_path / FILE).write_text("half a fi")
    async with steered(tmp_path, plant) as steward:
        assert plant.now == {}
        steward.wish(TwinMessage(1, doc=GOOD))
        await state(steward, plant, "applied")
    assert Vault(tmp_path).load() != Kept()


async def test_a_patch_is_no_wish(tmp_path: Path) -> None:
    plant = MemoryPlant()
    async with steered(tmp_path, plant) as steward:
        steward.wish(TwinMessage(5, base=4, patch=GOOD))
        await asyncio.sleep(0.05)
        assert steward.report(plant) == {}


async def test_a_slow_site_has_as_long_as_it_needs(tmp_path: Path) -> None:
    plant = MemoryPlant()
    plant.needs_s, plant.mute = 50.0, [OTHER]
    async with steered(tmp_path, plant, 1.0) as steward:
        steward.wish(TwinMessage(1, doc=OTHER))
        await state(steward, plant, "probation")
        await asyncio.sleep(0.3)  # 15 s of its clock
        assert steward.report(plant)["state"] == "probation"
        told = await state(steward, plant, "rolled_back")
        assert told["reason"].endswith("within 50 s")
