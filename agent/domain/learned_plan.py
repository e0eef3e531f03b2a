"""What a learned model looks at: terms over frames of a site's signals, and the targets that are expected from them.

A frame is the mean of each signal over `frame_s`. A term is a weighted sum of signals in this or an earlier frame, or
of their mean over about a day, divided by a scale; or it tells the sun, the hour or the season. Plans are data: they
travel in the artifact of a model, and the trainer evaluates the same plan over whole arrays.
"""

from typing import Final

import msgspec

from agent.domain.errors import BadInput
from agent.domain.signals import spec_of

SLOW: Final = -1  # as a `lag`: the mean over about a day
SLOW_S: Final = 86_400.0
MOST_LAG: Final = 16
CONTEXTS: Final = (
    "sun_height",
    "sun_east",
    "sun_north",
    "sun_side",
    "hour_sin",
    "hour_cos",
    "season_sin",
    "season_cos",
)
MOST_TERMS: Final = 128


class Part(msgspec.Struct, array_like=True, frozen=True):
    """`weight` × `signal`, `lag` frames ago."""

    signal: str
    weight: float = 1.0
    lag: int = 0


class Term(msgspec.Struct, array_like=True, frozen=True):
    """Sum of `parts` − `offset`, divided by `scale` and, with `by`, by that size of the site; within ±`most`.

    With `context` it is one of `CONTEXTS` and has no parts.
    """

    name: str
    parts: list[Part] = []
    context: str = ""
    by: str = ""
    offset: float = 0.0
    scale: float = 1.0
    most: float = 4.0


class Gate(msgspec.Struct, array_like=True, frozen=True):
    """A frame counts for a target only where the term `term` lies within `low` … `high`."""

    term: int
    low: float
    high: float


class Target(msgspec.Struct, array_like=True, frozen=True):
    """What is expected: the term `y`, from the terms `inputs` and by `units` numbers that the network gives.

    `tau` is the expectile that is followed: 0.5 for the mean, 0.9 for what is reached in good moments. `blames` are
    the signals that are told when it is missed. With `side` -1 only too little counts, with 1 only too much. `reach` is
    the term that says from which side the sun comes, where the target is what the sun gives; -1 for others.
    """

    name: str
    y: int
    inputs: list[int]
    gates: list[Gate]
    blames: list[str]
    units: int = 6
    tau: float = 0.5
    side: int = 0
    reach: int = -1


class Size(msgspec.Struct, array_like=True, frozen=True):
    """A size of the site, learned in its first `days`: the highest of |signal| by `over`, which may be the sun."""

    name: str
    signal: str
    over_sun: bool = False
    days: int = 21


class Plan(msgspec.Struct, array_like=True, frozen=True):
    """Everything a model looks at."""

    name: str
    frame_s: int
    signals: list[str]
    sizes: list[Size]
    terms: list[Term]
    targets: list[Target]

    @property
    def width(self) -> int:
        """Numbers that the network gives."""
        return sum(target.units for target in self.targets)


def checked(plan: Plan) -> Plan:
    """The plan, if everything that it refers to is there. Raises `BadInput`."""
    sizes = {size.name for size in plan.sizes}
    for name in (*plan.signals, *(size.signal for size in plan.sizes)):
        if spec_of(name) is None:
            raise BadInput(f"plan {plan.name}: unknown signal {name!r}")
    if not plan.targets or not 60 <= plan.frame_s <= 3600 or len(plan.terms) > MOST_TERMS:
        raise BadInput(f"plan {plan.name}: expected targets, frames of 60 to 3600 s and at most {MOST_TERMS} terms")
    for term in plan.terms:
        _check_term(plan, term, sizes)
    for target in plan.targets:
        places = (target.y, *target.inputs, *(gate.term for gate in target.gates))
        if not all(0 <= place < len(plan.terms) for place in places):
            raise BadInput(f"plan {plan.name}: target {target.name} refers to a term that is not there")
        if not (1 <= target.units <= 16 and 0.0 < target.tau < 1.0):
            raise BadInput(f"plan {plan.name}: target {target.name} needs 1 to 16 units and tau between 0 and 1")
    return plan


def _check_term(plan: Plan, term: Term, sizes: set[str]) -> None:
    if bool(term.context) == bool(term.parts) or (term.context and term.context not in CONTEXTS):
        raise BadInput(f"plan {plan.name}: term {term.name} needs either parts or one of {', '.join(CONTEXTS)}")
    if term.scale == 0.0 or (term.by and term.by not in sizes):
        raise BadInput(f"plan {plan.name}: term {term.name} has no scale, or is by a size that is not there")
    for part in term.parts:
        if part.signal not in plan.signals or not SLOW <= part.lag <= MOST_LAG:
            raise BadInput(f"plan {plan.name}: term {term.name} refers to {part.signal!r} {part.lag} frames ago")
