"""Readings into records: summaries, faults, energy and reliability, and the twin's share of them."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

import msgspec

from agent.diagnosis.channel import Channel
from agent.diagnosis.settings import DiagnosisSettings
from agent.domain.energy import EnergyMeter
from agent.domain.episodes import EpisodeTracker, MinuteTracker
from agent.domain.errors import BadInput
from agent.domain.faults import FaultCode
from agent.domain.local_time import LocalTime
from agent.domain.reliability import EpisodeReliability, PublishedMtbf, State
from agent.domain.rules import (
    BatteryNotCharging,
    InverterAlarmRule,
    NoSolarProduction,
    PublishedBattery,
    PublishedSolar,
    Rule,
)
from agent.domain.rules_heating import BoilerLockout, LowWaterPressure, NoHeat
from agent.domain.signals import Quality, Reading, SignalName
from agent.domain.streaming import Windows
from agent.domain.timeline import Move
from agent.domain.wire import Body, Fault, Reliability

STATE_VERSION: Final = 1
_NO_REACH: Final[Mapping[str, bool]] = {}


def _published_rules(local: LocalTime) -> list[Rule]:
    return [PublishedBattery(), PublishedSolar(local)]


def _channels(settings: DiagnosisSettings, local: LocalTime) -> list[Channel]:
    if settings.published:
        return [Channel(rule.code, MinuteTracker(), rule) for rule in _published_rules(local)]
    site = settings.site
    rules: list[tuple[Rule, Any]] = [
        (BatteryNotCharging(settings.battery_not_charging), settings.battery_timing),
        (NoSolarProduction(settings.no_solar_production, local, site.place), settings.solar_timing),
        (InverterAlarmRule(), settings.inverter_alarm_timing),
        (BoilerLockout(), settings.boiler_lockout_timing),
        (NoHeat(settings.no_heat), settings.heat_timing),
        (LowWaterPressure(settings.low_water_pressure), settings.pressure_timing),
    ]
    return [Channel(rule.code, EpisodeTracker(timing), rule) for rule, timing in rules]


def rules_of(settings: DiagnosisSettings) -> dict[FaultCode, tuple[frozenset[SignalName], ...]]:
    """The rules that `settings` run over readings, and the signals each needs (any one of the sets)."""
    channels = _channels(settings, LocalTime(settings.site.zone))
    return {channel.code: channel.rule.needs for channel in channels if channel.rule is not None}


class Diagnosis:
    """Follows one site, reading by reading in the order of time.

    Everything it will ever say depends on the readings and on `state()` only, so it can be stopped and continued
    anywhere. A reading that is not later than the last one is ignored, unless it lies back by more than `max_gap_s`:
    then the clock was set, and it goes on from there.
    """

    def __init__(self, settings: DiagnosisSettings) -> None:
        self._settings = settings
        self._local = LocalTime(settings.site.zone)
        self._max_gap_ms = round(settings.max_gap_s * 1000)
        self._windows = Windows(settings.window_s)
        self._energy = EnergyMeter(self._max_gap_ms)
        self._channels = _channels(settings, self._local)
        self._known: set[SignalName] = set()
        self._fed: list[Channel] = []  # channels of which some signal was ever seen; the others have nothing to say
        self._sources: dict[str, Channel] = {}
        self._published = [(rule, PublishedMtbf()) for rule in _published_rules(self._local)]
        self._last: Reading | None = None
        self._day: int | None = None

    def update(self, reading: Reading, reachable: Mapping[str, bool] = _NO_REACH) -> list[tuple[int, Body]]:
        """Take in a reading, and which sources answered; returns the records it leads to, each with its time."""
        at_ms = reading.at_ms
        if self._last is not None and 0 <= self._last.at_ms - at_ms <= self._max_gap_ms:
            return []
        if not isfinite(sum(reading.values.values())):
            reading = _without_nonfinite(reading)
        self._last = reading
        records: list[tuple[int, Body]] = []
        summary = self._windows.update(reading)
        if summary is not None:
            records.append((summary.start_ms + summary.window_s * 1000, summary))
        for energy in self._energy.update(reading):
            records.append((at_ms, energy))
        for rule, mtbf in self._published:
            if rule.judge(reading):
                _count_published(mtbf, at_ms)
        faults = self._faults(reading, reachable)
        day = self._local.day(at_ms)
        if faults or day != self._day:
            records += [(at_ms, fault) for fault in faults]
            records += self._reliability_records(at_ms, day, faults)
            self._day = day
        return records

    def move(self, move: Move, *, rename: bool) -> list[tuple[int, Body]]:
        """The clock was set: everything it remembers is put right, so that the next reading follows the last one.

        Returns the open window where it had to be closed, as the wrong clock showed it. `rename`: see `Channel.move`.
        """
        if self._last is not None:
            self._last = Reading(move(self._last.at_ms), self._last.values, self._last.bad)
        self._energy.move(move)
        for channel in (*self._channels, *self._sources.values()):
            channel.move(move, rename=rename)
        for _, mtbf in self._published:
            mtbf.move(move)
        if self._last is not None and self._day is not None:
            self._day = self._local.day(self._last.at_ms)
        closed = self._windows.move(move)
        return [] if closed is None else [(closed.start_ms + closed.window_s * 1000, closed)]

    def _faults(self, reading: Reading, reachable: Mapping[str, bool]) -> list[Fault]:
        faults: list[Fault] = []
        if not reading.values.keys() <= self._known:
            self._known.update(reading.values)
            self._fed = [channel for channel in self._channels if channel.signals & self._known]
        for channel in self._fed:
            steps = channel.observe(reading)
            if steps:
                faults += steps
        for source, answers in reachable.items():
            faults += self._source(source).follow(not answers, reading)
        return faults

    def _source(self, name: str) -> Channel:
        channel = self._sources.get(name)
        if channel is None:
            tracker = EpisodeTracker(self._settings.unreachable_timing)
            channel = self._sources[name] = Channel(FaultCode.DEVICE_UNREACHABLE, tracker, component=name)
        return channel

    def _reliability_records(self, at_ms: int, day: int, faults: list[Fault]) -> list[tuple[int, Body]]:
        """Of every code at the end of a local day, of a changed one at once."""
        changed = {fault.code for fault in faults if fault.phase != "update"}
        over = self._day is not None and day != self._day
        if not over and not changed:
            return []
        states = self.reliability_states()
        return [(at_ms, Reliability(at_ms, code, states[code])) for code in states if over or code in changed]

    def reliability(self) -> dict[FaultCode, EpisodeReliability]:
        """Figures of every fault code that was exposed so far; components of one code taken together."""
        figures: dict[FaultCode, EpisodeReliability] = {}
        for channel in (*self._channels, *self._sources.values()):
            figures.setdefault(channel.code, EpisodeReliability()).merge(channel.tracker.reliability)
        return {code: each for code, each in figures.items() if each.exposure_ms or each.failures}

    def published(self) -> dict[FaultCode, PublishedMtbf]:
        """The published figure of the two published scenarios."""
        return {rule.code: mtbf for rule, mtbf in self._published}

    def reliability_states(self) -> dict[FaultCode, State]:
        """As they travel: episodes, and where there is one the published figure beside them."""
        states = {code: figures.state() for code, figures in self.reliability().items()}
        for code, mtbf in self.published().items():
            if mtbf.failures or code in states:
                states.setdefault(code, EpisodeReliability().state()).update(mtbf.state())
        return states

    def active_faults(self) -> list[Fault]:
        """The faults that last now, as far as they have come."""
        faults = (channel.active_fault() for channel in (*self._channels, *self._sources.values()))
        return [fault for fault in faults if fault is not None]

    def snapshot(self) -> dict[str, Any]:
        """The twin's sections `last`, `faults` and `reliability`; nothing in them is null."""
        last: dict[str, Any] = {}
        if self._last is not None:
            bad = {name: quality.name.lower() for name, quality in self._last.bad.items()}
            last = {"at_ms": self._last.at_ms, "values": dict(self._last.values), "bad": bad}
        return {
            "last": last,
            "faults": {fault.id: _told_by_twin(fault) for fault in self.active_faults()},
            "reliability": {str(code): figures.report() for code, figures in self.reliability().items()},
        }

    def state(self) -> bytes:
        """Everything it remembers."""
        last = self._last
        return msgspec.msgpack.encode(
            {
                "version": STATE_VERSION,
                "published_mode": self._settings.published,
                "last": None if last is None else [last.at_ms, dict(last.values), dict(last.bad)],
                "day": self._day,
                "windows": self._windows.state(),
                "energy": self._energy.state(),
                "channels": {channel.code: channel.state() for channel in self._channels},
                "sources": {name: channel.state() for name, channel in self._sources.items()},
                "published": {rule.code: mtbf.state() for rule, mtbf in self._published},
            }
        )

    @classmethod
    def from_state(cls, settings: DiagnosisSettings, data: bytes) -> "Diagnosis":
        """Continue where `state()` was taken. Raises `BadInput` for bytes that are no such state."""
        diagnosis = cls(settings)
        try:
            state = msgspec.msgpack.decode(data)
            if state["version"] != STATE_VERSION:
                raise BadInput(f"diagnosis state of version {state['version']}, this program reads {STATE_VERSION}")
            diagnosis._restore(state)
        except (msgspec.DecodeError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"diagnosis state is damaged: {error!r}") from error
        return diagnosis

    def _restore(self, state: dict[str, Any]) -> None:
        if state["last"] is not None:
            at_ms, values, bad = state["last"]
            self._last = Reading(at_ms, values, {name: Quality(quality) for name, quality in bad.items()})
        self._day = state["day"]
        self._fed = self._channels
        self._known = {name for channel in self._channels for name in channel.signals}
        self._windows = Windows.from_state(self._settings.window_s, state["windows"])
        self._energy = EnergyMeter.from_state(self._max_gap_ms, state["energy"])
        if state["published_mode"] == self._settings.published:
            for channel in self._channels:
                if channel.code in state["channels"]:
                    channel.restore(state["channels"][channel.code])
        for name, each in state["sources"].items():
            self._source(name).restore(each)
        kept = state["published"]
        self._published = [(rule, PublishedMtbf.from_state(kept.get(rule.code, {}))) for rule, _ in self._published]


def _told_by_twin(fault: Fault) -> dict[str, str | int]:
    facts = {"code": str(fault.code), "severity": str(fault.severity), "component": fault.component}
    return {**facts, "start_ms": fault.start_ms}


def _without_nonfinite(reading: Reading) -> Reading:
    values = {name: value for name, value in reading.values.items() if isfinite(value)}
    bad = dict(reading.bad) | {name: Quality.INVALID for name in reading.values if name not in values}
    return Reading(reading.at_ms, values, bad)


def _count_published(mtbf: PublishedMtbf, at_ms: int) -> None:
    """A clock that was set back must not take failing minutes back with it: until it has caught up, none count."""
    if mtbf.last is None or at_ms // 60_000 >= mtbf.last:
        mtbf.update(at_ms)
