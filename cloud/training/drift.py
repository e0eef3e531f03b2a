"""What a device compares its present with: how the terms were distributed, and how far seasons move them."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from agent.domain.learned_artifact import Reference
from agent.domain.learned_drift import stability_index
from agent.domain.learned_plan import Plan
from cloud.training.network import Array

BINS: Final = 10
MONTH_FRAMES: Final = 30 * 96
_MARGIN: Final = 1.25


def references_of(plan: Plan, sites: Sequence[Array]) -> list[Reference]:
    """A reference for each term that is measured; sun, hour and season move by themselves."""
    return [
        _reference(number, [terms[:, number] for terms in sites])
        for number, term in enumerate(plan.terms)
        if not term.context
    ]


def _reference(number: int, sites: Sequence[Array]) -> Reference:
    known = [values[np.isfinite(values)] for values in sites]
    pooled = np.concatenate(known)
    edges = np.unique(np.quantile(pooled, np.linspace(0, 1, BINS + 1)[1:-1]))
    shares = _shares(pooled, edges)
    far = [
        stability_index(shares.tolist(), _counts(month, edges).tolist())
        for values in known
        for month in np.array_split(values, max(1, len(values) // MONTH_FRAMES))
    ]
    return Reference(number, edges.tolist(), shares.tolist(), _MARGIN * float(np.max(far)))


def _shares(values: Array, edges: Array) -> Array:
    return _counts(values, edges) / max(1, len(values))


def _counts(values: Array, edges: Array) -> Array:
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return np.asarray(counts, dtype=np.float64)
