"""Every profile meets its family: encoded by the simulator's own tables, read over a socket by the agent.

The tables and the profiles were written apart from the same facts, so a mistake in one does not cancel in the other.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import msgspec
import pytest

from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    INVERTER_STATE,
    LOAD_POWER,
    PV_ENERGY_TOTAL,
    PV_POWER,
)
from agent.sources.modbus import ModbusSource
from agent.sources.profile import signals_of
from agent.sources.profile_file import load_profile, profile_names
from agent.sources.tcp_client import TcpLink
from firmware_sim.families.speech import speech_of
from firmware_sim.scenario import load_scenario
from firmware_sim.server import ModbusServer
from firmware_sim.site import Site
from tests.firmware_sim.support import MINUTE_MS, ORIGIN_MS
from tests.helpers.sources import SteppedClock

HOME, BOILER = "home-healthy", "boiler-healthy"


class Pair(NamedTuple):
    """A family as it is served, and the profile that reads it."""

    scenario: str
    family: str
    profile: str
    options: Mapping[str, str] = MappingProxyType({})
    variants: Sequence[str] = ()
    more_units: Sequence[int] = ()


PAIRS = [
    Pair(HOME, "sunspec", "sunspec"),
    Pair(HOME, "fronius-gen24", "fronius-gen24", {"meter": "200"}, (), (200,)),
    Pair(HOME, "fronius-gen24", "fronius-gen24", {"meter": "240"}, (), (240,)),
    Pair(HOME, "solaredge-storedge", "solaredge-storedge"),
    Pair(HOME, "huawei-sun2000", "huawei-sun2000"),
    Pair(HOME, "sungrow-sh", "sungrow-sh", {"firmware": "new"}),
    Pair(HOME, "sungrow-sh", "sungrow-sh", {"firmware": "old"}),
    Pair(HOME, "goodwe-et", "goodwe-et"),
    Pair(HOME, "growatt", "growatt-sph", {"map": "a"}),
    Pair(HOME, "growatt", "growatt-tl-xh", {"map": "b"}),
    Pair(HOME, "victron-gx", "victron-gx", {}, (), (225, 227)),
    Pair(HOME, "deye-sunsynk", "deye-sunsynk-3p", {"model": "three-phase-lv"}),
    Pair(HOME, "deye-sunsynk", "deye-sunsynk-3p", {"model": "three-phase-hv"}, ("hv",)),
    Pair(HOME, "deye-sunsynk", "deye-sunsynk-1p", {"model": "one-phase"}),
    Pair(HOME, "sma-hybrid", "sma-tripower-smart-energy"),
    Pair(HOME, "sma-sunny-island", "sma-sunny-island"),
    Pair(HOME, "solis-hybrid", "solis-hybrid", {"battery": "direction"}),
    Pair(HOME, "solis-hybrid", "solis-hybrid", {"battery": "signed"}, ("battery_signed",)),
    Pair(HOME, "eastron-sdm630", "eastron-sdm630"),
    Pair(HOME, "carlo-gavazzi-em24-rs485", "carlo-gavazzi-em24-rs485"),
    Pair(HOME, "carlo-gavazzi-em24-ethernet", "carlo-gavazzi-em24-ethernet"),
    Pair(BOILER, "samson-trovis", "samson-trovis-557x"),
    Pair(BOILER, "nibe-s", "nibe-s", {"word_swap": "on"}),
    Pair(BOILER, "nibe-s", "nibe-s", {"word_swap": "off"}, ("word_swap_off",)),
    Pair(BOILER, "stiebel-wpm", "stiebel-eltron-wpm", {"model": "wpm3"}),
    Pair(BOILER, "stiebel-wpm", "stiebel-eltron-wpm", {"model": "wpmsystem"}),
    Pair(BOILER, "idm-navigator", "idm-navigator"),
    Pair(BOILER, "luxtronik", "luxtronik"),
]
# A float of 32 bits carries 24 bits of the value.
FLOAT32 = 2.0**-23
# A coarser register than the finest one of the device is read here.
COARSER = {("victron-gx", BATTERY_SOC): 0.5}
# Words and yields that the simulator's list of truths does not hold for every family.
WORKED_OUT = {PV_ENERGY_TOTAL, INVERTER_STATE}


def test_every_profile_has_met_its_family() -> None:
    assert {pair.profile for pair in PAIRS} == set(profile_names())


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "-".join([pair.family, *pair.options.values()]))
async def test_what_is_read_is_what_was_meant(pair: Pair) -> None:
    speech = speech_of(pair.family, pair.options)
    site, clock, now_ms = Site(load_scenario(pair.scenario), ORIGIN_MS, speech), SteppedClock(ORIGIN_MS), ORIGIN_MS
    profile = load_profile(pair.profile, pair.variants)
    # The pauses between requests are proved elsewhere; here they would only take time.
    profile = msgspec.structs.replace(profile, limits=msgspec.structs.replace(profile.limits, gap_ms=0))
    seen, battery = set(), set()
    async with ModbusServer("127.0.0.1", 0, lambda: site.image(now_ms), lambda: None) as server:
        link = TcpLink("127.0.0.1", server.port)
        units = {"unit": speech.unit_id, "more_units": pair.more_units}
        async with ModbusSource("device", profile, link, clock=clock, **units) as source:  # type: ignore[arg-type]
            for minute in (0, 187, 561, 748, 1122, 1309):
                now_ms = ORIGIN_MS + minute * MINUTE_MS
                await clock.move_to(now_ms)
                reading = await source.read()
                truth = site.truth(now_ms)
                for signal, value in reading.values.items():
                    if signal in WORKED_OUT:
                        continue
                    assert signal in truth, f"{signal} = {value} is read, and the device does not tell it"
                    told = truth[signal]
                    unit = max(1.001 * told.step, COARSER.get((pair.family, signal), 0.0))
                    assert value == pytest.approx(told.value, abs=unit, rel=FLOAT32), f"{signal} at {minute} min"
                seen |= reading.values.keys()
                if BATTERY_POWER in reading.values:
                    battery.add(truth[BATTERY_POWER].value > 0)
    promised = signals_of(profile) & site.truth(now_ms).keys()
    assert promised <= seen, f"never read: {sorted(promised - seen)}"
    if {BATTERY_POWER, PV_POWER, LOAD_POWER} & signals_of(profile) == {BATTERY_POWER, PV_POWER, LOAD_POWER}:
        assert battery == {True, False}, "both charging and discharging must have been seen"
