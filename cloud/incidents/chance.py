"""Bounds on how probable a count is by chance. Chernoff's: cheap, and never too small."""

import math


def log_poisson_tail(count: int, expected: float) -> float:
    """Upper bound of ln P(N ≥ count) for a Poisson count.

    >>> round(log_poisson_tail(10, 1.0), 1), log_poisson_tail(1, 2.0)
    (-14.0, 0.0)
    """
    if count <= expected:
        return 0.0
    return count - expected - count * math.log(count / max(expected, 1e-12))


def log_binomial_tail(count: int, of: int, share: float) -> float:
    """Upper bound of ln P(N ≥ count) among `of` that each are hit with probability `share`.

    >>> round(log_binomial_tail(3, 3, 0.01), 1)
    -13.8
    """
    if of == 0 or count <= share * of:
        return 0.0
    seen, share = count / of, min(max(share, 1e-9), 1 - 1e-9)
    rest = 0.0 if count == of else (1 - seen) * math.log((1 - seen) / (1 - share))
    return -of * (seen * math.log(seen / share) + rest)
