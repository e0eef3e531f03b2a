"""What a detector is: it reads values and tells what is wrong, by a rule, a model or whatever its author had.

A detector is made once for a site and then given every reading in the order of time. It tells what is wrong *now*; its
host makes episodes of that, with a start and an end, and stores its state with every checkpoint.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

import msgspec

from agent.domain.signals import Reading
from agent.domain.timeline import Move
from agent.domain.wire import Body, Unknown

ENTRY_POINTS: Final = "emberwatt.detectors"
RULE: Final = "rule"
MODEL: Final = "model"
MODEL_RECORD: Final = "model"


class DetectorSite(msgspec.Struct, frozen=True):
    """What a detector may know of the place it works at. `options` are the rest of its table in the site file.

    Relative paths in them are relative to `folder`.
    """

    name: str
    place: tuple[float, float] | None
    zone: ZoneInfo
    options: Mapping[str, Any]
    folder: str = "."


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong at this reading. `what` tells findings of one detector apart, in a word or two.

    `evidence` are numbers that go with it: values, scores, by signal.
    """

    what: str = ""
    evidence: Mapping[str, float] = {}


class Detector(Protocol):
    """`state` and `restore` carry it over a restart: after them every later finding is what it would have been."""

    def update(self, reading: Reading) -> Sequence[Finding]:
        """What is wrong at this reading; empty while all is well."""
        ...

    def state(self) -> Any:
        """Everything it remembers: numbers, text, bytes, lists and dicts."""
        ...

    def restore(self, state: Any) -> None:
        """Continue where `state()` was taken."""
        ...

    def move(self, move: Move) -> None:
        """The clock was set: every time it remembers goes through `move`."""
        ...


class Simple:
    """A base for detectors that remember nothing; those that do say so in `state` and `restore`.

    >>> class TooHot(Simple):
    ...     def update(self, reading):
    ...         return [Finding("hot")] if max(reading.values.values(), default=0) > 90 else []
    >>> TooHot(None).update(Reading(0, {}))
    []
    """

    def __init__(self, site: DetectorSite) -> None:
        self.site = site

    def update(self, _reading: Reading, /) -> Sequence[Finding]:
        return ()

    def state(self) -> Any:
        return None

    def restore(self, _state: Any, /) -> None:
        """Nothing to carry over."""

    def move(self, _move: Move, /) -> None:
        """Nothing to put right."""


class Talking(Protocol):
    """What a detector may offer besides: records of its own, a section of the twin, a score to draw."""

    def records(self) -> Sequence[tuple[int, Body]]:
        """Records since the last call, each with its time."""
        ...

    def report(self) -> dict[str, Any]:
        """Its section in the twin; nothing in it is null."""
        ...

    def score(self) -> float | None:
        """How unusual the site is now, 1 at the alarm's limit; None before anything is known."""
        ...


class ModelDay(msgspec.Struct, array_like=True, frozen=True):
    """A day of a learned model, as it travels in a record of the kind `model`.

    `role` is "active" or "shadow". `score` is the day's, 1 at the limit; `targets` those of its targets by name.
    `drift` are the stability indices of terms that have left the training's range, `retrain` says that there are
    such; `days` is how many days the model has learned here.
    """

    at_ms: int
    name: str
    version: int
    fingerprint: str
    role: str
    runtime: str
    days: int
    score: float
    targets: dict[str, float] = {}
    drift: dict[str, float] = {}
    retrain: bool = False


def model_record(day: ModelDay) -> Unknown:
    """The record's body."""
    return Unknown(MODEL_RECORD, msgspec.msgpack.encode(day))


def model_day(raw: bytes) -> ModelDay:
    """What a record of the kind `model` says. Raises `ValueError` for anything else."""
    try:
        return msgspec.msgpack.decode(raw, type=ModelDay)
    except msgspec.DecodeError as error:
        raise ValueError(f"model record: {error}") from error


def spoken_by(component: str) -> str:
    """Who found a fault: `rule`, `model`, or a detector's name.

    >>> spoken_by(""), spoken_by("model:heating"), spoken_by("detector:mine")
    ('rule', 'model', 'mine')
    """
    head, colon, name = component.partition(":")
    if not colon or head not in ("model", "detector"):
        return RULE
    return MODEL if head == MODEL else name.partition("/")[0]
