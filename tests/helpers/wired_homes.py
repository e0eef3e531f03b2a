"""Homes of the simulator with a wiring mistake, read over real Modbus by the agent's own sources, and proven.

Simulator and agent share a clock that a test moves: three minutes take as long as the requests do.
"""

import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.bench import AgentBench
from agent.domain.proof import prove
from agent.domain.proof_model import LoadStep, Proof, Trial
from agent.domain.signals import Reading
from agent.onsite.bench import SourcePlan
from agent.onsite.cues import HEAT_S, HOLD_S, QUIET_S
from agent.sources import profile_file
from firmware_sim.cellar import Cellar, served
from firmware_sim.clock import StillClock
from firmware_sim.scenario import Scenario

_SHIPPED = Path(profile_file.__file__).with_name("profiles")
_PAUSES = re.compile(r"^(gap_ms|after_connect_ms) *=.*$", re.MULTILINE)
READ_EVERY_S = 1.5
KETTLE_W = 2000.0
WARM = 28.0
ANNOUNCED_S = 0.7


class SharedClock:
    """The agent's clock; it moves the simulator's along."""

    def __init__(self, cellar: Cellar) -> None:
        assert isinstance(cellar.live.clock, StillClock)
        self._still = cellar.live.clock

    def now_ms(self) -> int:
        return self._still.at_ms

    def monotonic_ms(self) -> int:
        return self._still.at_ms

    async def sleep(self, seconds: float) -> None:
        self._still.at_ms += round(seconds * 1000)


@dataclass(frozen=True)
class Device:
    """A family of the simulator and the agent's profile that reads it."""

    family: str
    profile: str
    options: tuple[tuple[str, str], ...] = ()
    variants: tuple[str, ...] = ()
    more_units: tuple[int, ...] = ()

    def table(self, cellar: Cellar, folder: Path) -> dict[str, object]:
        """Its table in a site file; the profile is a copy in `folder` that does not pause between requests."""
        own = folder / f"{self.profile}.toml"
        if not own.exists():
            own.write_text(_PAUSES.sub("", (_SHIPPED / own.name).read_text()))
        table: dict[str, object] = {"name": "device", "profile": own.name, "host": "127.0.0.1"}
        table |= {"port": cellar.port, "unit": cellar.unit_id}
        if self.variants:
            table["variants"] = list(self.variants)
        if self.more_units:
            table["more_units"] = list(self.more_units)
        return table


SUNSPEC = Device("sunspec", "sunspec")
SUNGROW = Device("sungrow-sh", "sungrow-sh")
HUAWEI = Device("huawei-sun2000", "huawei-sun2000")
DEYE = Device("deye-sunsynk", "deye-sunsynk-3p", variants=("wide",))
HOMES = (SUNSPEC, SUNGROW, HUAWEI, DEYE)
BOILERS = (
    Device("luxtronik", "luxtronik"),
    Device("nibe-s", "nibe-s"),
    Device("idm-navigator", "idm-navigator"),
    Device("stiebel-wpm", "stiebel-eltron-wpm"),
    Device("samson-trovis", "samson-trovis-557x"),
)


@asynccontextmanager
async def wired(device: Device, scenario: Scenario | str, origin_ms: int, at_ms: int) -> AsyncIterator[Cellar]:
    """The site, served as this device at an instant that stands still."""
    options = {"gap_ms": "0", **dict(device.options)}
    async with served(scenario, origin_ms=origin_ms, at_ms=at_ms, speaks=device.family, options=options) as cellar:
        yield cellar


@dataclass(frozen=True)
class Plan:
    """What the person does: a load of so many watts, on each of the phases in turn; asking for heat at the end."""

    watts: float = KETTLE_W
    phases: Sequence[int | None] = (None, None)
    heat: bool = False
    outdoor_about: float | None = None


async def proof_of(device: Device, cellar: Cellar, plan: Plan) -> Proof:
    """Watch, switch the load as the wizard asks for it, and judge."""
    return prove(await trial_of(device, cellar, plan))


async def trial_of(device: Device, cellar: Cellar, plan: Plan) -> Trial:
    clock = SharedClock(cellar)
    with tempfile.TemporaryDirectory() as folder:
        bench = AgentBench(clock, Path(folder) / "site.toml")
        plans = [SourcePlan(device.table(cellar, Path(folder)))]
        return await _trial(bench, plans, clock, cellar, plan)


async def _trial(
    bench: AgentBench, plans: Sequence[SourcePlan], clock: SharedClock, cellar: Cellar, plan: Plan
) -> Trial:
    facts = bench.facts(plans)
    steps: list[LoadStep] = []
    readings: list[Reading] = []
    heat_on_ms: int | None = None
    async with bench.watch(plans) as watch:

        async def look(seconds: float, every_s: float = READ_EVERY_S) -> None:
            end_ms = clock.now_ms() + round(seconds * 1000)
            while clock.now_ms() < end_ms:
                readings.append(await watch.read())
                await clock.sleep(every_s)

        await look(QUIET_S)
        for phase in plan.phases:
            for watts in (plan.watts, 0.0):
                cellar.load(watts, phase or 1)
                await clock.sleep(ANNOUNCED_S)
                steps.append(LoadStep(clock.now_ms(), plan.watts if watts else -plan.watts, phase))
                await look(HOLD_S)
        if plan.heat:
            cellar.heat(WARM)
            await clock.sleep(ANNOUNCED_S)
            heat_on_ms = clock.now_ms()
            await look(HEAT_S, 5.0)
    return Trial(
        tuple(readings),
        tuple(steps),
        facts.channels,
        facts.load_follows_grid,
        plan.outdoor_about,
        heat_on_ms,
        frozenset(facts.givers),
    )
