"""The agent's side of the wizard: profiles, scans, live values, all out of the parts that the running agent uses."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.domain.errors import BadSetup, SourceUnavailable
from agent.domain.proof_model import POWERS, Channel
from agent.domain.signals import (
    BATTERY_POWER,
    FLOW_TEMPERATURE,
    PV_POWER,
    Equipment,
    Quality,
    Reading,
    SignalName,
)
from agent.onsite.bench import Candidate, Facts, Look, ProfileChoice, Row, SourcePlan, Watch
from agent.ports import Clock, Source
from agent.raw_words import raw_words, shown, unit_of
from agent.scanning import hosts_of, scan_serial, scan_tcp, units_of
from agent.sources.carriers import Carriers
from agent.sources.corrections import WIDE, channels_of, corrected, follows_grid, widened
from agent.sources.fingerprints import SERIAL_UNITS, TCP_UNITS, Probe, probes_from
from agent.sources.in_turn import ModbusInTurn
from agent.sources.modbus import ModbusSource
from agent.sources.profile import Profile, signals_of
from agent.sources.profile_file import ProfileShelf
from agent.sources.scan import Found, ScanRules
from agent.sources.serial_settings import SerialSettings

_LOOK_S: Final = 60.0
_LAST_UNIT: Final = 255


class AgentBench:
    """`site` is the site file, whether or not it exists yet: an installer's own profiles are found from there."""

    def __init__(self, clock: Clock, site: Path) -> None:
        self._clock = clock
        self._shelf = ProfileShelf.beside(site)

    def profiles(self) -> Sequence[ProfileChoice]:
        """Those that are not sound as well: who chooses one is told what is wrong with it."""
        return [self._choice(name) for name in self._shelf.files()]

    async def scan(self, where: str, progress: Callable[[str], None]) -> Sequence[Candidate]:
        """A serial port begins with a slash, a range has one in it, everything else is a host."""
        if where.startswith("/"):
            return await _scan_serial(where, self._probes(), progress)
        hosts = hosts_of(where, [], 502) if "/" in where else hosts_of(None, [where], 502)
        found = await scan_tcp(hosts, TCP_UNITS, self._probes(), ScanRules(), progress)
        return [_tcp_candidate(each) for each in found]

    def check(self, sources: Sequence[SourcePlan]) -> None:
        """Profiles, tables and corrections; and that no two devices give one signal."""
        self.facts(sources)

    def signals(self, source: SourcePlan) -> frozenset[SignalName]:
        return self._sources([source])[0].signals

    def facts(self, sources: Sequence[SourcePlan]) -> Facts:
        givers: dict[SignalName, str] = {}
        channels: dict[SignalName, Channel] = {}
        follows = False
        for plan, source in zip(sources, self._sources(sources), strict=True):
            for name in source.signals:
                if name in givers:
                    problem = f"gives {name}, which {givers[name]} gives too"
                    raise BadSetup(f"device {plan.name}", problem, hint="Limit one of the two by `signals`.")
                givers[name] = plan.name
            profile = self._profile(plan)
            if profile is not None:
                channels |= channels_of(profile)
                follows |= follows_grid(profile)
        return Facts(givers, channels, follows)

    async def look(self, sources: Sequence[SourcePlan]) -> Sequence[Look]:
        pairs = zip(sources, self._sources(sources), strict=True)
        return await asyncio.gather(*(self._look(plan, source) for plan, source in pairs))

    async def _look(self, plan: SourcePlan, source: Source) -> Look:
        profile = self._profile(plan)
        try:
            async with asyncio.timeout(_LOOK_S), source:
                reading, equipment = await source.read(), await source.identify()
                raw: Mapping[str, tuple[str, ...]] = {}
                if profile is not None and isinstance(source, ModbusSource | ModbusInTurn):
                    unit, more = plan.table.get("unit"), plan.table.get("more_units", ())
                    raw = await raw_words(source, profile, unit, more)
        except SourceUnavailable as unavailable:
            return Look(plan.name, trouble=unavailable.reason)
        except TimeoutError:
            return Look(plan.name, trouble=f"not read within {_LOOK_S:g} s")
        return Look(plan.name, _says(equipment), _rows(reading, raw))

    @asynccontextmanager
    async def watch(self, sources: Sequence[SourcePlan]) -> AsyncIterator[Watch]:
        """Values as wide as the devices send them."""
        async with AsyncExitStack() as stack:
            opened = [await stack.enter_async_context(source) for source in self._sources(sources, wide=True)]
            is_wide = [self._profile(plan) is not None for plan in sources]
            yield _Together(self._clock, list(zip(opened, is_wide, strict=True)))

    def _sources(self, plans: Sequence[SourcePlan], *, wide: bool = False) -> list[Source]:
        """Those on one line share it."""

        def load(name: str, variants: Sequence[str]) -> Profile:
            profile = self._load(name, variants)
            return widened(profile) if wide else profile

        carriers = Carriers(self._clock, load=load)
        return [carriers.make(_table(plan)) for plan in plans]

    def _profile(self, plan: SourcePlan) -> Profile | None:
        """None where the values do not come by a profile."""
        if "profile" not in plan.table:
            return None
        return corrected(self._load(str(plan.table["profile"]), plan.table.get("variants", ())), plan.correct)

    def _load(self, name: str, variants: Iterable[str]) -> Profile:
        return self._shelf.load(name, variants)

    def _probes(self) -> Sequence[Probe]:
        return probes_from(self._shelf.sound()[0])

    def _choice(self, name: str) -> ProfileChoice:
        try:
            profile = self._shelf.load(name)
        except BadSetup as fault:
            return ProfileChoice(name, f"cannot be used: {fault}")
        variants = tuple((variant.name, variant.about) for variant in profile.variant)
        return ProfileChoice(name, f"{profile.maker} {profile.model}".strip(), variants, _called(profile))


def _table(plan: SourcePlan) -> dict[str, Any]:
    return {**plan.table, "correct": msgspec.to_builtins(plan.correct)} if plan.correct else plan.table


async def _scan_serial(where: str, probes: Sequence[Probe], progress: Callable[[str], None]) -> list[Candidate]:
    """`/dev/…`, perhaps with baud rate, parity and unit numbers behind it: `/dev/ttyUSB0 19200 E 1-4`."""
    path, *more = where.split()
    baud = next((int(part) for part in more if part.isdigit() and int(part) > _LAST_UNIT), 9600)
    parity = next((part.upper() for part in more if part.upper() in ("N", "E", "O")), "N")
    rest = [part for part in more if part.upper() != parity and part != str(baud)]
    units = units_of(rest[0]) if rest else SERIAL_UNITS
    found = await scan_serial(SerialSettings(path, baud, parity=parity), units, probes, ScanRules(0.3), progress)
    table = {"carrier": "rtu", "port": path, "baud": baud, "parity": parity}
    return [_candidate(each, {**table, "unit": each.unit}) for each in found]


class _Together:
    """Every source once per read; with each whether its powers are a million times too small."""

    def __init__(self, clock: Clock, sources: Sequence[tuple[Source, bool]]) -> None:
        self._clock = clock
        self._sources = sources

    async def read(self) -> Reading:
        readings = await asyncio.gather(*(_read_one(source, wide) for source, wide in self._sources))
        values: dict[SignalName, float] = {}
        bad: dict[SignalName, Quality] = {}
        for reading in readings:
            values.update(reading.values)
            bad.update(reading.bad)
        return Reading(max((r.at_ms for r in readings), default=0) or self._clock.now_ms(), values, bad)


async def _read_one(source: Source, wide: bool) -> Reading:
    try:
        reading = await source.read()
    except SourceUnavailable:
        return Reading(0, {}, dict.fromkeys(source.signals, Quality.MISSING))
    if not wide:
        return reading
    values = {name: value * WIDE if name in POWERS else value for name, value in reading.values.items()}
    return Reading(reading.at_ms, values, reading.bad)


def _called(profile: Profile) -> str:
    """What a device of this profile is for."""
    signals = signals_of(profile)
    if FLOW_TEMPERATURE in signals:
        return "heating"
    return "inverter" if {PV_POWER, BATTERY_POWER} & signals else "meter"


def _tcp_candidate(found: Found) -> Candidate:
    host, _, port = found.where.rpartition(":")
    return _candidate(found, {"host": host, "port": int(port), "unit": found.unit})


def _candidate(found: Found, table: Mapping[str, Any]) -> Candidate:
    who = found.identity
    name = " ".join(part for part in (who.maker, who.model) if part) or "a device that is not known"
    return Candidate(f"{name} at {found.where}, unit {found.unit}", {"profile": who.profile, **table}, who.note)


def _says(equipment: Equipment) -> str:
    firmware = f"firmware {equipment.firmware}" if equipment.firmware else ""
    serial = f"serial {equipment.serial}" if equipment.serial else ""
    return " ".join(part for part in (equipment.maker, equipment.model, serial, firmware) if part)


def _rows(reading: Reading, raw: Mapping[str, tuple[str, ...]]) -> tuple[Row, ...]:
    rows = []
    for name in sorted({*reading.values, *reading.bad}):
        if name in reading.values:
            text, unit = shown(name, reading.values[name])
            rows.append(Row(name, text, unit, raw.get(name, ())))
        else:
            rows.append(Row(name, "–", unit_of(name), raw.get(name, ()), reading.bad[name].name.lower()))
    return tuple(rows)
