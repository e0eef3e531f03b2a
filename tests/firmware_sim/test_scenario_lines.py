"""The keys of a scenario that say what it speaks, how it is wired, and what its line suffers from."""

import asyncio
from importlib.resources import files

import pytest

from agent.domain.signals import GRID_POWER
from firmware_sim.bus.faults import BusCode
from firmware_sim.cellar import served
from firmware_sim.errors import BadScenario
from firmware_sim.scenario import Scenario, parse_scenario
from firmware_sim.wiring import Measured, WiringCode
from tests.firmware_sim.stand import client, move, read, signed32
from tests.firmware_sim.support import MINUTE_MS, ORIGIN_MS

HOME = files("firmware_sim").joinpath("scenarios", "home-healthy.toml").read_text(encoding="utf-8")
BOILER = files("firmware_sim").joinpath("scenarios", "boiler-healthy.toml").read_text(encoding="utf-8")


def scenario(more: str, first: str = "", base: str = HOME) -> Scenario:
    return parse_scenario("mine", f"{first}\n{base}\n{more}", "mine.toml")


WHOLE = """
[option]
firmware = "old"

[[wiring]]
code = "scale"
of = "battery"
factor = 1000

[[wiring]]
code = "grid_clamp"
from = "+0d 12:00"
to = "+0d 13:00"

[[bus]]
code = "exception"
exception = 6
rate = 0.25
from = "+1d 00:00"
to = "+2d 00:00"

[[bus]]
code = "counter"
form = "reset"
every = 7
"""


def test_all_of_it_is_read() -> None:
    whole = scenario(WHOLE, 'speaks = "sungrow-sh"')
    assert (whole.speaks, dict(whole.options)) == ("sungrow-sh", {"firmware": "old"})
    scale, clamp = whole.wiring_from(ORIGIN_MS)
    assert (scale.code, scale.measured, scale.factor) == (WiringCode.SCALE, Measured.BATTERY, 1000.0)
    assert scale.holds(0)
    # Noon in Berlin, one hour after the origin.
    assert clamp.holds(ORIGIN_MS + 60 * MINUTE_MS)
    assert not clamp.holds(ORIGIN_MS + 59 * MINUTE_MS)
    refusing, counter = whole.bus_from(ORIGIN_MS)
    assert (refusing.code, refusing.exception, refusing.rate) == (BusCode.EXCEPTION, 6, 0.25)
    assert refusing.end_ms - refusing.start_ms == 24 * 60 * MINUTE_MS
    assert (counter.form, counter.every, counter.start_ms) == ("reset", 7, 0)


def test_without_them_nothing_changes() -> None:
    plain = scenario("")
    assert (plain.speaks, plain.unit_id, plain.wiring, plain.bus) == ("sunspec", 1, (), ())
    assert scenario("", base=BOILER).speaks == "samson-trovis"


def test_a_family_brings_its_unit() -> None:
    assert scenario("", 'speaks = "goodwe-et"').unit_id == 247


@pytest.mark.parametrize(
    ("first", "more", "problem"),
    [
        ('speaks = "hauwei"', "", "mine.toml: speaks: 'hauwei' is not a family; expected one of carlo"),
        ('speaks = "nibe-s"', "", "speaks: 'nibe-s' is a heat, which such a site cannot be"),
        ('speaks = "sungrow-sh"', '[option]\nfirmware = "x"', "option firmware=x: expected one of new, old"),
        ('speaks = "sungrow-sh"', '[option]\ncolour = "x"', "option.colour: is not a known field"),
        ("", '[[wiring]]\ncode = "crossed"', r"wiring\[1\].code: 'crossed' is not known; expected one of battery_sign"),
        ("", '[[wiring]]\ncode = "flow_return_exchanged"', "cannot be wired here; expected one of battery_sign"),
        ("", '[[wiring]]\ncode = "scale"\nfactor = "big"', r"wiring\[1\].factor: 'big' is out of place"),
        ("", '[[wiring]]\ncode = "grid_clamp"\nfrom = "+1d 00:00"', r"wiring\[1\].to: is missing"),
        ("", '[[bus]]\ncode = "noise"\nform = "loud"', "noise: form 'loud' is not known; expected bit, before, tail"),
        ("", '[[bus]]\ncode = "exception"\nexception = 7', "exception 7: expected one of 0, 1"),
        ("", '[[bus]]\ncode = "silence"\nvolume = 3', r"bus\[1\].volume: is not a known field"),
    ],
)
def test_what_cannot_be_is_one_clear_line(first: str, more: str, problem: str) -> None:
    with pytest.raises(BadScenario, match=problem):
        scenario(more, first)


async def test_a_planned_fault_is_on_the_wire_in_its_time_only() -> None:
    planned = scenario(WHOLE.replace("rate = 0.25", "rate = 1"), 'speaks = "sungrow-sh"')
    at_noon = served(planned, origin_ms=ORIGIN_MS, at_ms=ORIGIN_MS + 65 * MINUTE_MS)
    async with at_noon as cellar, client(cellar) as reader:
        clamped = signed32((await reader.words(5600, 2, 4))[::-1])
        assert clamped == pytest.approx(-cellar.truth()[GRID_POWER].value, abs=1)
        move(cellar, ORIGIN_MS + 24 * 60 * MINUTE_MS)
        assert await reader.ask(read(5600, 2, 4)) == bytes([0x84, 6])


async def test_a_running_clock_and_a_serial_line() -> None:
    async with served("home-healthy", origin_ms=ORIGIN_MS, rate=60, speaks="eastron-sdm630", carrier="rtu") as cellar:
        first = cellar.live.now_ms()
        async with asyncio.timeout(10):
            while cellar.live.now_ms() < first + 30_000:
                await asyncio.sleep(0.05)
        assert cellar.by_id.exists()
