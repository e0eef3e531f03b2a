"""Is a repairable system getting better or worse? From sums that a device keeps: pure.

A failure's time is the exposure that had passed before it; the watch ends with the exposure now. Laplace's test: Cox &
Lewis, "The Statistical Analysis of Series of Events" (1966), section 3.3. Power law: Crow, "Reliability Analysis for
Complex, Repairable Systems" (1974), MIL-HDBK-189C section 6.2.
"""

from math import erfc, sqrt
from typing import Final, NamedTuple

from agent.domain.distributions import chi_square_quantile

_TAIL: Final = 0.025
_FEWEST: Final = 3


class Trend(NamedTuple):
    """`score` is normal at a constant rate: above 0 failures crowd late, so it gets worse; `p_value` is two-sided.

    Expected failures grow with exposure to the power `shape`: above 1 they come faster and faster. Its bounds are 95 %.
    """

    score: float
    p_value: float
    shape: float
    shape_low: float
    shape_high: float


def trend(failures: int, time_sum: float, log_sum: float, end: float) -> Trend | None:
    """From the number of failures, Σ t and Σ ln(end / t) up to `end`; None with fewer than three.

    >>> from math import log
    >>> told = trend(4, 10.0, 4 * log(4), 10.0)  # all four at 2.5 of 10
    >>> round(told.score, 3), round(told.shape, 3)
    (-1.732, 0.721)
    """
    if failures < _FEWEST or end <= 0 or log_sum <= 0:
        return None
    score = (time_sum - failures * end / 2) / sqrt(failures * end * end / 12)
    shape = failures / log_sum
    low, high = (shape * chi_square_quantile(p, 2 * failures) / (2 * failures) for p in (_TAIL, 1 - _TAIL))
    return Trend(score, erfc(abs(score) / sqrt(2)), shape, low, high)
