"""How often the proof names the simulator's own wiring mistakes right, over its random homes and heating sites."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.domain.proof_model import Finding, Mistake, Proof
from agent.domain.signals import (
    BATTERY_POWER,
    FLOW_TEMPERATURE,
    GRID_POWER,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    SignalName,
)
from firmware_sim.clock import parse_instant
from firmware_sim.scenario import Scenario
from firmware_sim.variety import some_boiler, some_home
from firmware_sim.wiring import WiringCode
from tests.helpers.wired_homes import Device, Plan, proof_of, wired

HOME_ORIGIN_MS = parse_instant("2026-05-01T00:00:00Z")
HEAT_ORIGIN_MS = parse_instant("2026-01-12T00:00:00Z")
HOUR_MS = 3_600_000
ON_PHASES = Plan(phases=(1, 2, 3))
POWERS = {PV_POWER, LOAD_POWER, BATTERY_POWER, GRID_POWER}
# Families that work the house's load out themselves; of the others the agent does.
TELLS_LOAD = {"sungrow-sh", "deye-sunsynk"}
# Families whose powers have two words: with one there is nothing to exchange.
TWO_WORDS = {"sungrow-sh", "huawei-sun2000", "deye-sunsynk"}
# Deye keeps all but grid and house in 16 bits: W that are ten times too large end there.
SHORT = {("deye-sunsynk", "pv"), ("deye-sunsynk", "battery")}
_OF = {"grid": GRID_POWER, "battery": BATTERY_POWER, "pv": PV_POWER, "load": LOAD_POWER}
_PLAIN = {
    WiringCode.BATTERY_SIGN: Mistake.BATTERY_REVERSED,
    WiringCode.GRID_CLAMP: Mistake.GRID_REVERSED,
    WiringCode.PHASE_MISSING: Mistake.PHASE_MISSING,
    WiringCode.SCALE: Mistake.SCALE,
    WiringCode.WORDS_SWAPPED: Mistake.WORDS_SWAPPED,
    WiringCode.PV_BOTH_SIDES: Mistake.PV_TWICE,
    WiringCode.LOAD_WITH_BATTERY: Mistake.LOAD_HAS_BATTERY,
    WiringCode.FLOW_RETURN: Mistake.FLOW_RETURN_EXCHANGED,
    WiringCode.OUTDOOR_ROOM: Mistake.OUTDOOR_ROOM_EXCHANGED,
    WiringCode.SENSOR_STUCK: Mistake.STUCK,
    WiringCode.SENSOR_DISCONNECTED: Mistake.DISCONNECTED,
}


@dataclass(frozen=True)
class Wrong:
    """One mistake as the simulator's switch takes it, and the signal that must be named."""

    code: WiringCode
    signal: SignalName | None = None
    phase: int = 3
    factor: float = 10.0
    of: str = "grid"

    def switch(self) -> dict[str, object]:
        """Arguments of `Cellar.wire`."""
        told: dict[str, object] = {"phase": self.phase, "factor": self.factor, "of": self.of}
        return {**told, "sensor": self.signal} if self.code.startswith("sensor") else told


def home_mistakes(device: Device, dice: random.Random) -> Iterator[Wrong]:
    """Each mistake that a home of this family can have, drawn once."""
    yield Wrong(WiringCode.BATTERY_SIGN, BATTERY_POWER)
    yield Wrong(WiringCode.GRID_CLAMP, GRID_POWER)
    yield Wrong(WiringCode.PHASE_MISSING, GRID_POWER, phase=dice.randint(1, 3))
    of = dice.choice([name for name in _OF if name != "load" or device.family in TELLS_LOAD])
    factor = 0.1 if (device.family, of) in SHORT else dice.choice((0.1, 10.0, 1000.0))
    yield Wrong(WiringCode.SCALE, _OF[of], factor=factor, of=of)
    if device.family in TWO_WORDS:
        yield Wrong(WiringCode.WORDS_SWAPPED, GRID_POWER)
    yield Wrong(WiringCode.PV_BOTH_SIDES, PV_POWER)
    if device.family in TELLS_LOAD:
        yield Wrong(WiringCode.LOAD_WITH_BATTERY, LOAD_POWER)
    yield Wrong(WiringCode.SENSOR_STUCK, dice.choice((PV_POWER, GRID_POWER)))
    yield Wrong(WiringCode.SENSOR_DISCONNECTED, dice.choice((PV_POWER, GRID_POWER)))


def heat_mistakes(device: Device, dice: random.Random) -> Iterator[Wrong]:
    """Each mistake that a heating site can have, drawn once."""
    yield Wrong(WiringCode.FLOW_RETURN, FLOW_TEMPERATURE)
    yield Wrong(WiringCode.OUTDOOR_ROOM, OUTDOOR_TEMPERATURE)
    yield Wrong(WiringCode.SENSOR_STUCK, dice.choice((FLOW_TEMPERATURE, RETURN_TEMPERATURE)))
    sensors = [FLOW_TEMPERATURE, RETURN_TEMPERATURE, ROOM_TEMPERATURE]
    if device.family != "idm-navigator":
        # It shows -1.0 °C without a thermometer, which outside may well be true.
        sensors.append(OUTDOOR_TEMPERATURE)
    yield Wrong(WiringCode.SENSOR_DISCONNECTED, dice.choice(sensors))


def named_right(proof: Proof, wrong: Wrong) -> bool:
    """One finding, of this mistake, of this signal, with what undoes it."""
    if wrong.code is WiringCode.SENSOR_DISCONNECTED and wrong.signal == ROOM_TEMPERATURE:
        # Many sites have no thermometer in the room: what is told is to look, if there should be one.
        return not proof.findings and "check its wires" in proof.open.get(ROOM_TEMPERATURE, "")
    if len(proof.findings) != 1:
        return False
    found = proof.findings[0]
    if wrong.signal not in found.signals:
        return False
    if wrong.code is WiringCode.SENSOR_DISCONNECTED and found.mistake is Mistake.STUCK:
        # A device without a pattern for "no value" shows 0 W for ever.
        return True
    return found.mistake is _PLAIN[wrong.code] and _undone(found, wrong)


def _undone(found: Finding, wrong: Wrong) -> bool:
    if wrong.code is WiringCode.PHASE_MISSING:
        return found.phase == wrong.phase
    if wrong.code is WiringCode.SCALE:
        words = f"{wrong.factor:g} times too large" if wrong.factor > 1 else f"{1 / wrong.factor:g} times too small"
        return words in found.says
    return True


@dataclass
class Count:
    """How many were named right of how many; `missed` says which were not."""

    right: int = 0
    homes: int = 0
    missed: list[str] = field(default_factory=list)

    def note(self, right: bool, what: str) -> None:
        self.homes += 1
        self.right += right
        if not right:
            self.missed.append(what)


Table = dict[str, Count]
EVERYTHING_RIGHT = "everything right"
OPEN_AT_EVERY_HOUR = "everything right, a power open at every hour: told as open"
OPEN_WITH_MISTAKE = "such a home with a mistake: named right, or told as open"


async def judge_home(device: Device, number: int, table: Table) -> None:
    """One random home, right and with every mistake; right at every hour that was tried.

    A home of which some power is open at every hour does not count among the mistakes: it has rows of its own.
    """
    scenario, dice = some_home(number), random.Random(f"{device.family}/{number}")
    at_ms, tells = await _telling_hour(device, scenario, dice, table)
    for wrong in home_mistakes(device, dice):
        async with wired(device, scenario, HOME_ORIGIN_MS, at_ms) as cellar:
            cellar.wire(wrong.code, **wrong.switch())
            proof = await proof_of(device, cellar, ON_PHASES)
        what = f"{device.family} {number}"
        if tells:
            _note(table, wrong, proof, what)
        else:
            honest = named_right(proof, wrong) or told_open(proof)
            table.setdefault(OPEN_WITH_MISTAKE, Count()).note(honest, f"{what} {wrong.code}: {_says(proof)}")


async def _telling_hour(device: Device, scenario: Scenario, dice: random.Random, table: Table) -> tuple[int, bool]:
    """An hour at which the right home proves everything: the wizard tells a person when to come back.

    Without one, the hour that proves most, and False.
    """
    hours = list(range(4, 20))
    dice.shuffle(hours)
    tried: list[tuple[int, int]] = []
    honest = True
    for hour in hours:
        at_ms = HOME_ORIGIN_MS + hour * HOUR_MS
        async with wired(device, scenario, HOME_ORIGIN_MS, at_ms) as cellar:
            proof = await proof_of(device, cellar, ON_PHASES)
        what = f"{device.family} {scenario.name} {hour}:00 {_says(proof)}"
        table.setdefault(EVERYTHING_RIGHT, Count()).note(not proof.findings, what)
        if set(proof.proven) >= POWERS:
            return at_ms, True
        tried.append((len(POWERS & set(proof.proven)), at_ms))
        honest = honest and told_open(proof)
    table.setdefault(OPEN_AT_EVERY_HOUR, Count()).note(honest, f"{device.family} {scenario.name}")
    return max(tried)[1], False


def told_open(proof: Proof) -> bool:
    """Nothing is called wrong, and of some power it is said that it could not be told, and why."""
    return not proof.findings and any(proof.open.get(name) for name in POWERS)


async def judge_boiler(device: Device, number: int, table: Table) -> None:
    """One random heating site on a winter's morning, right and with every mistake."""
    scenario, dice = some_boiler(number), random.Random(f"{device.family}/{number}")
    at_ms = HEAT_ORIGIN_MS + dice.randint(30, 40) * HOUR_MS
    for wrong in (None, *heat_mistakes(device, dice)):
        async with wired(device, scenario, HEAT_ORIGIN_MS, at_ms) as cellar:
            outdoor = cellar.live.site.facts(at_ms)["t_out"]
            assert isinstance(outdoor, float)
            if wrong is not None:
                cellar.wire(wrong.code, **wrong.switch())
            proof = await proof_of(device, cellar, Plan(phases=(), heat=True, outdoor_about=round(outdoor)))
        what = f"{device.family} {number}"
        if wrong is None:
            table.setdefault(EVERYTHING_RIGHT, Count()).note(not proof.findings, f"{what} {_says(proof)}")
        else:
            _note(table, wrong, proof, what)


def _note(table: Table, wrong: Wrong, proof: Proof, what: str) -> None:
    told = f"{what} {wrong.of if wrong.code is WiringCode.SCALE else wrong.signal} {wrong.factor:g}: {_says(proof)}"
    table.setdefault(wrong.code, Count()).note(named_right(proof, wrong), told)


def _says(proof: Proof) -> str:
    found = [f"{finding.mistake} {', '.join(finding.signals)}" for finding in proof.findings]
    return "; ".join(found) or f"nothing, open {', '.join(proof.open)}"
