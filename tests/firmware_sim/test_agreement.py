"""A device of the simulator, read over a socket by the agent with its shipped profiles, shows what a history would say.

Encoder and decoder are written apart; each is also tested against others. Here they meet.
"""

import pytest

from agent.domain.signals import SIGNALS, Kind
from agent.sources.modbus import ModbusSource
from agent.sources.profile_file import load_profile
from agent.sources.tcp_client import TcpLink
from firmware_sim.scenario import Scenario, load_scenario, shipped
from firmware_sim.server import ModbusServer
from firmware_sim.site import Site
from tests.firmware_sim.support import MINUTE_MS, ORIGIN_MS
from tests.helpers.sources import SteppedClock


class Stage:
    """A site whose now a test sets."""

    def __init__(self, scenario: Scenario) -> None:
        self.site = Site(scenario, ORIGIN_MS)
        self.now_ms = ORIGIN_MS

    def server(self) -> ModbusServer:
        return ModbusServer("127.0.0.1", 0, lambda: self.site.image(self.now_ms), lambda: None)


def resolution(name: str) -> float:
    """How far a register may be from the truth: 1 W per summed part, 1 Wh per counter, 0.1 K."""
    spec = next(spec for signal, spec in SIGNALS.items() if signal == name)
    if spec.kind in (Kind.FLAG, Kind.CODE):
        return 0.0
    return {"W": 1.2, "Wh": 1.2, "%": 0.006, "°C": 0.051}[spec.unit]


@pytest.mark.parametrize("name", shipped())
async def test_the_agent_reads_what_the_simulator_means(name: str) -> None:
    scenario = load_scenario(name)
    stage = Stage(scenario)
    clock = SteppedClock(ORIGIN_MS)
    profile = load_profile("samson-trovis-557x" if scenario.heat is not None else "sunspec")
    async with stage.server() as server:
        link = TcpLink("127.0.0.1", server.port)
        async with ModbusSource(name, profile, link, clock=clock, unit=scenario.unit_id) as source:
            equipment = await source.identify()
            assert (equipment.maker, equipment.serial) == (scenario.equipment.maker, scenario.equipment.serial)
            for minute in range(0, 2 * 1440, 251):
                stage.now_ms = ORIGIN_MS + minute * MINUTE_MS
                await clock.move_to(stage.now_ms)
                reading = await source.read()
                meant = stage.site.observe(stage.now_ms)
                assert meant is not None
                assert set(reading.values) == set(meant)
                for signal, value in meant.items():
                    assert reading.values[signal] == pytest.approx(value, abs=resolution(signal))
                assert dict(reading.bad) == {}
