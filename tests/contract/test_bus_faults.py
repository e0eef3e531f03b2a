"""What the agent makes of each fault that the simulator's lines and devices can have.

Whatever strikes, no value that is taken as good is far from the truth, and when it is over everything is read again.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agent.domain.signals import BATTERY_POWER, GRID_POWER, LOAD_POWER, PV_POWER, Quality
from firmware_sim.bus.faults import BusCode
from tests.firmware_sim.stand import DAY_MS, NIGHT_MS, client
from tests.helpers.faulty_lines import FaultyLine, faulty_line

HUAWEI = ("huawei-sun2000", "huawei-sun2000")
SUNGROW = ("sungrow-sh", "sungrow-sh")
METER = ("eastron-sdm630", "eastron-sdm630")
SUNSPEC = ("sunspec", "sunspec")
LATE_S = 0.6

# What the agent sees through: every poll is whole all the same.
HARMLESS: list[tuple[str, str, tuple[str, str], dict[str, Any]]] = [
    ("noise", "rtu", METER, {"form": "before"}),
    ("echo", "rtu", METER, {"form": "whole"}),
    ("echo", "rtu", METER, {"form": "partial"}),
    ("echo", "rtu-over-tcp", SUNGROW, {"form": "whole"}),
    ("split", "rtu", METER, {}),
    ("split", "rtu-over-tcp", SUNGROW, {}),
    ("foreign", "rtu-over-tcp", SUNGROW, {}),
    ("idle_close", "tcp", HUAWEI, {"form": "close", "seconds": 0.1}),
    ("idle_close", "tcp", HUAWEI, {"form": "mute", "seconds": 0.1}),
    ("slow_start", "tcp", HUAWEI, {"form": "busy", "seconds": 0.3}),
    ("drop_first", "tcp", HUAWEI, {"seconds": 0.5}),
    ("slow", "tcp", HUAWEI, {"seconds": 0.02}),
    ("sentinels", "tcp", HUAWEI, {"form": "wake"}),
    ("sentinels", "tcp", HUAWEI, {"form": "connect"}),
]
# What leaves nothing to believe: the device counts as not answering.
SILENCING: list[tuple[str, str, tuple[str, str], dict[str, Any]]] = [
    ("noise", "rtu", METER, {"form": "bit"}),
    ("noise", "rtu-over-tcp", SUNGROW, {"form": "bit"}),
    ("noise", "rtu-over-tcp", SUNGROW, {"form": "tail"}),
    ("silence", "tcp", HUAWEI, {}),
    ("silence", "rtu", METER, {}),
    ("slow", "tcp", HUAWEI, {"seconds": LATE_S}),
    ("late", "tcp", HUAWEI, {"form": "delayed", "seconds": LATE_S}),
    ("late", "tcp", HUAWEI, {"form": "previous"}),
    ("late", "rtu-over-tcp", SUNGROW, {"form": "delayed", "seconds": LATE_S}),
    ("transaction", "tcp", HUAWEI, {"form": "zero"}),
    ("transaction", "tcp", HUAWEI, {"form": "previous"}),
    ("gateway_timeout", "tcp", HUAWEI, {"seconds": 0.1}),
    ("length", "tcp", HUAWEI, {"form": "short"}),
    ("length", "tcp", HUAWEI, {"form": "long"}),
    ("length", "rtu-over-tcp", SUNGROW, {"form": "short"}),
    ("length", "rtu-over-tcp", SUNGROW, {"form": "long"}),
    *[("exception", "tcp", HUAWEI, {"exception": code}) for code in (0, 4, 10, 11)],
    *[("exception", "tcp", SUNGROW, {"exception": code}) for code in (5, 6)],
]
# What strikes now and then, well formed and wrong.
LYING: list[tuple[str, str, tuple[str, str], dict[str, Any]]] = [
    ("zeros", "tcp", HUAWEI, {}),
    ("zeros", "rtu-over-tcp", SUNGROW, {}),
    ("constant", "tcp", HUAWEI, {}),
    ("constant", "rtu-over-tcp", SUNGROW, {}),
    ("length", "tcp", HUAWEI, {"form": "slipped"}),
    ("length", "rtu-over-tcp", SUNGROW, {"form": "slipped"}),
    ("counter", "tcp", HUAWEI, {"form": "dip"}),
    ("counter", "tcp", HUAWEI, {"form": "reset"}),
    ("counter", "tcp", HUAWEI, {"form": "minus_one"}),
    ("soc_zero", "tcp", HUAWEI, {}),
    ("sentinels", "tcp", HUAWEI, {"form": "poll"}),
    ("words_swapped", "tcp", HUAWEI, {}),
]
# Those that have a test of their own below.
OWN = {
    BusCode.EXCEPTION, BusCode.SECOND_CLIENT, BusCode.NIGHT_SLOW, BusCode.NIGHT_REFUSE, BusCode.SENTINELS,
    BusCode.SCALE_MOVES, BusCode.TORN, BusCode.STUCK, BusCode.VANISH, BusCode.MOVED, BusCode.FIRMWARE, BusCode.SIGN,
}  # fmt: skip


def label(case: object) -> str:
    if isinstance(case, dict):
        return "-".join(map(str, case.values()))
    return str(case[0] if isinstance(case, tuple) else case)


def test_every_fault_of_the_simulator_is_here() -> None:
    assert {BusCode(code) for code, *_ in (*HARMLESS, *SILENCING, *LYING)} | OWN == set(BusCode)


async def recovers(line: FaultyLine) -> None:
    """All is read again within some polls, and nothing of the past is told as new."""
    line.cellar.clear()
    after = await line.polls(3)
    assert after.wrong == []
    assert after.whole >= 2


@pytest.mark.parametrize(("code", "carrier", "device", "details"), HARMLESS, ids=label)
async def test_what_the_agent_sees_through(
    code: str, carrier: str, device: tuple[str, str], details: dict[str, Any]
) -> None:
    async with faulty_line(*device, carrier) as line:
        line.cellar.fault(code, **details)
        seen = await line.polls(3)
        assert (seen.whole, seen.wrong) == (3, [])
        await recovers(line)


@pytest.mark.parametrize(("code", "carrier", "device", "details"), SILENCING, ids=label)
async def test_what_leaves_nothing_to_believe(
    code: str, carrier: str, device: tuple[str, str], details: dict[str, Any]
) -> None:
    async with faulty_line(*device, carrier) as line:
        line.cellar.fault(code, **details)
        seen = await line.polls(2)
        assert (seen.whole, seen.wrong) == (0, [])
        assert seen.silent
        await recovers(line)


@pytest.mark.parametrize(("code", "carrier", "device", "details"), LYING, ids=label)
async def test_what_lies_now_and_then_is_not_believed(
    code: str, carrier: str, device: tuple[str, str], details: dict[str, Any]
) -> None:
    async with faulty_line(*device, carrier) as line:
        line.cellar.fault(code, every=11, **details)
        seen = await line.polls(24)
        assert seen.wrong == []
        assert seen.whole >= 12, "one lie does not cost the others"
        await recovers(line)


async def test_a_line_that_is_one_answer_behind_tells_nothing_wrong() -> None:
    """Asked once more, such a line gives the answer that was wanted; till then it has given none."""
    async with faulty_line(*SUNGROW, "rtu-over-tcp") as line:
        line.cellar.fault("late", form="previous")
        assert (await line.polls(4)).wrong == []
        await recovers(line)


@pytest.mark.parametrize("code", [1, 2, 3])
async def test_a_register_that_the_device_says_not_to_have_is_invalid_and_comes_back(code: int) -> None:
    async with faulty_line(*HUAWEI) as line:
        line.cellar.fault("exception", exception=code, first=37113, last=37122)
        seen = await line.polls(3)
        assert seen.bad[GRID_POWER] == {Quality.INVALID}
        assert PV_POWER not in seen.bad, "other registers are read on"
        assert seen.wrong == []
        line.cellar.clear()
        assert (await line.polls(70)).whole >= 1, "it is asked for again after a while"


@pytest.mark.parametrize("form", ["reset_old", "refuse_new", "mute_new"])
async def test_a_second_client_costs_a_poll_at_most(form: str) -> None:
    async with faulty_line(*HUAWEI) as line:
        line.cellar.fault("second_client", form=form)
        async with client(line.cellar):
            pass
        seen = await line.polls(4)
        assert seen.whole >= 3
        assert seen.wrong == []


@pytest.mark.parametrize("code", ["night_slow", "night_refuse"])
async def test_a_device_that_sleeps_at_night_is_silent_and_wakes(code: str) -> None:
    async with faulty_line(*HUAWEI, at_ms=NIGHT_MS) as line:
        line.cellar.fault(code, **({"seconds": LATE_S} if code == "night_slow" else {}))
        assert (await line.polls(2)).silent == 2
        await line.polls(1, minutes=9 * 60)
        morning = await line.polls(4)
        assert morning.whole >= 3
        assert morning.wrong == []


async def test_no_value_at_night_is_no_number_and_no_alarm() -> None:
    async with faulty_line(*HUAWEI, at_ms=NIGHT_MS) as line:
        line.cellar.fault("sentinels", form="night")
        seen = await line.polls(6)
        assert seen.wrong == []
        assert seen.whole == 0
        await recovers(line)


async def test_scale_factors_that_change_at_sunrise_are_read_with_their_values() -> None:
    async with faulty_line(*SUNSPEC, at_ms=DAY_MS) as line:
        line.cellar.fault("scale_moves", words=1)
        seen = await line.polls(6)
        assert seen.whole == 6
        # Ten times coarser is what such a device then says: never ten times as much.
        assert all(abs(float(a) - float(b)) <= 25 for a, b in map(numbers, seen.wrong))
        await recovers(line)


def numbers(told: str) -> tuple[str, str]:
    """Out of "signal = a, not b"."""
    value, _, truth = told.partition(" = ")[2].partition(", not ")
    return value, truth


@pytest.mark.parametrize("form", ["old_high", "old_low"])
async def test_torn_pairs_are_no_spikes(form: str) -> None:
    async with faulty_line(*HUAWEI) as line:
        line.cellar.fault("torn", form=form, every=3)
        seen = await line.polls(20)
        # An old word of the same high half is the value of a moment ago; a mixed pair would be 65,536 off.
        assert all(abs(float(a) - float(b)) < 30_000 for a, b in map(numbers, seen.wrong))
        assert seen.whole >= 12
        await recovers(line)


async def test_a_block_that_stands_still_is_stale() -> None:
    async with faulty_line(*HUAWEI) as line:
        line.cellar.fault("stuck")
        seen = await line.polls(14)
        assert {PV_POWER, BATTERY_POWER, LOAD_POWER} & {n for n, why in seen.bad.items() if Quality.STALE in why}
        await recovers(line)


async def test_an_adapter_that_comes_back_under_another_name_is_found(tmp_path: Path) -> None:
    async with faulty_line(*METER, "rtu", folder=tmp_path) as line:
        before = line.cellar.tty
        line.cellar.vanish(1.0)
        assert (await line.polls(1)).silent == 1
        async with asyncio.timeout(20):
            while (seen := await line.polls(1)).whole == 0:
                assert seen.wrong == []
                await asyncio.sleep(0.1)
        assert line.cellar.tty != before
        await recovers(line)


async def test_a_map_that_moved_is_found_again_or_silent() -> None:
    async with faulty_line(*SUNSPEC) as line:
        line.cellar.fault("moved", words=10_000)
        seen = await line.polls(3)
        assert seen.wrong == []
        assert seen.whole >= 1, "it is found at its new base"
        line.cellar.clear()
        line.cellar.fault("moved", words=1)
        seen = await line.polls(3)
        assert (seen.whole, seen.wrong) == (0, [])


async def test_a_new_firmware_that_lost_a_register_is_told() -> None:
    async with faulty_line(*SUNGROW) as line:
        line.cellar.fault("firmware", option="firmware=old")
        seen = await line.polls(4)
        assert seen.wrong == []
        assert seen.bad.keys() == {BATTERY_POWER}


async def test_a_sign_that_turns_is_doubted_before_it_is_believed() -> None:
    """A driver cannot know which sign is right; it can know that import and export counters changed places."""
    async with faulty_line(*HUAWEI) as line:
        line.cellar.fault("sign", form="grid")
        seen = await line.polls(3)
        assert seen.wrong == []
        assert Quality.INVALID in seen.bad[GRID_POWER]
