"""What a case is: a promise, how it is broken, and a way to find out what happens then."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

_BEGAN: Final = time.monotonic()


class Skipped(Exception):
    """This machine cannot run the case; says why."""


class Broken(AssertionError):
    """A promise did not hold; says how."""


@dataclass(frozen=True, slots=True)
class Context:
    """Where a case may write, how much it should do, and where its chance begins."""

    folder: Path
    short: bool
    seed: int

    def say(self, text: str) -> None:
        """One line of progress."""
        print(f"{time.monotonic() - _BEGAN:7.1f} s  {text}", file=sys.stderr, flush=True)


class Outcome(msgspec.Struct, frozen=True):
    """How often something was broken, and what happened, both as a person reads them."""

    times: str
    happened: str


@dataclass(frozen=True, slots=True)
class Case:
    """`promise` names what must hold, `breaks` how it is put to the test; `run` raises `Broken` or `Skipped`."""

    name: str
    promise: str
    breaks: str
    run: Callable[[Context], Outcome]


class Verdict(msgspec.Struct, frozen=True):
    """One row of the table; `held` is None where the machine could not run the case."""

    name: str
    promise: str
    breaks: str
    times: str
    happened: str
    held: bool | None
    seconds: float


def require(condition: bool, problem: str) -> None:
    """Raise `Broken` unless it holds."""
    if not condition:
        raise Broken(problem)
