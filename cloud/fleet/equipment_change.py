"""Before and after a day on which something changed, a firmware for example: every home is compared with itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from cloud.fleet.equipment_rates import CONFIDENCE, Mtbf, Ratio, mtbf, ratio


@dataclass(frozen=True, slots=True)
class Split:
    """One home before and after: failures and exposure in hours."""

    failures_before: int
    exposure_before_h: float
    failures_after: int
    exposure_after_h: float


@dataclass(frozen=True, slots=True)
class Change:
    """`ratio` is the failure rate after the day over the rate before it."""

    homes: int
    failures_before: int
    failures_after: int
    before: Mtbf
    after: Mtbf
    ratio: Ratio


def change(splits: Sequence[Split], *, confidence: float = CONFIDENCE) -> Change | None:
    """What the day changed; None where no home was watched on both sides of it.

    Given how often a home failed, the part that came after is binomial with its part of the exposure, whatever its own
    rate is: homes may differ. Parts are added up over homes; where they scatter more than binomial ones would, counts
    are divided by that excess before the interval is taken.
    """
    both = [s for s in splits if s.exposure_before_h > 0 and s.exposure_after_h > 0]
    if not both:
        return None
    before, after = sum(s.failures_before for s in both), sum(s.failures_after for s in both)
    hours_before, hours_after = sum(s.exposure_before_h for s in both), sum(s.exposure_after_h for s in both)
    failing = [s for s in both if s.failures_before + s.failures_after]
    share = _share_after(failing) if failing else hours_after / (hours_before + hours_after)
    excess = _excess(failing, before, after, share)
    return Change(
        len(both),
        before,
        after,
        mtbf(before, hours_before, confidence=confidence),
        mtbf(after, hours_after, confidence=confidence),
        ratio((after, share), (before, 1 - share), confidence=confidence, dispersions=(excess, excess)),
    )


def _part(split: Split) -> float:
    return split.exposure_after_h / (split.exposure_before_h + split.exposure_after_h)


def _share_after(failing: Sequence[Split]) -> float:
    """The part of all failures that would have come after if nothing had changed."""
    together = sum(s.failures_before + s.failures_after for s in failing)
    return sum((s.failures_before + s.failures_after) * _part(s) for s in failing) / together


def _excess(failing: Sequence[Split], before: int, after: int, share: float) -> float:
    """Pearson's statistic over its degrees of freedom, ≥ 1, at the ratio that was found."""
    if len(failing) < 2 or not before or not after:
        return 1.0
    found = (after / share) / (before / (1 - share))
    total = 0.0
    for split in failing:
        count = split.failures_before + split.failures_after
        odds = found * _part(split) / (1 - _part(split))
        part = odds / (1 + odds)
        total += (split.failures_after - count * part) ** 2 / (count * part * (1 - part))
    return max(1.0, total / (len(failing) - 1))
