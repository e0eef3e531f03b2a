"""How strongly each day of each installation speaks for a fault. 1 is where a technician would call it one.

A severity compares the day with physics (water that heats is warmer than the room; a heating curve falls with outdoor
temperature) and with the fleet (peers' weather, the usual room), so that nothing has to be learned from labels.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cloud.fleet.daily import FLOW, OUT, ROOM, Daily
from cloud.fleet.robust import Array, centre_and_spread, highest, longest_run, median, quantiles, rolling_median

MAX_SEVERITY = 6.0
# Steps (K) from which a room sensor counts as coarse, and days of the same value that are news from such a one.
COARSE = 0.15
PATIENT_DAYS = 6
# One that never moved at all in so many days stands still, however coarse others are.
LONG_DAYS = 10
# A room this far (K) below the fleet's has not been heated.
COOLED = 4.5
# One that was warmer on hardly a day, and had water so far (K) above it on so many, is kept cold.
MOST_TIME, CLEAR_HEAT, HEATED_DAYS = 0.9, 3.0, 2
# Days without heat of any seven that may be a schedule which comes again a week later: the others are heated.
SHUT_DAYS = 5
# Further (K) than in the coldest hours of days with heat; a room this little (K) below the fleet's misses none while
# the weather is less than so much (K) colder.
LOWER, MISSED, MILD = 0.3, 0.7, 11.0
# A room this far (K) below what it usually was is let down; share of a fleet without heat that makes a day a holiday;
# severity from which a day is one of little heat.
FALLEN, HOLIDAY, RESTS = 3.0, 0.03, 0.4
# No room is heated by water hotter than this (°C) most of a day.
HOTTEST = 92.0
# Nobody calls a room too cold from here on (°C), whatever its peers have.
COMFORTABLE = 19.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """`daily`: severity by installation and day, NaN where the day cannot tell. `smooth`: what has lasted `width` days.

    `peak`: each installation's highest lasting severity (0 where no day can tell).
    """

    fault: str
    daily: Array
    smooth: Array
    width: int

    @property
    def peak(self) -> Array:
        return np.maximum(highest(self.smooth), 0.0)


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual in this fleet: centre and spread. Kept from night to night, so that weeks can be compared."""

    room: tuple[float, float]
    off: tuple[float, float]
    off_span: tuple[float, float]
    room_deviation: tuple[float, float]
    response: tuple[float, float]


def usual(daily: Daily, response: Array) -> Usual:
    """The fleet's own reference, by medians, so that a few faults do not move it."""
    return Usual(
        room=centre_and_spread(median(daily.warm)),
        off=centre_and_spread(median(daily.off)),
        off_span=centre_and_spread(median(daily.off_span)),
        room_deviation=centre_and_spread(daily.deviation[:, :, ROOM]),
        response=centre_and_spread(response),
    )


def lasting(fault: str, daily: NDArray[np.floating], width: int) -> Evidence:
    """Severities that hold for the median of `width` days."""
    capped = np.minimum(daily, MAX_SEVERITY).astype(np.float32)
    return Evidence(fault, capped, rolling_median(capped, min(width, max(1, daily.shape[1]))), width)


def demand(daily: Daily, comfort: float) -> Array:
    """How far (K) the peers' weather is below the usual room."""
    return (comfort - daily.weather).astype(np.float32)


def no_heat(daily: Daily, fleet: Usual) -> Evidence:
    """Water hardly warmer than the room, although it is cold outside."""
    need = np.where(_kept_cold(daily, fleet), median(daily.warm)[:, None] - daily.weather, demand(daily, fleet.room[0]))
    least = np.clip(0.2 * need, 2.0, 4.0)
    # A room sensor that is stuck high must not hide the heat that comes.
    excess = daily.excess + np.maximum(daily.middle[:, :, ROOM] - fleet.room[0], 0)
    severity = np.where(need >= 8, least / np.maximum(excess, 0.25), np.nan)
    severity[~np.isfinite(daily.excess)] = np.nan
    severity = _without_weekends(severity)
    # Two days without heat are a weekend; with a room that cools down they are not, further than it is let down anyway.
    lowest = quantiles(np.where(severity < 1, daily.cold, np.nan), 0.1)[0][:, None] - LOWER
    lower = ~(daily.cold > lowest)
    cold = (daily.middle[:, :, ROOM] < fleet.room[0] - COOLED) & lower
    # Nor is heat missed in mild weather where the room stays as warm as others without it.
    warm = (need < MILD) & (daily.middle[:, :, ROOM] > fleet.room[0] - MISSED)
    severity = np.where(warm, np.minimum(severity, 0.5), severity)
    found, soon = lasting("no_heat", severity, 4), lasting("no_heat", np.where(cold, severity, 0), 2)
    once = lasting("no_heat", np.where(lower, _only_here(severity, daily, fleet), 0), 1)
    return replace(found, smooth=np.fmax.reduce([found.smooth, soon.smooth, once.smooth]))


def _kept_cold(daily: Daily, fleet: Usual) -> NDArray[np.bool_]:
    """Churches, summer houses: cold nearly every day, and heat comes at times. They ask for no more than they have."""
    cold = quantiles(daily.warm, MOST_TIME)[0] < fleet.room[0] - COOLED
    return np.asarray(cold & ((daily.excess > CLEAR_HEAT).sum(axis=1) >= HEATED_DAYS))[:, None]


def _only_here(severity: Array, daily: Daily, fleet: Usual) -> Array:
    """A single day counts where the room was let down by degrees, on a day on which hardly any other plant rests.

    A public holiday is one for many buildings, a weekend comes again, and a room that stays cold although the water is
    warm again was set to be so.
    """
    own = np.maximum(median(daily.warm), fleet.room[0] - FALLEN)[:, None]
    resting = (severity >= 1).mean(axis=0) > max(HOLIDAY, 2 / len(severity))
    lowered = (severity >= RESTS) | (daily.warm < own - FALLEN / 2)
    again = _days_on(lowered, 7) | _days_on(lowered, -7)
    stays = _days_on((daily.warm < own - FALLEN) & (severity < 1), -2)
    alone = (daily.cold < own - FALLEN) & ~resting & ~again & ~stays
    return np.where(alone & np.isfinite(severity), severity, 0)


def _days_on(days: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """What holds on each day moved `by` days on (back where negative)."""
    moved = np.zeros_like(days)
    if by > 0:
        moved[:, by:] = days[:, :-by]
    else:
        moved[:, :by] = days[:, -by:]
    return moved


def _without_weekends(severity: Array) -> Array:
    """Leaves out pauses that come again a week later: a building shut at weekends, or but for them, is not broken."""
    dead = severity >= 1
    if dead.shape[1] < 8:
        return severity
    again = _days_on(dead, 7) | _days_on(dead, -7)
    padded = np.pad(dead, ((0, 0), (3, 3)))
    around = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=1).sum(axis=-1)
    return np.where(dead & again & (around <= SHUT_DAYS), np.float32(np.nan), severity)


def swinging(daily: Daily, by_design: NDArray[np.bool_], threshold: float = 2.8) -> Evidence:
    """Flow that is far from its own mean of hours most of the time, whatever the period.

    `by_design`: installations that a thermostat switches on and off; their swing says nothing.
    """
    return lasting("short_cycling", _unless(by_design, daily.swing / np.float32(threshold)), 3)


def hunting(daily: Daily, by_design: NDArray[np.bool_], threshold: float = 2.6) -> Evidence:
    """Flow that swings like a sine, which noise does not, and all day long, which schedules do not."""
    severity = np.minimum(daily.line, daily.swing * np.float32(1.25)) / np.float32(threshold)
    return lasting("hunting", _unless(by_design, severity), 3)


def _unless(rows: NDArray[np.bool_], severity: Array) -> Array:
    return np.where(rows[:, None], np.float32(np.nan), severity)


def room_too_cold(daily: Daily, fleet: Usual) -> Evidence:
    """A room that stays far below the fleet's usual one in its warmer hours too, and longer than a weekend."""
    below = max(2.8, 2.9 * fleet.room[1])
    severity = (fleet.room[0] - daily.warm) / np.float32(below)
    # A room below the usual one that was warm before is cold sooner.
    fallen = (quantiles(daily.warm, 0.8)[0][:, None] - daily.warm) / np.float32(3.2)
    severity = np.fmax(severity, np.where(daily.warm < fleet.room[0] - 1.5, fallen, np.nan))
    severity = np.where(daily.warm > COMFORTABLE, np.minimum(severity, 0.5), severity)
    return lasting("room_too_cold", severity, 5)


def unusual(daily: Daily, fleet: Usual) -> Evidence:
    """A room far above the fleet's, or one that goes up and down by many degrees a day: no fault has this name."""
    above = (daily.warm - fleet.room[0]) / np.float32(max(4.5, 5 * fleet.room[1]))
    restless = daily.deviation[:, :, ROOM] / np.float32(max(2.5, 5 * fleet.room_deviation[0]))
    return lasting("unusual_behaviour", np.fmax(above, restless), 5)


def room_stuck(daily: Daily, fleet: Usual) -> Evidence:
    """A room sensor that says the same all day, for days; a coarse one (`grain`, K) may do so for some days."""
    least = max(0.02, 0.07 * fleet.room_deviation[0])
    moves = daily.stir
    severity = np.float32(least) / (moves + np.float32(0.25 * least)) / np.float32(1.25)
    found = lasting("room_sensor_stuck", severity, 3)
    coarse, moving = _coarse(daily), daily.grain > COARSE
    runs = longest_run(daily.deviation[:, :, ROOM] <= least / 2)[:, 2]
    # What coarse sensors of this fleet do in health sets how long one may stand still.
    limit = max(PATIENT_DAYS, 1.3 * float(np.quantile(runs[moving], 0.98))) if moving.any() else PATIENT_DAYS
    never = ~np.isfinite(daily.grain) & (runs >= min(LONG_DAYS, limit))
    smooth = np.where((coarse & (runs < limit) & ~never)[:, None], np.minimum(found.smooth, 0), found.smooth)
    return replace(found, smooth=smooth)


def _coarse(daily: Daily) -> NDArray[np.bool_]:
    """Rooms read in coarse steps; one that never moves counts if peers are coarse and it stands on such a step."""
    coarse = daily.grain > COARSE
    if coarse.mean() > 0.02:
        shown = median(daily.middle[:, :, ROOM])
        coarse |= ~np.isfinite(daily.grain) & (np.abs(shown * 2 - np.rint(shown * 2)) < 0.01)
    return np.asarray(coarse)


def outdoor_odd(daily: Daily, fleet: Usual) -> Evidence:
    """An outdoor sensor that does not see its peers' weather: offset, warmed by sun or wall, stuck."""
    offset = np.abs(daily.off - fleet.off[0]) / np.float32(max(4.5, 5.0 * fleet.off[1]))
    span = daily.off_span / np.float32(max(5.0, fleet.off_span[0] + 6 * fleet.off_span[1]))
    damped = (1 - _slope(daily.follow, 3)) / np.float32(0.6)
    severity = np.fmax(np.fmax(offset, span), np.where(damped > 1, damped, np.nan))
    severity = np.fmax(severity, np.where(daily.impossible[:, :, OUT] > 0.5, 3.0, np.nan))
    return lasting("outdoor_sensor_implausible", severity, 3)


def window_sums(values: Array, width: int) -> Array:
    """Sums over `width` days ending at each (axis 1); fewer days at the beginning."""
    sums = np.cumsum(values, axis=1, dtype=np.float64)
    sums[:, width:] -= sums[:, :-width].copy()
    return sums.astype(np.float32)


def _slope(sums: Array, width: int, least_deviation: float = 1.2) -> Array:
    """Own outdoor on the peers' over the last days; NaN where the weather hardly moved."""
    n, x, y, xx, xy, _ = np.moveaxis(window_sums(sums, width), 2, 0)
    n = np.maximum(n, 1)
    variance = xx / n - (x / n) ** 2
    covariance = xy / n - x * y / n**2
    return np.where(variance > least_deviation**2, covariance / np.maximum(variance, 1e-6), np.nan).astype(np.float32)


def swapped(daily: Daily, fleet: Usual) -> tuple[Evidence, Array]:
    """Two sensors that make sense the other way round; beside it which pair (0: outdoor and room, 1: outdoor and flow,
    2: room and flow) fits best.
    """
    out, room, flow = np.moveaxis(daily.raw, 2, 0)
    weather, comfort = daily.weather, fleet.room[0]
    cold = comfort - weather > 6

    def misfit(as_out: Array, as_room: Array) -> Array:
        return np.asarray(np.abs(as_out - weather) + np.abs(as_room - comfort))

    kept = misfit(out, room)
    turned = misfit(room, out)
    away = np.abs(flow - weather)
    pairs = [
        np.where(cold & (turned < 9) & (flow > out - 2), (kept - turned) / 10, 0),
        np.where(cold & (away < 5) & (out > room - 3), (np.abs(out - weather) - away) / 8, 0),
        np.where(cold & (np.abs(flow - comfort) < 5) & (room > comfort + 3.5), (room - flow) / 3.5, 0),
    ]  # fmt: skip
    stacked = np.stack([np.where(np.isfinite(pair), pair, 0) for pair in pairs])
    severity = np.where(np.isfinite(flow), stacked.max(axis=0), np.nan)
    pair = stacked.max(axis=2).argmax(axis=0) if stacked.shape[2] else np.zeros(stacked.shape[1], dtype=np.int64)
    return lasting("sensors_swapped", severity, 2), pair.astype(np.float32)


# What a wrong unit or sign did to a true value: (name, factor, offset) such that true = factor × shown + offset.
MENDS: tuple[tuple[str, float, float], ...] = (
    ("sign turned", -1.0, 0.0),
    ("ten times too small", 10.0, 0.0),
    ("ten times too large", 0.1, 0.0),
    ("in °F", 1 / 1.8, -32 / 1.8),
    ("in K", 1.0, -273.15),
)


def wrong_scale(daily: Daily, fleet: Usual) -> tuple[Evidence, list[tuple[Array, Array]]]:
    """A signal that fits once its sign or unit is mended; beside it, per signal, severity and best mend of each day."""
    each = [_outdoor_scale(daily), _room_scale(daily, fleet), _flow_scale(daily, fleet)]
    return lasting("sign_or_scale_error", np.fmax.reduce([severity for severity, _ in each]), 2), each


def _outdoor_scale(daily: Daily) -> tuple[Array, Array]:
    n, x, y, xx, xy, yy = np.moveaxis(window_sums(daily.follow, 3), 2, 0)
    n = np.maximum(n, 1)

    def error(factor: float, offset: float) -> Array:
        mse = factor**2 * yy + 2 * factor * offset * y + n * offset**2 - 2 * factor * xy - 2 * offset * x + xx
        return np.asarray(np.sqrt(np.maximum(mse / n, 0)))

    kept = error(1.0, 0.0)
    mended = np.stack([error(factor, offset) for _, factor, offset in MENDS])
    best = mended.min(axis=0)
    # The mended series must move with the weather, not only lie near it.
    factors = np.array([factor for _, factor, _ in MENDS], dtype=np.float32)[mended.argmin(axis=0)]
    moves = factors * _slope(daily.follow, 3)
    alike = (moves > 0.6) & (moves < 1.6)
    severity = np.where((best < 3) & (kept > 4) & alike, kept / (best + 1) / 2.5, 0)
    hot = _mended(daily.raw[:, :, OUT], lambda value: np.abs(value - daily.weather) < 4, daily.impossible[:, :, OUT])
    return np.fmax(severity, hot[0]).astype(np.float32), np.where(hot[0] >= 1, hot[1], mended.argmin(axis=0))


def _mended(shown: Array, fits: Callable[[Array], NDArray[np.bool_]], impossible: Array) -> tuple[Array, Array]:
    """2 where most of a day's values are impossible and one mend makes the median fit."""
    fitting = np.stack([fits(factor * shown + offset) for _, factor, offset in MENDS])
    return np.where((impossible > 0.2) & fitting.any(axis=0), 2.0, 0.0).astype(np.float32), fitting.argmax(axis=0)


def _room_scale(daily: Daily, fleet: Usual) -> tuple[Array, Array]:
    shown, flow = daily.raw[:, :, ROOM], daily.raw[:, :, FLOW]
    reach = max(3.5, 4 * fleet.room[1])
    fitting = np.stack([
        (np.abs(factor * shown + offset - fleet.room[0]) < reach) & (flow > factor * shown + offset + 1)
        for _, factor, offset in MENDS
    ])  # fmt: skip
    odd = np.abs(shown - fleet.room[0]) > 12
    return np.where(odd & fitting.any(axis=0), 2.0, 0.0).astype(np.float32), fitting.argmax(axis=0)


def _flow_scale(daily: Daily, fleet: Usual) -> tuple[Array, Array]:
    shown, room = daily.raw[:, :, FLOW], daily.raw[:, :, ROOM]
    lived = room > fleet.room[0] - 5
    fitting = np.stack([
        (factor * shown + offset > fleet.room[0] + 1) & (factor * shown + offset < 90) for _, factor, offset in MENDS
    ])  # fmt: skip
    # A heated room with water below it: the heat did come.
    odd = ((shown < fleet.room[0] - 7) & lived) | (shown > HOTTEST)
    return np.where(odd & fitting.any(axis=0), 2.0, 0.0).astype(np.float32), fitting.argmax(axis=0)
