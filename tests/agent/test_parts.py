"""The devices of a site as parts: what they know of each other, and that a dead one is not asked for ever."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.config import load
from agent.domain.errors import BadSetup
from agent.domain.signals import PV_POWER, ROOM_TEMPERATURE, Equipment, Quality, Reading
from agent.parts import Parts
from tests.helpers.sources import MemorySource, SteppedClock, settle

MINUTE_MS = 60_000


class Shy(MemorySource):
    """Counts when it was asked who it is."""

    asked: list[int]

    async def identify(self) -> Equipment:
        self.asked.append(self._clock.now_ms() // MINUTE_MS)
        return await super().identify()


def parts(tmp_path: Path, clock: SteppedClock) -> tuple[Parts, Shy]:
    """Parts whose only device is one in memory."""
    (tmp_path / "site.toml").write_text('[device]\nid = "home-1"\n[poll]\ninterval_s = 60\n')
    made = Parts(replace(load(tmp_path / "site.toml"), clock=clock))
    source = Shy("heating", {ROOM_TEMPERATURE: 20.0}, clock=clock)
    source.asked = []
    made.sources = [source]
    return made, source


async def test_a_device_that_does_not_say_who_it_is_is_asked_ever_more_seldom(tmp_path: Path) -> None:
    clock = SteppedClock(0)
    site, source = parts(tmp_path, clock)
    source.dead = True
    task = asyncio.create_task(site.know(source))
    await settle()
    await clock.move_to(24 * 60 * MINUTE_MS)
    assert source.asked[:6] == [0, 1, 3, 7, 15, 31]
    assert len(source.asked) < 40
    source.dead = False
    await clock.move_to(26 * 60 * MINUTE_MS)
    assert site.equipment["heating"].maker == "Memory"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_who_was_heard(tmp_path: Path) -> None:
    site, _ = parts(tmp_path, SteppedClock(0))
    site.listen(Reading(1, {PV_POWER: 5.0}, {ROOM_TEMPERATURE: Quality.MISSING}))
    assert site.heard == set()
    assert site.answered(Reading(1, {}, {ROOM_TEMPERATURE: Quality.MISSING})) == {"heating": False}
    site.listen(Reading(2, {ROOM_TEMPERATURE: 20.0}))
    assert site.heard == {"heating"}
    assert site.answered(Reading(2, {ROOM_TEMPERATURE: 20.0})) == {"heating": True}


def test_a_site_without_devices_is_idle_and_answers_nothing(tmp_path: Path) -> None:
    site, _ = parts(tmp_path, SteppedClock(0))
    assert site.idle
    assert site.answering() == frozenset()
    assert site.works() == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('profile = "sunspeck"', "source roof: profile 'sunspeck': unknown, did you mean sunspec?"),
        (
            'profile = "sunspec"\nvariants = ["meter_count_export"]',
            "source roof: profile sunspec: unknown variant 'meter_count_export', did you mean meter_counts_export",
        ),
    ],
)
def test_a_profile_that_is_not_there_is_named_with_file_and_source(tmp_path: Path, line: str, told: str) -> None:
    site = tmp_path / "site.toml"
    site.write_text(f'[device]\nid = "home-1"\n[[source]]\nname = "roof"\nhost = "192.0.2.1"\n{line}\n')
    with pytest.raises(BadSetup) as refused:
        Parts(load(site))
    assert str(refused.value).startswith(f"{site}: {told}")
