"""A served device with its switches: faults of the line, mistakes of the wiring, loads, the truth. For tests and demos.

async with served("home-healthy", speaks="huawei-sun2000", origin_ms=…, at_ms=…) as cellar:
    … read 127.0.0.1:cellar.port, unit cellar.unit_id …
    cellar.fault("exception", exception=6, rate=0.2)
    cellar.load(2000)
"""

import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from agent.domain.signals import SignalName, signal_name
from firmware_sim.bus.bus import Bus
from firmware_sim.bus.faults import ALWAYS_MS, BusCode, BusFault, FaultBook
from firmware_sim.bus.framing import Framing
from firmware_sim.bus.serial_line import SerialLine
from firmware_sim.bus.settings import parse_settings
from firmware_sim.choice import choose
from firmware_sim.clock import SimClock, StillClock
from firmware_sim.errors import BadArgument, SimError
from firmware_sim.families.truth import Told
from firmware_sim.live import Clock, LiveSite
from firmware_sim.scenario import Scenario, load_scenario
from firmware_sim.server import ModbusServer
from firmware_sim.site import Site
from firmware_sim.wiring import HEAT_WIRING, HOME_WIRING, Measured, Wiring, WiringCode


class Cellar:
    """One device while it is served. Every verb takes effect from the simulated now on."""

    def __init__(self, live: LiveSite, bus: Bus) -> None:
        self.live = live
        self.bus = bus
        self.port = 0
        self.line: SerialLine | None = None
        self.unit_id: int = live.site.speech.unit_id

    @property
    def tty(self) -> Path:
        """The serial port to open. Raises `SimError` where there is none."""
        return self._serial().tty

    @property
    def by_id(self) -> Path:
        """The serial port's name that stays. Raises `SimError` where there is none."""
        return self._serial().by_id

    def fault(self, code: str, **details: Any) -> None:
        """Switches a fault of the line on: fields of `BusFault`, and `minutes` of simulated time. Raises `SimError`."""
        minutes = details.pop("minutes", None)
        start_ms = self.live.now_ms()
        end_ms = ALWAYS_MS if minutes is None else start_ms + round(minutes * 60_000)
        try:
            fault = BusFault(BusCode(code), start_ms=start_ms, end_ms=end_ms, **details)
        except (TypeError, ValueError) as error:
            raise BadArgument(f"fault {code}: {error}") from error
        _check_firmware(fault, self.live.site)
        self.bus.book.add(fault)
        self.live.changed()

    def clear(self, code: str | None = None) -> int:
        """Switches one kind of fault off, or all of them; tells how many there were. Raises `SimError`."""
        try:
            number = self.bus.book.clear(None if code is None else BusCode(code))
        except ValueError as error:
            raise BadArgument(f"fault {code}: {error}") from error
        self.live.changed()
        return number

    def wire(
        self, code: str, *, phase: int = 3, factor: float = 10.0, of: str = "grid", sensor: str | None = None
    ) -> None:
        """Makes a wiring mistake from now on. Raises `SimError`."""
        try:
            wiring = Wiring(
                WiringCode(code), start_ms=self.live.now_ms(), phase=phase, factor=factor, measured=Measured(of),
                sensor=None if sensor is None else signal_name(sensor),
            )  # fmt: skip
        except ValueError as error:
            raise BadArgument(f"wiring {code}: {error}") from error
        is_heat = self.live.site.scenario.heat is not None
        known = HEAT_WIRING if is_heat else HOME_WIRING
        if wiring.code not in known:
            raise BadArgument(f"wiring {code}: expected one of {', '.join(sorted(known))}")
        self.live.site.wiring.append(wiring)
        self.live.changed()

    def unwire(self) -> None:
        """Puts right every mistake made by `wire`."""
        self.live.site.wiring.clear()
        self.live.changed()

    def load(self, watts: float, phase: int = 1) -> None:
        """Switches a load of so many W on at a phase, 0 off. Raises `SimError`."""
        self.live.site.switch_load(self.live.now_ms(), watts, phase)
        self.live.changed()

    def heat(self, room: float) -> None:
        """Turns the room's thermostat up to so many °C. Raises `SimError`."""
        self.live.site.ask_for_heat(self.live.now_ms(), room)
        self.live.changed()

    def truth(self) -> Mapping[SignalName, Told]:
        """What a right reader of a rightly wired device knows now, and what one step of its registers is worth."""
        return self.live.site.truth(self.live.now_ms())

    def vanish(self, seconds: float) -> None:
        """Pulls the serial adapter out for so many seconds. Raises `SimError` where there is none."""
        self._serial().vanish(seconds)

    def _serial(self) -> SerialLine:
        if self.line is None:
            raise SimError("there is no serial line here")
        return self.line


def _check_firmware(fault: BusFault, site: Site) -> None:
    """Raises `BadArgument` for a new firmware that the family does not have."""
    if fault.code is BusCode.FIRMWARE and "=" in fault.option:
        key, _, value = fault.option.partition("=")
        site.speech.family.chosen({key: value})


def cellar_of(scenario: Scenario, site: Site, clock: Clock) -> Cellar:
    """A device with the faults that its scenario plans. Raises `BadArgument`."""
    book = FaultBook(scenario.bus_from(site.origin_ms), scenario.seed)
    for plan in scenario.bus:
        _check_firmware(plan.fault, site)
    live = LiveSite(site, clock, book)
    return Cellar(live, Bus(live, book))


@asynccontextmanager
async def served(
    scenario: str | Scenario,
    *,
    origin_ms: int,
    at_ms: int | None = None,
    rate: float = 0.0,
    speaks: str | None = None,
    options: Mapping[str, str] | None = None,
    carrier: str = "tcp",
    settings: str | None = None,
    folder: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[Cellar]:
    """Serves a scenario. `rate` 0 lets time stand still at `at_ms` until `cellar.live.clock.at_ms` is set.

    `carrier` is `tcp`, `rtu-over-tcp` or `rtu`, a pty in `folder` with `settings` like 9600N1. Raises `SimError`.
    """
    whole = load_scenario(scenario) if isinstance(scenario, str) else scenario
    start_ms = origin_ms if at_ms is None else at_ms
    clock: Clock = StillClock(start_ms)
    if rate > 0.0:
        clock = SimClock(start_ms, time.time_ns() // 1_000_000, rate, floor_ms=origin_ms)
    cellar = cellar_of(whole, Site(whole, origin_ms, choose(whole, speaks, options or {})), clock)
    cellar.live.catch_up()
    async with AsyncExitStack() as stack:
        await open_line(stack, [cellar], carrier, settings, folder, (host, port))
        yield cellar


async def open_line(
    stack: AsyncExitStack,
    cellars: Sequence[Cellar],
    carrier: str,
    settings: str | None,
    folder: Path | None,
    address: tuple[str, int],
) -> None:
    """Opens one line for all `cellars`: several share a serial line only. Raises `SimError`."""
    first = cellars[0]
    if carrier == "rtu":
        if folder is not None:
            _expect_folder(folder)
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emberwatt-line-")))
        parsed = parse_settings(settings or first.live.site.speech.family.line)
        line = await stack.enter_async_context(SerialLine([cellar.bus for cellar in cellars], parsed, place))
        for cellar in cellars:
            cellar.line = line
        return
    if carrier not in {"tcp", Framing.RTU}:
        raise BadArgument(f"carrier {carrier!r}: expected tcp, rtu-over-tcp or rtu")
    framing = Framing.RTU if carrier == Framing.RTU else Framing.MBAP
    live = first.live
    server = ModbusServer(address[0], address[1], live.image, live.silence, first.bus, framing)
    first.port = (await stack.enter_async_context(server)).port


def _expect_folder(folder: Path) -> None:
    try:
        (folder / "by-id").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadArgument(f"--serial-dir {folder}: cannot be a folder for the line: {error.strerror}") from error
