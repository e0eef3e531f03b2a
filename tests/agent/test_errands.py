"""What commands do, over devices and a journal in memory."""

from collections.abc import Sequence
from typing import Any

import pytest

from agent.domain.commands import CommandName
from agent.domain.errors import BadInput
from agent.domain.signals import PV_POWER, ROOM_TEMPERATURE
from agent.domain.twin import Document
from agent.domain.wire import Body, Energy, Event, Summary, Unknown, decode_body
from agent.errands import errands
from agent.log_tail import LogTail
from agent.ports import Clock, Outbox, Source
from tests.helpers.outbox import MemoryOutbox
from tests.helpers.sources import MemorySource
from tests.helpers.uplinks import START_MS, SetClock, summary

HOUR_MS = 3_600_000


class Home:
    """`agent.errands.Home` without an agent around it."""

    def __init__(self) -> None:
        self._clock = SetClock()
        self._outbox = MemoryOutbox()
        self._tail = LogTail()
        self.devices = [
            MemorySource("heating", {ROOM_TEMPERATURE: 20.5}, clock=self._clock),
            MemorySource("inverter", {PV_POWER: 100.0}, clock=self._clock),
        ]
        self.hurries: list[tuple[float, float]] = []
        self.restarts: list[str] = []

    @property
    def outbox(self) -> Outbox:
        return self._outbox

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def tail(self) -> LogTail:
        return self._tail

    @property
    def budget_s(self) -> float:
        return 0.2

    def sources(self) -> Sequence[Source]:
        return self.devices

    def document(self) -> Document:
        return {"agent": {"version": "1"}}

    async def write(self, bodies: Sequence[tuple[int, Body]]) -> None:
        await self._outbox.append(bodies)

    async def hasten(self, interval_s: float, for_s: float) -> None:
        self.hurries.append((interval_s, for_s))

    def restart(self, why: str) -> None:
        self.restarts.append(why)


async def result(home: Home, name: CommandName, **args: Any) -> dict[str, Any]:
    return (await errands(home)[name](args)).result


async def test_every_device_is_read_and_a_dead_one_is_said() -> None:
    home = Home()
    home.devices[1].dead = True
    told = await result(home, CommandName.READ_NOW)
    assert told["heating"]["values"] == {ROOM_TEMPERATURE: 20.5}
    assert told["inverter"] == {"error": "switched off"}
    home.devices[1].dead, home.devices[1].hang = False, True
    told = await result(home, CommandName.READ_NOW, source="inverter")
    assert told == {"inverter": {"error": "no answer within 0.2 s"}}
    with pytest.raises(BadInput, match="heating, inverter"):
        await result(home, CommandName.READ_NOW, source="cellar")


async def test_who_it_is() -> None:
    told = await result(Home(), CommandName.IDENTIFY)
    assert told["sources"]["heating"]["maker"] == "Memory"
    assert told["agent"]["version"]


async def test_windows_and_counters_of_a_period_are_appended_anew_and_nothing_else() -> None:
    home = Home()
    windows = [(summary(n).start_ms, summary(n)) for n in range(40)]
    energy = (START_MS + HOUR_MS, Energy(START_MS + HOUR_MS, {"pv_energy_total": 5.0}))
    event = (START_MS + HOUR_MS, Event(START_MS + HOUR_MS, "start"))
    raw = (START_MS + HOUR_MS, Unknown("raw", b"\x91\x01"))
    await home.write([*windows, energy, event, raw])
    told = await result(home, CommandName.RESEND, from_ms=START_MS, to_ms=START_MS + 2 * HOUR_MS)
    assert told == {"records": 10, "raw": 1}
    again = await home.outbox.after(43, limit=100)
    bodies = [decode_body(record.kind, record.body) for record in again]
    assert [body for body in bodies if isinstance(body, Summary)] == [window for _, window in windows[:8]]
    assert [body for body in bodies if not isinstance(body, Summary)] == [energy[1], raw[1]]
    assert (await result(home, CommandName.RESEND, from_ms=1, to_ms=2)) == {"records": 0, "raw": 0}


async def test_another_interval_ends_by_itself() -> None:
    home = Home()
    told = await result(home, CommandName.INTERVAL, interval_s=5, for_s=60)
    assert home.hurries == [(5.0, 60.0)]
    assert told == {"interval_s": 5.0, "until_ms": START_MS + 60_000}


async def test_logs_and_the_twin() -> None:
    assert await result(Home(), CommandName.LOGS) == {"log": [], "document": {"agent": {"version": "1"}}}


async def test_a_restart_comes_after_its_reply() -> None:
    home = Home()
    done = await errands(home)[CommandName.RESTART]({})
    assert home.restarts == []
    assert done.then is not None
    done.then()
    assert home.restarts == ["a command"]


def test_an_update_is_not_supported() -> None:
    assert CommandName.UPDATE not in errands(Home())
