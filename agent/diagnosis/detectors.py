"""The host of detectors: finds them, gives them every reading, makes episodes of what they say, and outlives them.

Code of other people runs here. One that raises, or takes too long for too many readings, is switched off and reported;
everything else goes on. This is the one place of the agent that may catch everything, because it does that.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb
from typing import Any, Final
from zoneinfo import ZoneInfo

from agent.diagnosis.channel import Channel
from agent.diagnosis.detector_settings import DetectorSettings
from agent.domain.detecting import ENTRY_POINTS, MODEL, Detector, DetectorSite, Finding
from agent.domain.episodes import EpisodeTracker
from agent.domain.errors import BadSetup, EmberwattError
from agent.domain.faults import FaultCode
from agent.domain.signals import Reading
from agent.domain.timeline import Move
from agent.domain.wire import Body, Event, Fault

# Those that come with the agent; they are found without the package being installed.
OWN: Final = {"model": "agent.learned.detector:UnusualBehaviour"}
SLOW_READINGS: Final = 5
MOST_EPISODES: Final = 32
_MOST_TEXT: Final = 160
_MOST_ERROR: Final = 100
_LOADERS: Final = ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>")
_log: Final = logging.getLogger("emberwatt.detectors")
Make = Callable[[DetectorSite], Detector]


def found(use: str, folder: str = ".") -> Make:
    """What makes the detector `use`: the name of an entry point, or `FILE.py:Class`. Raises `BadSetup`."""
    file, colon, name = use.rpartition(":")
    if colon and file.endswith(".py"):
        return _from_file(Path(folder, file), name)
    from importlib.metadata import EntryPoint, entry_points

    known = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    known |= {own: EntryPoint(own, target, ENTRY_POINTS) for own, target in OWN.items()}
    if use not in known:
        raise BadSetup(f"detector {use}", f"is not known, expected FILE.py:Class or one of {', '.join(sorted(known))}")
    try:
        made: Make = known[use].load()
    except Exception as error:
        raise BadSetup(f"detector {use}", f"cannot be loaded: {_told(error)}") from error
    return made


def _from_file(path: Path, name: str) -> Make:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(path.stem, path) if path.is_file() else None
    if spec is None or spec.loader is None:
        raise BadSetup(str(path), "cannot be read, expected a Python file with a detector in it")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BadSetup(str(path), f"cannot be loaded: {_told(error)}") from error
    made: Make | None = getattr(module, name, None)
    if made is None:
        own = [key for key, each in vars(module).items() if isinstance(each, type) and each.__module__ == spec.name]
        raise BadSetup(str(path), f"has no {name!r} in it, expected {' or '.join(own) or 'a class with update'}")
    return made


def _told(error: Exception) -> str:
    """What was raised, and on which line of the detector's own file."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} in {Path(error.filename or '').name}:{error.lineno}"
    frames = [frame for frame in extract_tb(error.__traceback__) if frame.filename not in (__file__, *_LOADERS)]
    own = [frame for frame in frames if frame.filename == frames[0].filename]
    place = f" in {Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
    return f"{error!r:.{_MOST_ERROR}}{place}"


@dataclass(slots=True)
class _Guest:
    """A detector, its episodes, and whether it was switched off."""

    settings: DetectorSettings
    detector: Detector
    channels: dict[str, Channel]
    slow: int = 0
    off: str = ""


class DetectorHost:
    """All detectors of a site. Raises `BadSetup` for one that is not there or cannot be made."""

    def __init__(
        self,
        settings: Sequence[DetectorSettings],
        place: tuple[float, float] | None,
        zone: ZoneInfo,
        *,
        now_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._now_s = now_s
        self._guests = [_Guest(each, self._made(each, place, zone), {}) for each in settings]
        self._records: list[tuple[int, Body]] = []

    def _made(self, settings: DetectorSettings, place: tuple[float, float] | None, zone: ZoneInfo) -> Detector:
        make = found(settings.use, settings.folder)
        site = DetectorSite(settings.name, place, zone, settings.options, settings.folder)
        try:
            return make(site)
        except EmberwattError:
            raise
        except Exception as error:
            raise BadSetup(f"detector {settings.name}", f"cannot be made: {_told(error)}") from error

    def update(self, reading: Reading) -> tuple[list[Fault], list[tuple[int, Body]]]:
        """Give all of them a reading; returns the steps of faults, and other records with their times."""
        faults: list[Fault] = []
        for guest in self._guests:
            if guest.off:
                continue
            findings = self._asked(guest, reading)
            if findings is not None:
                faults += self._follow(guest, findings, reading)
        records, self._records = self._records, []
        return faults, records

    def _asked(self, guest: _Guest, reading: Reading) -> list[Finding] | None:
        """What it finds; None when it was switched off with this reading."""
        began_s = self._now_s()
        try:
            findings = list(guest.detector.update(reading))
            told = getattr(guest.detector, "records", None)
            records = list(told()) if told is not None else []
            if not all(isinstance(each, Finding) for each in findings):
                raise TypeError(f"update returned {findings!r:.80}, expected findings")
        except Exception as error:  # noqa: BLE001 see above
            self._switch_off(guest, reading.at_ms, f"raised {_told(error)}")
            return None
        self._records += records
        if (self._now_s() - began_s) * 1000.0 <= guest.settings.budget_ms:
            guest.slow = max(0, guest.slow - 1)
            return findings
        guest.slow += 2
        if guest.slow >= 2 * SLOW_READINGS:
            self._switch_off(guest, reading.at_ms, f"took more than {guest.settings.budget_ms:g} ms again and again")
            return None
        return findings

    def _switch_off(self, guest: _Guest, at_ms: int, why: str) -> None:
        guest.off = why[:_MOST_TEXT]
        _log.error("detector %s is switched off: %s", guest.settings.name, why)
        detail: dict[str, str | int | float | bool | None] = {"detector": guest.settings.name, "reason": guest.off}
        self._records.append((at_ms, Event(at_ms, "detector_off", detail)))

    def _follow(self, guest: _Guest, findings: Sequence[Finding], reading: Reading) -> list[Fault]:
        steps: list[Fault] = []
        present = {finding.what: finding for finding in findings}
        if len(present.keys() | guest.channels.keys()) > MOST_EPISODES:
            self._switch_off(guest, reading.at_ms, f"told of more than {MOST_EPISODES} different things")
            return steps
        for what in present.keys() - guest.channels.keys():
            guest.channels[what] = self._channel(guest.settings, what)
        for what, channel in guest.channels.items():
            finding = present.get(what)
            noted = None if finding is None else {name: float(value) for name, value in finding.evidence.items()}
            steps += channel.follow(finding is not None, reading, noted)
        return steps

    def _channel(self, settings: DetectorSettings, what: str) -> Channel:
        if settings.use == MODEL:
            component = f"{MODEL}:{what}"
        else:
            component = f"detector:{settings.name}" + (f"/{what}" if what else "")
        return Channel(FaultCode.UNUSUAL_BEHAVIOUR, EpisodeTracker(settings.timing), component=component)

    @property
    def any(self) -> bool:
        """Whether there is a detector at all."""
        return bool(self._guests)

    def channels(self) -> list[Channel]:
        """Of everything that was ever found."""
        return [channel for guest in self._guests for channel in guest.channels.values()]

    def named(self, name: str) -> Detector | None:
        """The detector of that name in the site file."""
        return next((guest.detector for guest in self._guests if guest.settings.name == name), None)

    def detectors(self) -> dict[str, Detector]:
        """All that are not switched off, by name."""
        return {guest.settings.name: guest.detector for guest in self._guests if not guest.off}

    def scores(self, at_ms: int) -> dict[str, float]:
        """The scores of those that have one, by name. One that raises is switched off with the reading of `at_ms`."""
        told: dict[str, float] = {}
        for guest in self._guests:
            tell = getattr(guest.detector, "score", None)
            if guest.off or tell is None:
                continue
            try:
                score = tell()
                if score is not None:
                    told[guest.settings.name] = float(score)
            except Exception as error:  # noqa: BLE001 see above
                self._switch_off(guest, at_ms, f"raised {_told(error)}")
        return told

    def report(self) -> dict[str, Any]:
        """The twin's sections `model` and `detectors`."""
        models: dict[str, Any] = {}
        states: dict[str, Any] = {}
        for guest in self._guests:
            states[guest.settings.name] = {
                "use": guest.settings.use,
                "state": f"off: {guest.off}" if guest.off else "on",
            }
            tell = getattr(guest.detector, "report", None)
            if tell is None or guest.off:
                continue
            told = tell()
            if guest.settings.use == MODEL:
                models[guest.settings.name] = told
            elif told:
                states[guest.settings.name]["report"] = told
        return ({"detectors": states} if states else {}) | ({"model": models} if models else {})

    def move(self, move: Move, *, rename: bool) -> None:
        """The clock was set."""
        for guest in self._guests:
            for channel in guest.channels.values():
                channel.move(move, rename=rename)
            if guest.off:
                continue
            try:
                guest.detector.move(move)
            except Exception as error:  # noqa: BLE001 see above
                self._switch_off(guest, move.last_ms, f"raised {_told(error)}")

    def state(self) -> dict[str, Any]:
        """Of each detector by name: what it remembers, its episodes, and why it was switched off."""
        return {guest.settings.name: self._state_of(guest) for guest in self._guests}

    def _state_of(self, guest: _Guest) -> list[Any]:
        own: Any = None
        if not guest.off:
            try:
                own = guest.detector.state()
            except Exception as error:  # noqa: BLE001 see above
                self._switch_off(guest, 0, f"raised {_told(error)}")
        channels = {what: channel.state() for what, channel in guest.channels.items()}
        return [own, channels, guest.slow, guest.off, guest.settings.use]

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue where `state()` was taken. One that was switched off is tried again after a restart."""
        for guest in self._guests:
            kept = state.get(guest.settings.name)
            if kept is None or kept[4] != guest.settings.use:
                continue
            for what, each in kept[1].items():
                guest.channels[what] = self._channel(guest.settings, what)
                guest.channels[what].restore(each)
            if kept[3]:
                continue
            guest.slow = kept[2]
            try:
                guest.detector.restore(kept[0])
            except Exception as error:  # noqa: BLE001 see above
                self._switch_off(guest, 0, f"cannot take up its state: {_told(error)}")
