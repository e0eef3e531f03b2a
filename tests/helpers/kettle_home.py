"""A SunSpec home on a real socket with a kettle that a test switches, on a clock of its own, and wiring to be wrong."""

import asyncio
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from agent.clock import SimulatedClock
from tests.helpers.modbus_server import ModbusServer
from tests.helpers.sunspec_device import hybrid, serve

KETTLE_W = 2000.0
_LAG_S = 8.0


@dataclass
class KettleHome:
    """Solar 3,500 W with a little cloud; a battery that follows the house with a lag; the grid is what is left."""

    clock: SimulatedClock
    battery_reversed: bool = False
    grid_reversed: bool = False
    kettle: bool = False
    port: int = 0
    _battery: float = 1500.0
    _at_ms: int = 0
    _server: ModbusServer = field(default_factory=ModbusServer)

    def switch(self, on: bool) -> None:
        self.kettle = on

    def refresh(self) -> None:
        """The registers of this moment."""
        now_ms = self.clock.now_ms()
        pv = 3500 + 60 * math.sin(now_ms / 17_000)
        load = 620 + 15 * math.sin(now_ms / 3_000) + (KETTLE_W if self.kettle else 0)
        wanted = max(-3000.0, min(2400.0, pv - load / 0.97))
        passed_s = 0.0 if not self._at_ms else (now_ms - self._at_ms) / 1000
        self._battery += (wanted - self._battery) * (1 - math.exp(-passed_s / _LAG_S))
        self._at_ms = now_ms
        ac = (pv - self._battery) * 0.97
        charge, discharge = max(0.0, self._battery), max(0.0, -self._battery)
        if self.battery_reversed:
            charge, discharge = discharge, charge
        grid = load - ac
        modules = [round(pv * 0.55), round(pv * 0.45), round(charge), round(discharge)]
        shown = round(-grid if self.grid_reversed else grid)
        serve(self._server, hybrid(ac=round(ac), grid=shown, modules=modules))


@contextmanager
def kettle_home(
    clock: SimulatedClock, *, battery_reversed: bool = False, grid_reversed: bool = False
) -> Iterator[KettleHome]:
    """Served from a thread of its own while the test does other things."""
    home = KettleHome(clock, battery_reversed, grid_reversed)
    home._server.on_request = home.refresh
    home.refresh()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(home._server.start(), loop).result(10)
        home.port = home._server.port
        yield home
    finally:
        asyncio.run_coroutine_threadsafe(home._server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
