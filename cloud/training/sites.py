"""Recordings of many sites as arrays of frames, and the terms of a plan over them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from agent.domain.learned_plan import SLOW, Part, Plan, Term
from agent.domain.learned_window import DayMean, contexts_at, sun_share

Array = npt.NDArray[np.float64]
DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class SiteFrames:
    """One site: frame `i` is the mean of each signal over `frame_ms` from `start_ms` + `i` × `frame_ms`.

    What was not measured is NaN.
    """

    name: str
    start_ms: int
    frame_ms: int
    latitude: float | None
    longitude: float | None
    zone: str
    signals: Mapping[str, Array]

    @property
    def frames(self) -> int:
        return len(next(iter(self.signals.values())))

    @property
    def times_ms(self) -> npt.NDArray[np.int64]:
        return self.start_ms + np.arange(self.frames, dtype=np.int64) * self.frame_ms


def contexts_of(site: SiteFrames) -> Mapping[str, Array]:
    """Sun, hour and season at the middle of each frame."""
    place = None if site.latitude is None or site.longitude is None else (site.latitude, site.longitude)
    return _contexts(place, site.zone, site.start_ms, site.frame_ms, site.frames)


@lru_cache(maxsize=16)
def _contexts(
    place: tuple[float, float] | None, zone: str, start_ms: int, frame_ms: int, frames: int
) -> Mapping[str, Array]:
    ask = contexts_at(place, ZoneInfo(zone), frame_ms // 1000)
    rows = [ask(start_ms + number * frame_ms) for number in range(frames)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def sizes_of(plan: Plan, site: SiteFrames, contexts: Mapping[str, Array]) -> dict[str, float]:
    """The sizes of a site as its device learns them."""
    found = {}
    for size in plan.sizes:
        first = site.times_ms < site.start_ms + size.days * DAY_MS
        values = np.abs(site.signals[size.signal])
        if size.over_sun:
            shares = np.array([sun_share(height) for height in contexts["sun_height"]])
            values = np.where(shares > 0.0, values / np.where(shares > 0.0, shares, 1.0), 0.0)
        found[size.name] = max(float(np.nanmax(np.where(first, values, 0.0))), 1.0)
    return found


def terms_of(plan: Plan, site: SiteFrames) -> Array:
    """All terms of the plan over a site, shape (frames, terms); NaN where something is missing."""
    contexts = contexts_of(site)
    sizes = sizes_of(plan, site, contexts)
    slow = {
        part.signal: _slow(site.signals[part.signal], site.frame_ms)
        for term in plan.terms
        for part in term.parts
        if part.lag == SLOW
    }
    columns = [_term(term, site, contexts, sizes, slow) for term in plan.terms]
    return np.stack(columns, axis=1)


def _term(
    term: Term, site: SiteFrames, contexts: Mapping[str, Array], sizes: Mapping[str, float], slow: Mapping[str, Array]
) -> Array:
    if term.context:
        return contexts[term.context]
    total = np.zeros(site.frames)
    for part in term.parts:
        total = total + part.weight * _part(part, site, slow)
    scaled = (total - term.offset) / (term.scale * (sizes[term.by] if term.by else 1.0))
    return np.clip(scaled, -term.most, term.most)


def _part(part: Part, site: SiteFrames, slow: Mapping[str, Array]) -> Array:
    if part.lag == SLOW:
        return slow[part.signal]
    values = site.signals[part.signal]
    if part.lag == 0:
        return values
    return np.concatenate([np.full(part.lag, np.nan), values[: -part.lag]])


def _slow(values: Array, frame_ms: int) -> Array:
    """The mean over about a day, as the device keeps it."""
    mean = DayMean(frame_ms // 1000)
    out = np.empty_like(values)
    for place, value in enumerate(values.tolist()):
        mean.update(value if value == value else None)
        now = mean.value
        out[place] = np.nan if now is None else now
    return out
