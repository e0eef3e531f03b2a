"""Readings into records: summaries, faults, energy and reliability, and the twin's share of them."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from operator import itemgetter
from typing import Any, Final

import msgspec

from agent.diagnosis.channel import Channel
from agent.diagnosis.data_watch import DataWatch
from agent.diagnosis.detectors import DetectorHost
from agent.diagnosis.figures import is_told, reliability_of, states_of, twin_of
from agent.diagnosis.rulebook import channels_of, published_rules
from agent.diagnosis.settings import DiagnosisSettings
from agent.diagnosis.silence import Silence
from agent.diagnosis.sleep import Sleep
from agent.diagnosis.stretch import Pace, alike, follow
from agent.diagnosis.unheard import Unheard
from agent.diagnosis.wear import Wear
from agent.domain.blocks import Block
from agent.domain.energy import EnergyMeter
from agent.domain.episodes import EpisodeTracker
from agent.domain.errors import BadInput
from agent.domain.faults import FaultCode
from agent.domain.local_time import LocalTime
from agent.domain.maintenance import maintenance_body
from agent.domain.reliability import EpisodeReliability, PublishedMtbf, State
from agent.domain.rules_power import SocJump
from agent.domain.signals import Quality, Reading, SignalName
from agent.domain.streaming import Windows
from agent.domain.timeline import Move
from agent.domain.wire import Body, Energy, Fault, Reliability

STATE_VERSION: Final = 1
_NO_REACH: Final[Mapping[str, bool]] = {}
_EVERY_DAYS: Final = 7


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
        self._channels = channels_of(settings, self._local)
        self._known: set[SignalName] = set()
        self._fed: list[Channel] = []  # channels of which some signal was ever seen; the others have nothing to say
        self._sources: dict[str, Channel] = {}
        self._published = [(rule, PublishedMtbf()) for rule in published_rules(self._local)]
        self._silence = Silence()
        self._watch = DataWatch(max(settings.gap.missing_s, settings.max_gap_s))
        self._sleep = Sleep(settings.site.place)
        self._unheard = Unheard(self._max_gap_ms)
        self._wear = Wear(settings.low_water_pressure.lowest, settings.site.place)
        self.detectors = DetectorHost(settings.detectors, settings.site.place, settings.site.zone)
        self._last: Reading | None = None
        self._day: int | None = None

    def update(self, reading: Reading, reachable: Mapping[str, bool] = _NO_REACH) -> list[tuple[int, Body]]:
        """Take in a reading, and which sources answered; returns the records it leads to, each with its time."""
        at_ms = reading.at_ms
        if self._last is not None and 0 <= self._last.at_ms - at_ms <= self._max_gap_ms:
            return []
        if not isfinite(sum(reading.values.values())):
            reading = _without_nonfinite(reading)
        before, self._last = self._last, reading
        records: list[tuple[int, Body]] = []
        summary = self._windows.update(reading)
        if summary is not None:
            records.append((summary.start_ms + summary.window_s * 1000, summary))
        day = self._local.day(at_ms)
        records += [(at_ms, energy) for energy in self._energy.update(reading) or self._at_midnight(at_ms, day)]
        for rule, mtbf in self._published:
            if rule.judge(reading):
                _count_published(mtbf, at_ms)
        faults = [] if self._settings.published else self._data_faults(before, reading, reachable)
        faults += self._rule_faults(reading)
        if self.detectors.any:
            found, told = self.detectors.update(reading)
            faults += found
            records += told
        if not self._settings.published:
            worn = self._wear.update(reading, self._local, self._capacity)
            records += [(at_ms, maintenance_body(each)) for each in worn]
        if faults or day != self._day:
            records += [(at_ms, fault) for fault in faults]
            records += self._reliability_records(at_ms, day, faults)
            self._day = day
        return records

    def update_many(
        self, readings: Sequence[Reading], reachable: Mapping[str, bool] = _NO_REACH
    ) -> list[tuple[int, Body]]:
        """`update` with each of the readings, faster: the same records, and the same state behind them."""
        records: list[tuple[int, Body]] = []
        at, pace = 0, Pace()
        while at < len(readings):
            if pace.is_due() and self._may_pass(reachable):
                rows, told = self._pass_over(readings, at, reachable)
                records += told
                pace.told(rows)
                at += rows
                if at == len(readings):
                    break
            records += self.update(readings[at], reachable)
            at += 1
        return records

    def _may_pass(self, reachable: Mapping[str, bool]) -> bool:
        """Whether a stretch may pass in which nothing begins or ends."""
        if self._settings.published or self.detectors.any or self._silence.others != self._unheard.causes:
            return False
        sources = all(answers and self._source(name).is_calm for name, answers in reachable.items())
        return sources and all(channel.stands == channel.stood for channel in self._fed)

    def _pass_over(
        self, readings: Sequence[Reading], at: int, reachable: Mapping[str, bool]
    ) -> tuple[int, list[tuple[int, Body]]]:
        """Take in readings from `at` on as far as nothing begins or ends; returns how many, and their records."""
        last, place = self._last, self._settings.site.place
        stretch = alike(last, readings, at, self._max_gap_ms) if last else ()
        if last is None or not stretch or self._local.day(stretch[0].at_ms) != self._day:
            return 0, []
        block = Block(stretch, place)
        until_ms = min(self._silence.until_ms, self._unheard.until_ms)
        rows = bisect_right(block.times, self._day, key=self._local.day)
        block = block.head(min(rows, bisect_left(block.times, until_ms)))
        rows = self._watch.calm_rows(block) if len(block) and block.is_finite else 0
        channels = [(channel, channel.code in self._silence.codes) for channel in self._fed]
        rows = follow(channels, block.head(rows)) if rows else 0
        return (rows, self._passed(last, block.head(rows), reachable)) if rows else (0, [])

    def _passed(self, before: Reading, block: Block, reachable: Mapping[str, bool]) -> list[tuple[int, Body]]:
        """What else follows readings among which nothing begins or ends."""
        self._watch.pass_all(block, self._silence.codes)
        for name in reachable:
            self._source(name).pass_well(block.times)
        self._unheard.pass_all(before, block)
        for rule, mtbf in self._published:
            for at_ms in rule.failing(block):
                _count_published(mtbf, at_ms)
        self._wear.pass_all(block)
        told: list[tuple[int, int, Body]] = []
        for row, summary in self._windows.update_all(block):
            told.append((row, summary.start_ms + summary.window_s * 1000, summary))
        told += [(row, energy.at_ms, energy) for row, energy in self._energy.update_all(block)]
        self._last = block.readings[-1]
        return [(at_ms, body) for _, at_ms, body in sorted(told, key=itemgetter(0))]

    def _at_midnight(self, at_ms: int, day: int) -> list[Energy]:
        """The counters at the start of a local day that begins within an hour of UTC."""
        return self._energy.value(at_ms) if self._day is not None and day != self._day else []

    def move(self, move: Move, *, rename: bool) -> list[tuple[int, Body]]:
        """The clock was set: everything it remembers is put right, so that the next reading follows the last one.

        Returns the open window where it had to be closed, as the wrong clock showed it. `rename`: see `Channel.move`.
        """
        shown_ms = None
        if self._last is not None:
            shown_ms = self._last.at_ms
            self._last = Reading(move(shown_ms), self._last.values, self._last.bad)
        self._energy.move(move)
        for channel in (*self._channels, *self._sources.values()):
            channel.move(move, rename=rename)
        self._watch.move(move, rename=rename)
        self._silence.move(move)
        self.detectors.move(move, rename=rename)
        told = [] if self._settings.published or rename or shown_ms is None else self._unheard.set(move, shown_ms)
        self._unheard.move(move)
        self._wear.move(move)
        for _, mtbf in self._published:
            mtbf.move(move)
        if self._last is not None and self._day is not None:
            self._day = self._local.day(self._last.at_ms)
        closed = self._windows.move(move)
        records: list[tuple[int, Body]] = [(fault.start_ms, fault) for fault in told]
        if closed is not None:
            records.append((closed.start_ms + closed.window_s * 1000, closed))
        return records

    def _data_faults(self, before: Reading | None, reading: Reading, reachable: Mapping[str, bool]) -> list[Fault]:
        """Of the line, of the device's time, and of each signal by itself."""
        faults: list[Fault] = []
        if before is not None:
            faults += self._unheard.update(before, reading, self._sleep)
            if self._unheard.silent_ms:
                self._watch.pause(before.at_ms)
                self._watch.resume(reading.at_ms)
        for source, answers in reachable.items():
            verdict = self._sleep.judge(source, answers, reading)
            channel = self._source(source)
            steps = channel.follow(verdict, reading)
            faults += steps
            if steps or channel.stands != channel.stood:
                self._look(reading.at_ms)
        faults += self._produced(reading)
        faults += self._watch.update(reading, self._silence.codes, self._sleep.asleep(reading))
        silence = self._silence
        if faults or silence.others != self._unheard.causes or silence.is_over(reading.at_ms):
            self._look(reading.at_ms)
        return faults

    def _capacity(self) -> float | None:
        """Of the battery, in Wh, as far as it was learned."""
        for channel in self._fed:
            if isinstance(channel.rule, SocJump):
                return channel.rule.capacity_wh()
        return None

    def _produced(self, reading: Reading) -> list[Fault]:
        """What the lifetime counter says about the time in which nobody listened."""
        faults: list[Fault] = []
        while_away = self._unheard.counted(reading)
        if while_away is None:
            return faults
        for channel in self._sources.values():
            if channel.tracker.active:
                channel.note({"produced_wh": while_away.produced_wh})
        if while_away.dead:
            solar = next(each for each in self._channels if each.code == FaultCode.NO_SOLAR_PRODUCTION)
            for dark in while_away.readings(self._max_gap_ms):
                faults += solar.observe(dark) or ()
        return faults

    def _look(self, at_ms: int) -> None:
        """Some cause came or went."""
        everything = list(self._everything())
        self._silence.look(at_ms, everything, self._unheard.causes)
        for channel in everything:
            channel.stood = channel.stands

    def _everything(self) -> Iterator[Channel]:
        yield from self._channels
        yield from self._sources.values()
        yield from self._watch.channels()
        yield from self.detectors.channels()

    def _rule_faults(self, reading: Reading) -> list[Fault]:
        faults: list[Fault] = []
        if not reading.values.keys() <= self._known:
            self._known.update(reading.values)
            self._fed = [channel for channel in self._channels if channel.signals & self._known]
        if self._watch.impossible or self._watch.doubtful:
            reading = self._watch.trusted(reading)
        silenced = self._silence.codes
        for channel in self._fed:
            if channel.code in silenced:
                if not channel.tracker.quiet:
                    faults += channel.follow(None, reading)
                continue
            steps = channel.observe(reading)
            if steps is None:
                continue
            faults += steps
            if channel.is_cause and (steps or channel.stands != channel.stood) and not self._settings.published:
                self._look(reading.at_ms)
                silenced = self._silence.codes
        return faults

    def _source(self, name: str) -> Channel:
        channel = self._sources.get(name)
        if channel is None:
            tracker = EpisodeTracker(self._settings.unreachable_timing)
            channel = self._sources[name] = Channel(FaultCode.DEVICE_UNREACHABLE, tracker, component=name)
        return channel

    def _reliability_records(self, at_ms: int, day: int, faults: list[Fault]) -> list[tuple[int, Body]]:
        """Of every code at the end of a local day, of a changed one at once; of what never failed once a week."""
        changed = {fault.code for fault in faults if fault.phase != "update"}
        over = self._day is not None and day != self._day
        if not over and not changed:
            return []
        states = self.reliability_states()
        due = {code for code in states if over and (day % _EVERY_DAYS == 0 or is_told(code, states[code]))}
        return [(at_ms, Reliability(at_ms, code, states[code])) for code in states if code in due or code in changed]

    def reliability(self) -> dict[FaultCode, EpisodeReliability]:
        """Figures of every fault code that was exposed so far; components of one code taken together."""
        return reliability_of(self._parts())

    def _parts(self) -> Iterator[tuple[FaultCode, EpisodeReliability]]:
        """Of every component of every code."""
        for channel in self._everything():
            yield channel.code, channel.tracker.reliability
        for told in self._unheard.told:
            yield told.code, told.reliability

    def published(self) -> dict[FaultCode, PublishedMtbf]:
        """The published figure of the two published scenarios."""
        return {rule.code: mtbf for rule, mtbf in self._published}

    def reliability_states(self) -> dict[FaultCode, State]:
        """As they travel, with the published figure beside them where there is one."""
        return states_of(self.reliability(), self._parts(), self.published())

    def active_faults(self) -> list[Fault]:
        """The faults that last now, as far as they have come."""
        faults = (channel.active_fault() for channel in self._everything())
        return [fault for fault in faults if fault is not None]

    def snapshot(self) -> dict[str, Any]:
        """The twin's sections `last`, `faults` and `reliability`; nothing in them is null."""
        return {**twin_of(self._last, self.active_faults(), self.reliability()), **self.detectors.report()}

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
                "channels": {channel.code: channel.state() for channel in self._fed},
                "sources": {name: channel.state() for name, channel in self._sources.items()},
                "published": {rule.code: mtbf.state() for rule, mtbf in self._published},
                "watch": self._watch.state(),
                "silence": self._silence.state(),
                "sleep": self._sleep.state(),
                "unheard": self._unheard.state(),
                "wear": self._wear.state(),
                "known": sorted(self._known),
                "detectors": self.detectors.state(),
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
        self._known = set(state.get("known", [name for channel in self._channels for name in channel.signals]))
        self._fed = [channel for channel in self._channels if channel.signals & self._known]
        self._windows = Windows.from_state(self._settings.window_s, state["windows"])
        self._energy = EnergyMeter.from_state(self._max_gap_ms, state["energy"])
        if state["published_mode"] == self._settings.published:
            for channel in self._channels:
                if channel.code in state["channels"]:
                    channel.restore(state["channels"][channel.code])
            self._restore_rest(state)
        for name, each in state["sources"].items():
            self._source(name).restore(each)
        self.detectors.restore(state.get("detectors", {}))
        for channel in self._everything():
            channel.stood = channel.stands
        kept = state["published"]
        self._published = [(rule, PublishedMtbf.from_state(kept.get(rule.code, {}))) for rule, _ in self._published]

    def _restore_rest(self, state: dict[str, Any]) -> None:
        """What earlier versions did not remember."""
        if "watch" not in state:
            return
        self._watch.restore(state["watch"])
        self._silence.restore(state["silence"])
        self._sleep.restore(state["sleep"])
        self._unheard.restore(state["unheard"])
        self._wear.restore(state["wear"])


def _without_nonfinite(reading: Reading) -> Reading:
    values = {name: value for name, value in reading.values.items() if isfinite(value)}
    bad = dict(reading.bad) | {name: Quality.INVALID for name in reading.values if name not in values}
    return Reading(reading.at_ms, values, bad)


def _count_published(mtbf: PublishedMtbf, at_ms: int) -> None:
    """A clock that was set back must not take failing minutes back with it: until it has caught up, none count."""
    if mtbf.last is None or at_ms // 60_000 >= mtbf.last:
        mtbf.update(at_ms)
