"""Which wiring mistake explains the powers of a trial best.

Every mistake is a hypothesis with the correction that would undo it. The corrected powers must balance (solar + grid =
house + battery + losses) and must answer a load step by its size at once, whichever of battery and grid takes it.
A hypothesis' cost is −2 log likelihood of both, with capped errors, plus a price for not being the plain case.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from agent.domain.proof_change import NO_CHANGE, Change
from agent.domain.proof_house import (
    EFFICIENCY,
    LIVELY,
    METER,
    STEP_BAND,
    STEP_FLOOR_W,
    around,
    calm_sun,
    implied,
    residual,
)
from agent.domain.proof_model import POWERS, Channel, Mistake
from agent.domain.proof_series import COLUMN, Row, SeenStep, Series, at_rest, constant, mean
from agent.domain.signals import BATTERY_POWER, GRID_POWER, LOAD_POWER, PV_POWER, SignalName

Correct = Callable[[Series], Sequence[Row]]

_FLOOR_W: Final = 25.0
_STANDBY_W: Final = 90.0
_LOSS_SHARE: Final = 0.09
_CAP: Final = 16.0
_COUNTED: Final = 40.0
_FITS: Final = 2.5
_TIMES: Final = (10.0, 0.1, 1000.0, 0.001)
_DEAD_PRICE: Final = 250.0
_ODD_PRICE: Final = 150.0
_UNSEEN_PRICE: Final = 20.0
# The squared error of what a signal that tells nothing leaves open.
_UNTOLD: Final = 0.7
_COARSE_PRICE: Final = 40.0
_COARSE_W: Final = 50.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A mistake, the signals it is in, what it costs to believe it, and how it is undone.

    unseen: a signal that tells nothing. follows: the house's load was computed with the wrong grid.
    """

    mistake: Mistake | None
    signals: tuple[SignalName, ...]
    price: float
    correct: Correct
    change: Change = NO_CHANGE
    phase: int | None = None
    factors: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    unseen: SignalName | None = None
    follows: bool = False

    @property
    def key(self) -> tuple[Mistake | None, tuple[SignalName, ...], int | None, float]:
        """Hypotheses that a person would not tell apart share it."""
        return self.mistake, self.signals, self.phase, math.prod(self.factors)


@dataclass(frozen=True, slots=True)
class Judged:
    """A hypothesis with its cost, how well balance and steps fit (mean squared error in standard deviations), and what
    `each` step adds to the cost."""

    hypothesis: Hypothesis
    cost: float
    balance: float
    steps: float
    each: tuple[float, ...] = ()

    @property
    def balances(self) -> bool:
        return self.balance <= _FITS

    @property
    def fits(self) -> bool:
        return self.balance <= _FITS and self.steps <= _FITS


def judge(series: Series) -> list[Judged]:
    """Every hypothesis, the best first."""
    return sorted((_judged(series, each) for each in hypotheses(series)), key=lambda each: each.cost)


def hypotheses(series: Series) -> Iterator[Hypothesis]:
    """The plain case and every mistake that this site can have."""
    yield Hypothesis(None, (), 0.0, lambda s: s.rows)
    for follows in _ways(series):
        yield _scaled(Mistake.GRID_REVERSED, GRID_POWER, -1.0, 6.0, Change(flip=(GRID_POWER,)), follows=follows)
        yield from (_phase(phase, share, follows) for phase in _phases(series) for share in (1 / 3, 1.0, 0.0))
    if BATTERY_POWER in series.present:
        yield _scaled(Mistake.BATTERY_REVERSED, BATTERY_POWER, -1.0, 6.0, Change(flip=(BATTERY_POWER,)))
    if PV_POWER in series.present:
        half = Change(times={PV_POWER: 0.5})
        yield _scaled(Mistake.PV_TWICE, PV_POWER, 1 / 1.965, 6.0, half)
    if series.measures_load and not series.follows and BATTERY_POWER in series.present:
        yield _load_with_battery()
    for name in _measured(series):
        for factor in _TIMES:
            coarse = series.channels[COLUMN[name]].resolution * factor > _COARSE_W
            price = _COARSE_PRICE if coarse else 8.0
            change = Change(times={name: factor})
            for follows in _ways(series) if name == GRID_POWER else (False,):
                yield _scaled(Mistake.SCALE, name, factor, price, change, follows=follows)
    yield from _stuck(series)
    yield from _swaps(series)


def _stuck(series: Series) -> Iterator[Hypothesis]:
    """A signal that tells nothing. A house's load that stands still beside its grid meter is computed with that."""
    dead = [name for name in _measured(series) if constant(series, name) is not None]
    both = LOAD_POWER in dead and GRID_POWER in dead
    for name in dead:
        if not (both and name == LOAD_POWER):
            follows = both and name == GRID_POWER
            yield Hypothesis(Mistake.STUCK, (name,), _UNSEEN_PRICE, lambda s: s.rows, unseen=name, follows=follows)


def _ways(series: Series) -> tuple[bool, ...]:
    """Whether a wrong grid makes a wrong load: where the load is measured, a device may still compute it itself.

    A grid that stays at 0 is no number that could be turned or multiplied, in the load as little as by itself.
    """
    if series.follows:
        return (True,)
    return (False, True) if series.measures_load and not at_rest(series, GRID_POWER) else (False,)


def _measured(series: Series) -> list[SignalName]:
    return [name for name in POWERS if name in series.present and not (name == LOAD_POWER and series.follows)]


def _phases(series: Series) -> list[int]:
    return sorted({step.phase for step in series.steps if step.phase is not None})


def _with(series: Series, name: SignalName, new: Callable[[float], float], follows: bool) -> list[Row]:
    """Rows with one signal changed; a computed load follows the grid."""
    column, rows = COLUMN[name], []
    least = series.channels[COLUMN[LOAD_POWER]].resolution
    for row in series.rows:
        changed = list(row)
        old = row[column]
        if old is not None:
            changed[column] = new(old)
            if name == GRID_POWER and follows and row[1] is not None:
                # A device that comes to less than nothing says nothing at all: the house's load is not known then.
                changed[1] = row[1] + new(old) - old if row[1] > least else None
        pv, battery, grid = changed[0], changed[2], changed[3]
        assert pv is not None
        assert battery is not None
        assert grid is not None
        rows.append((pv, changed[1], battery, grid))
    return rows


def _scaled(
    mistake: Mistake, name: SignalName, factor: float, price: float, change: Change, *, follows: bool = False
) -> Hypothesis:
    factors = [1.0, 1.0, 1.0, 1.0]
    factors[COLUMN[name]] = factor
    return Hypothesis(
        mistake,
        (name,),
        price,
        lambda s: _with(s, name, lambda value: value * factor, follows),
        change,
        factors=(factors[0], factors[1], factors[2], factors[3]),
        follows=follows,
    )


def _load_with_battery() -> Hypothesis:
    def correct(series: Series) -> list[Row]:
        return [
            (pv, None if load is None else load - battery, battery, grid) for pv, load, battery, grid in series.rows
        ]

    change = Change(less={LOAD_POWER: BATTERY_POWER})
    return Hypothesis(Mistake.LOAD_HAS_BATTERY, (LOAD_POWER, BATTERY_POWER), 6.0, correct, change)


def _phase(phase: int, share: float, follows: bool) -> Hypothesis:
    """The grid's meter does not count one phase; `share` of the inverter's power goes out on it."""

    def correct(series: Series) -> list[Row]:
        hidden = []
        for index, (pv, _, battery, _) in enumerate(series.rows):
            on = sum(step.watts for step in series.steps if step.phase == phase and step.index <= index)
            hidden.append(on - share * EFFICIENCY * (pv - battery))
        base = 0.0
        if series.measures_load and not follows:
            lacking = [
                residual(row) + part for row, part in zip(series.rows, hidden, strict=True) if row[1] is not None
            ]
            base = max(0.0, _STANDBY_W / 2 - median(lacking)) if lacking else 0.0
        rows = []
        for (pv, load, battery, grid), part in zip(series.rows, hidden, strict=True):
            more = part + base
            rows.append((pv, load + more if follows and load is not None else load, battery, grid + more))
        return rows

    return Hypothesis(Mistake.PHASE_MISSING, (GRID_POWER,), 8.0, correct, phase=phase, follows=follows)


def swap_words(value: float, channel: Channel) -> float:
    """The number whose two words, exchanged, read `value`.

    >>> swap_words(153681920.0, Channel(1.0, 2)), swap_words(-153681920.0, Channel(1.0, 2, sign=-1))
    (2345.0, -2345.0)
    """
    raw = round(value * channel.sign / channel.resolution) & 0xFFFFFFFF
    raw = ((raw & 0xFFFF) << 16) | (raw >> 16)
    return (raw - (1 << 32) if raw & 0x80000000 else raw) * channel.sign * channel.resolution


def _swaps(series: Series) -> Iterator[Hypothesis]:
    """One signal's words, or those of all."""
    wide = [name for name in _measured(series) if series.channels[COLUMN[name]].words == 2]
    groups = [(name,) for name in wide] + ([tuple(wide)] if len(wide) > 1 else [])
    for names in groups:

        def correct(series: Series, names: tuple[SignalName, ...] = names) -> Sequence[Row]:
            # What was computed of several numbers with exchanged words cannot be told apart again.
            lost = series.follows and len(names) > 1
            for name in names:
                channel = series.channels[COLUMN[name]]
                rows = _with(series, name, lambda value, channel=channel: swap_words(value, channel), series.follows)  # type: ignore[misc]
                series = replace(series, rows=tuple(rows))
            return [(pv, None if lost else load, battery, grid) for pv, load, battery, grid in series.rows]

        yield Hypothesis(Mistake.WORDS_SWAPPED, names, 8.0, correct, Change(swap=names))


def _judged(series: Series, hypothesis: Hypothesis) -> Judged:
    rows = hypothesis.correct(series)
    balance = list(_balance(series, hypothesis, rows))
    steps = _steps(series, hypothesis, rows)
    together = [error for step in steps for error in step]
    each = tuple(_cost(step, len(together)) for step in steps)
    cost = hypothesis.price + _dead_price(series, hypothesis) + _odd_price(hypothesis, rows)
    cost += _cost(balance, len(balance)) + sum(each)
    return Judged(hypothesis, cost, mean([error for error, _ in balance]), mean([error for error, _ in together]), each)


def _cost(errors: Sequence[tuple[float, float]], among: int) -> float:
    """−2 log likelihood of some of `among` errors; more than so many tell no more."""
    weight = min(1.0, _COUNTED / (among or 1))
    return weight * sum(squared + 2 * math.log(sigma / _FLOOR_W) for squared, sigma in errors)


def _dead_price(series: Series, hypothesis: Hypothesis) -> float:
    """Meters that measure something never show exactly the same for minutes; all but the house may rest at 0,
    and a battery at its limit."""
    price, calm = 0.0, calm_sun(series)
    for name in _measured(series):
        if name == PV_POWER and calm:
            continue
        value, column = constant(series, name), COLUMN[name]
        rests = name == BATTERY_POWER or (name != LOAD_POWER and at_rest(series, name))
        fine = series.channels[column].resolution * abs(hypothesis.factors[column]) < LIVELY
        told = name != hypothesis.unseen and not (name == LOAD_POWER and hypothesis.follows)
        if value is not None and fine and not rests and told:
            price += _DEAD_PRICE
    return price


def _odd_price(hypothesis: Hypothesis, rows: Sequence[Row]) -> float:
    """What fits only by hiding something: a factor that leaves nothing of a signal, which may then lack for any other
    reason, and a house that would give power.
    """
    if hypothesis.mistake is Mistake.SCALE:
        column = COLUMN[hypothesis.signals[0]]
        return _ODD_PRICE if all(abs(row[column] or 0.0) < _FLOOR_W for row in rows) else 0.0
    if hypothesis.mistake is Mistake.LOAD_HAS_BATTERY:
        loads = [row[1] for row in rows if row[1] is not None]
        return _ODD_PRICE if loads and median(loads) < -2 * _FLOOR_W else 0.0
    return 0.0


def _sigma(series: Series, hypothesis: Hypothesis, row: Row) -> float:
    """What meters may be off by; a factor that was taken off enlarges the last digit."""
    total = _FLOOR_W**2
    for column, value in enumerate(row):
        rounding = series.channels[column].resolution * abs(hypothesis.factors[column]) * 0.4
        total += (METER * (value or 0.0)) ** 2 + rounding**2
    return math.sqrt(total)


def _hinge(error: float, low: float, high: float, sigma: float) -> float:
    """Squared distance from an interval in standard deviations, capped."""
    outside = max(low - error, error - high, 0.0)
    return min(_CAP, (outside / sigma) ** 2)


def _balance(series: Series, hypothesis: Hypothesis, rows: Sequence[Row]) -> Iterator[tuple[float, float]]:
    """Errors of solar + grid − house − battery, which must be the losses."""
    for row, seen in zip(rows, series.rows, strict=True):
        sigma = _sigma(series, hypothesis, row)
        if row[1] is None and seen[1] is not None:
            yield _UNTOLD, sigma
        elif row[1] is not None:
            losses = _STANDBY_W + _LOSS_SHARE * max(abs(row[0]), abs(row[0] - row[2]))
            known = hypothesis.unseen is None
            yield (_hinge(residual(row), 0.0, losses, sigma) if known else _UNTOLD), sigma


def _steps(series: Series, hypothesis: Hypothesis, rows: Sequence[Row]) -> list[list[tuple[float, float]]]:
    """Errors of the answer to each load step, of what the balance says about the house and of the house's own meter."""
    unseen = hypothesis.unseen
    told = (implied(rows), unseen not in (None, LOAD_POWER)), ([row[1] for row in rows], unseen is not None)
    return [
        [
            (_UNTOLD if untold else squared, sigma)
            for values, untold in told
            for squared, sigma in _step_errors(series, hypothesis, rows, values, step)
        ]
        for step in series.steps
    ]


def _step_errors(
    series: Series,
    hypothesis: Hypothesis,
    rows: Sequence[Row],
    values: Sequence[float | None],
    step: SeenStep,
) -> Iterator[tuple[float, float]]:
    before, after = around(series, step)
    base = [value for i in before if (value := values[i]) is not None]
    if not base:
        return
    level, band = median(base), abs(step.watts) * STEP_BAND
    for i in after:
        value = values[i]
        sigma = math.hypot(STEP_FLOOR_W, _sigma(series, hypothesis, rows[i]))
        if value is None and series.rows[i][1] is not None:
            yield _UNTOLD, sigma
        elif value is not None:
            yield _hinge(value - level - step.watts, -band, band, sigma), sigma
