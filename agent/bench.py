"""The agent's side of the wizard: profiles, scans, live values, all out of the parts that the running agent uses."""

import asyncio
import copy
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.app import make_source
from agent.config import SourceTable
from agent.domain.errors import BadSetup, SourceUnavailable
from agent.domain.proof_model import POWERS, Channel
from agent.domain.signals import (
    INVERTER_ALARM,
    INVERTER_STATE,
    Equipment,
    InverterAlarm,
    InverterState,
    Quality,
    Reading,
    SignalName,
    spec_of,
)
from agent.onsite.bench import Candidate, Facts, Look, ProfileChoice, Row, SourcePlan, Watch
from agent.ports import Clock, Source
from agent.scanning import hosts_of, scan_tcp
from agent.sources.corrections import WIDE, channels_of, corrected, follows_grid, terms_of, widened
from agent.sources.fingerprints import TCP_UNITS, shipped_probes
from agent.sources.links import TcpLink
from agent.sources.modbus import ModbusSource
from agent.sources.profile import Field, Layout, Profile, bind_absolute, signals_of
from agent.sources.profile_file import load_profile, profile_names
from agent.sources.scan import Found, ScanRules
from agent.sources.sunspec import Refused, discover, locate

_LOOK_S: Final = 60.0


class AgentBench:
    """`folder` is that of the site file: an installer's own profile is found from there."""

    def __init__(self, clock: Clock, folder: Path) -> None:
        self._clock = clock
        self._folder = folder

    def profiles(self) -> Sequence[ProfileChoice]:
        return [_choice(name) for name in profile_names()]

    async def scan(self, where: str) -> Sequence[Candidate]:
        """A range has a slash in it, everything else is a host."""
        hosts = hosts_of(where, [], 502) if "/" in where else hosts_of(None, [where], 502)
        found = await scan_tcp(hosts, TCP_UNITS, shipped_probes(), ScanRules())
        return [_candidate(each) for each in found]

    def check(self, sources: Sequence[SourcePlan]) -> None:
        """Profiles, tables and corrections; and that no two devices give one signal."""
        self.facts(sources)
        for source in sources:
            self._plain_source(source)

    def facts(self, sources: Sequence[SourcePlan]) -> Facts:
        givers: dict[SignalName, str] = {}
        channels: dict[SignalName, Channel] = {}
        follows = False
        for source in sources:
            profile = self._profile(source)
            for name in _wanted(source, profile):
                if name in givers:
                    problem = f"gives {name}, which {givers[name]} gives too"
                    raise BadSetup(f"device {source.name}", problem, hint="Limit one of the two by `signals`.")
                givers[name] = source.name
            channels |= channels_of(profile)
            follows |= follows_grid(profile)
        return Facts(givers, channels, follows)

    async def look(self, sources: Sequence[SourcePlan]) -> Sequence[Look]:
        return await asyncio.gather(*(self._look(source) for source in sources))

    async def _look(self, plan: SourcePlan) -> Look:
        source = self._plain_source(plan)
        try:
            async with asyncio.timeout(_LOOK_S), source:
                reading, equipment = await source.read(), await source.identify()
                raw = await _raw_words(source, self._profile(plan), plan) if isinstance(source, ModbusSource) else {}
        except SourceUnavailable as unavailable:
            return Look(plan.name, trouble=unavailable.reason)
        except TimeoutError:
            return Look(plan.name, trouble=f"not read within {_LOOK_S:g} s")
        return Look(plan.name, _says(equipment), _rows(reading, raw))

    @asynccontextmanager
    async def watch(self, sources: Sequence[SourcePlan]) -> AsyncIterator[Watch]:
        """Values as wide as the devices send them."""
        async with AsyncExitStack() as stack:
            opened = [(await stack.enter_async_context(self._wide_source(plan)), plan) for plan in sources]
            yield _Together(self._clock, [(source, _is_tcp(plan)) for source, plan in opened])

    def _profile(self, plan: SourcePlan) -> Profile:
        name = str(plan.table.get("profile", ""))
        path = self._folder / name if name.endswith(".toml") else name
        return corrected(load_profile(path, plan.table.get("variants", ())), plan.correct)

    def _plain_source(self, plan: SourcePlan) -> Source:
        return self._modbus(plan, self._profile(plan)) if _is_tcp(plan) else make_source(_table(plan), self._clock)

    def _wide_source(self, plan: SourcePlan) -> Source:
        wide = _is_tcp(plan)
        return self._modbus(plan, widened(self._profile(plan))) if wide else make_source(_table(plan), self._clock)

    def _modbus(self, plan: SourcePlan, profile: Profile) -> ModbusSource:
        table = _table(plan)
        return ModbusSource(
            table.name,
            profile,
            TcpLink(table.host, table.port),
            clock=self._clock,
            unit=table.unit,
            more_units=table.more_units,
            wanted=_wanted(plan, profile),
            timeout_s=table.timeout_s,
        )


class _Together:
    """Every source once per read; with each source whether its powers are a million times too small."""

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


def _is_tcp(plan: SourcePlan) -> bool:
    """Whether it is a plain Modbus TCP device: only of these can the profile be widened here."""
    known = {"name", "profile", "host", "port", "unit", "more_units", "timeout_s", "variants", "signals"}
    return "host" in plan.table and set(plan.table) <= known


def _table(plan: SourcePlan) -> SourceTable:
    try:
        return msgspec.convert(copy.deepcopy(plan.table), SourceTable)
    except msgspec.ValidationError as error:
        raise BadSetup(f"device {plan.name}", str(error)) from error


def _wanted(plan: SourcePlan, profile: Profile) -> frozenset[SignalName]:
    signals = plan.table.get("signals")
    given = signals_of(profile)
    return given if signals is None else given & frozenset(SignalName(str(name)) for name in signals)


def _choice(name: str) -> ProfileChoice:
    profile = load_profile(name)
    variants = tuple((variant.name, variant.about) for variant in profile.variant)
    return ProfileChoice(name, f"{profile.maker} {profile.model}".strip(), variants)


def _candidate(found: Found) -> Candidate:
    who, (host, _, port) = found.identity, found.where.rpartition(":")
    name = " ".join(part for part in (who.maker, who.model) if part) or "a device that is not known"
    table: dict[str, Any] = {"profile": who.profile, "host": host, "port": int(port), "unit": found.unit}
    return Candidate(f"{name} at {found.where}, unit {found.unit}", table, who.note)


def _says(equipment: Equipment) -> str:
    firmware = f"firmware {equipment.firmware}" if equipment.firmware else ""
    serial = f"serial {equipment.serial}" if equipment.serial else ""
    return " ".join(part for part in (equipment.maker, equipment.model, serial, firmware) if part)


async def _raw_words(source: ModbusSource, profile: Profile, plan: SourcePlan) -> Mapping[str, tuple[str, ...]]:
    """The words behind every signal, by its name; what is refused is left out."""
    layout = await _layout(source, profile, plan)
    words: dict[str, list[str]] = {}
    for field in layout.fields:
        words.setdefault(field.name, []).extend(await _words(source, field))
    raw: dict[str, tuple[str, ...]] = {}
    for name in layout.signals:
        raw[name] = tuple(text for term in sorted(terms_of(profile, name)) for text in words.get(term, ()))
    return raw


async def _layout(source: ModbusSource, profile: Profile, plan: SourcePlan) -> Layout:
    unit = int(plan.table.get("unit") or profile.limits.unit)
    if profile.kind != "sunspec":
        return bind_absolute(profile, unit)
    try:
        units = (unit, *plan.table.get("more_units", ()))
        models = [model for each in units for model in await discover(source.raw_read, profile, each)]
    except Refused as refused:
        raise SourceUnavailable(plan.name, f"refused to be explored, exception {refused.code}") from refused
    return locate(profile, models, unit)


async def _words(source: ModbusSource, field: Field) -> list[str]:
    """One text per run of words: address and words in hexadecimal."""
    register = field.register
    places = [(each, 1) for each in register.scattered] or [(field.address, register.width)]
    texts = []
    for address, count in places:
        try:
            words = await source.raw_read(field.unit, register.function, address, count)
        except Refused as refused:
            texts.append(f"{address}: refused, exception {refused.code}")
        else:
            texts.append(f"{address}: " + " ".join(f"{word:04X}" for word in words))
    return texts


def _shown(name: SignalName, value: float) -> tuple[str, str]:
    """A value as text, and its unit; the inverter's state and alarm in words."""
    words = {INVERTER_STATE: InverterState, INVERTER_ALARM: InverterAlarm}.get(name)
    if words is not None:
        return words(round(value)).name.lower().replace("_", " "), ""
    spec = spec_of(name)
    return (f"{value:g}", "") if spec is None else (f"{value:,.{spec.decimals}f}", spec.unit)


def _rows(reading: Reading, raw: Mapping[str, tuple[str, ...]]) -> tuple[Row, ...]:
    rows = []
    for name in sorted({*reading.values, *reading.bad}):
        spec = spec_of(name)
        unit = "" if spec is None else spec.unit
        if name in reading.values:
            text, unit = _shown(name, reading.values[name])
            rows.append(Row(name, text, unit, raw.get(name, ())))
        else:
            rows.append(Row(name, "–", unit, raw.get(name, ()), reading.bad[name].name.lower()))
    return tuple(rows)
