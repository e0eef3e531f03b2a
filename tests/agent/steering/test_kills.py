"""A kill at every single instant of a wish's life: afterwards the device runs on the good one or tries on."""

import asyncio
from pathlib import Path

import pytest

from agent.domain.twin import Document, TwinMessage
from agent.steering.steward import MAX_STARTS, SteeringSettings, Steward
from agent.steering.vault import Kept, Vault
from tests.helpers.plants import MemoryPlant
from tests.helpers.uplinks import RealClock, until

GOOD: Document = {"poll": {"interval_s": 30}}
WISH: Document = {"poll": {"interval_s": 40}}


class Killed(BaseException):
    """The process is gone."""


class FatalVault(Vault):
    """The process dies at the `number`th step: before each write, or after it."""

    def __init__(self, state: Path, number: int) -> None:
        super().__init__(state)
        self._left = number

    def save(self, kept: Kept) -> None:
        self._step()
        super().save(kept)
        self._step()

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Killed


async def life(folder: Path, plant: MemoryPlant, steps: int, wish: Document, seconds: float) -> None:
    """One run of the agent, until it is killed or has settled."""
    steward = Steward(SteeringSettings(1.0), FatalVault(folder, steps), RealClock(50))
    try:
        plant.now = steward.begin(plant.check)
        steward.wish(TwinMessage(2, doc=wish))
        task = asyncio.create_task(steward.run(plant))
        done, _ = await asyncio.wait({task}, timeout=seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for one in done:
            one.result()
    except Killed:
        return


@pytest.mark.parametrize("mute", [False, True])
@pytest.mark.parametrize("steps", range(6))
async def test_killed_anywhere(tmp_path: Path, steps: int, mute: bool) -> None:
    Vault(tmp_path).save(Kept())
    plant = MemoryPlant()
    steward = Steward(SteeringSettings(0.5), Vault(tmp_path), RealClock(50))
    plant.now = steward.begin(plant.check)
    task = asyncio.create_task(steward.run(plant))
    steward.wish(TwinMessage(1, doc=GOOD))
    await until(lambda: steward.report(plant).get("state") == "applied")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    plant.mute = [WISH] if mute else []
    for _ in range(MAX_STARTS + 2):
        await life(tmp_path, plant, steps, WISH, 0.1)
        assert plant.now in (GOOD, WISH)
    await life(tmp_path, plant, 1000, WISH, 0.3)
    kept = Vault(tmp_path).load()
    assert kept.trial is None
    assert kept.good.doc in (GOOD, WISH)
    assert plant.now == kept.good.doc
    if mute:
        assert plant.now == GOOD
        assert kept.judged is not None
