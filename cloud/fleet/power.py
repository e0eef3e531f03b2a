"""A solar + battery fleet judged: peers at the same hour tell a cloud from a fault."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.fleet import calibration, clusters, shared
from cloud.fleet.costs import Costs
from cloud.fleet.cube import DAY_MS, Cube
from cloud.fleet.evidence import Evidence, lasting
from cloud.fleet.findings import BEHAVIOUR, DATA, Finding
from cloud.fleet.heating import Settings, episode
from cloud.fleet.power_daily import BATTERY, LOAD, POWER, PV, SOC, Daily, of_fleet, peaks, peers
from cloud.fleet.robust import Array, Floats, longest_run, mean, median, quantiles
from cloud.fleet.state import State

FEATURES = ("load", "load in the evening", "PV in the morning", "energy through the battery", "usual charge")
SHOWN_BY = {
    "no_solar_production": (PV,),
    "pv_underperformance": (PV,),
    "battery_not_charging": (BATTERY, SOC, PV),
    "battery_imbalance_soc_jump": (SOC,),
    "sign_or_scale_error": (PV, LOAD, BATTERY),
}
# Peers must have made this many hours of full power before a day without own production means anything.
LEAST_SUN = 0.35
LEAST_SURPLUS = 0.4
# Peaks this many times above or below the fleet's usual are another unit.
OTHER_UNIT = 60.0
# Share of the usual values, and days on end without any, that make a gap.
FEW, LONG_GAP_DAYS = 0.7, 1
STUCK_DAYS = 2
SURE = 6.0


@dataclass(frozen=True, slots=True)
class Judged:
    """All that the report and the files need. `reference`: the peers' power per W of peak, home × day × slot."""

    cube: Cube
    daily: Daily
    peak: Array
    reference: Array
    clusters: clusters.Clusters
    findings: list[Finding]
    moved: dict[str, str]


def judge(cube: Cube, cities: list[str], settings: Settings, before: State | None = None) -> Judged:
    """Findings and clusters of a fleet of homes."""
    before = (before or State()).known_to(cube.installations)
    peak = peaks(cube.values[:, PV])
    reference = peers(cube.values[:, PV], peak)
    daily = of_fleet(cube, reference, peak)
    found = _behaviour(cube, daily, peak, settings)
    flagged = {each.installation for each in found}
    table = features(cube, daily)
    usable = mean(np.moveaxis(daily.cover[:, :, PV], 1, -1)) > 0.3
    teachers = usable & np.array([name not in flagged for name in cube.installations])
    known = before.living(cube.installations)
    groups = clusters.group(table, usable, teachers, before.scale, FEATURES, known)
    groups = clusters.renamed(groups, before.centres)
    moved = clusters.moved(groups, cube.installations, before.members)
    together = shared.merged([*found, *_data(cube, daily)], dict(zip(cube.installations, cities, strict=True)))
    return Judged(cube, daily, peak, reference, groups, together, moved)


def no_production(daily: Daily) -> Evidence:
    """Next to nothing while the peers' panels worked."""
    share = daily.made / np.maximum(daily.expected, 1e-3)
    severity = np.where(daily.expected > LEAST_SUN, 0.05 / (np.maximum(share, 0) + 0.02), np.nan)
    return lasting("no_solar_production", severity, 2)


def underperformance(daily: Daily) -> Evidence:
    """Far below its own usual share of what the peers make."""
    share = np.where(daily.expected > LEAST_SUN, daily.made / np.maximum(daily.expected, 1e-3), np.nan)
    usual = quantiles(share, 0.8)[0]
    return lasting("pv_underperformance", (1 - share / np.maximum(usual, 0.05)[:, None]) / 0.25, 3)


def not_charging(daily: Daily) -> Evidence:
    """The sun gives more than the house takes, there is room in the battery, and it does not charge."""
    taken = (daily.charged - daily.drained) / np.maximum(daily.surplus, 1e-3)
    severity = np.where(daily.surplus > LEAST_SURPLUS, 0.2 / (np.maximum(taken, 0) + 0.05), np.nan)
    return lasting("battery_not_charging", severity, 2)


def charge_jumps(daily: Daily) -> Evidence:
    """The state of charge leaps without power: cells out of balance, or a lost count."""
    return lasting("battery_imbalance_soc_jump", np.where(daily.cover[:, :, SOC] > 0.3, daily.jumps / 1.5, np.nan), 1)


def wrong_sign(daily: Daily, peak: Array) -> Evidence:
    """A charge that falls while the battery charges, power below zero, or a peak in another unit."""
    turned = -daily.follow / np.float32(0.5)
    below = daily.negative / np.float32(0.1)
    usual = float(np.nanmedian(peak)) if np.isfinite(peak).any() else 1.0
    far = np.abs(np.log(peak / usual)) / np.float32(np.log(OTHER_UNIT))
    unit = np.where(np.isfinite(far), 1.5 * (far >= 1), 0)[:, None] * np.ones_like(daily.negative)
    return lasting("sign_or_scale_error", np.fmax(np.fmax(turned, below), unit), 2)


def _behaviour(cube: Cube, daily: Daily, peak: Array, settings: Settings) -> list[Finding]:
    ordered = [
        wrong_sign(daily, peak),
        no_production(daily),
        charge_jumps(daily),
        not_charging(daily),
        underperformance(daily),
    ]
    found: dict[int, Finding] = {}
    for each in ordered:
        strength = each.peak
        chance = calibration.tail(strength)
        scores = calibration.score(chance, 1 / len(ordered))
        sure = (strength >= 1) & (chance * len(ordered) < settings.false_alarm_rate)
        for row in np.flatnonzero(sure).tolist():
            if row not in found:
                # Panels that never worked are taken for panels of the fleet's usual size.
                size = float(peak[row] if np.isfinite(peak[row]) else np.nan_to_num(median(peak)))
                found[row] = _finding(cube, daily, each, row, float(scores[row]), size, settings.costs)
    return list(found.values())


def _finding(
    cube: Cube, daily: Daily, evidence: Evidence, row: int, score: float, peak: float, costs: Costs
) -> Finding:
    fault, days = evidence.fault, episode(evidence, row)
    kwh, price, why = 0.0, 0.0, ""
    lost = float(np.nan_to_num(mean(daily.expected[row, days] - daily.made[row, days]))) * peak / 1000
    share = float(np.nansum(daily.made[row, days]) / max(np.nansum(daily.expected[row, days]), 1e-3))
    if fault in ("no_solar_production", "pv_underperformance"):
        kwh, price = max(lost, 0.0), costs.feed_in_per_kwh
        why = f"{share:.0%} of what its peers made per W of peak at the same hours"
    elif fault == "battery_not_charging":
        surplus, charged = (float(np.nanmean(part[row, days])) for part in (daily.surplus, daily.charged))
        kwh, price = max(surplus - charged, 0.0), costs.import_per_kwh - costs.feed_in_per_kwh
        why = f"took {charged:.1f} of {surplus:.1f} kWh a day that the sun left over while it had room"
    elif fault == "battery_imbalance_soc_jump":
        why = f"{int(np.nansum(daily.jumps[row, days]))} leaps of the charge that no power explains"
    elif float(np.nanmean(daily.negative[row, days])) > 0.05:
        why = "PV or load is below zero: a clamp is turned round"
    elif np.isfinite(daily.follow[row, days]).any() and float(np.nanmedian(daily.follow[row, days])) < -0.3:
        why = "the charge falls while the battery is said to charge: its sign is turned"
    else:
        why = f"peak of {peak:.3g} W: another unit than its peers'"
    return Finding(
        cube.installations[row], BEHAVIOUR, fault, score, cube.start_ms + int(days[0]) * DAY_MS,
        cube.start_ms + (int(days[-1]) + 1) * DAY_MS, round(kwh * price, 2), why,
        tuple(str(POWER[place]) for place in SHOWN_BY[fault]),
    )  # fmt: skip


def _data(cube: Cube, daily: Daily) -> list[Finding]:
    """Gaps that peers do not have, and a charge that stands still while the battery works."""
    found = []
    usual = np.maximum(median(np.moveaxis(daily.cover, 0, -1)), 0.02)
    sent = daily.cover / usual[None]
    collected = (usual > 0.2)[None]
    for place, name in enumerate(POWER):
        runs = longest_run((sent[:, :, place] < 0.05) & collected[:, :, place])
        share = mean(np.where(collected[:, :, place], np.minimum(sent[:, :, place], 1), np.nan))
        fitted = (daily.cover[:, :, place] > 0).any(axis=1)  # a home without battery has no gap in it
        for row in np.flatnonzero(fitted & ((runs[:, 2] >= LONG_GAP_DAYS) | (share < FEW))).tolist():
            days = np.arange(runs[row, 0], max(runs[row, 1], runs[row, 0] + 1))
            why = f"{name}: {share[row]:.0%} of the values peers sent, {runs[row, 2]} days without any"
            found.append(_data_finding(cube, row, "gap", days, why, place))
    still = (daily.still < 0.01) & (daily.worked > 0.5) & (daily.cover[:, :, SOC] > 0.5)
    runs = longest_run(still)
    for row in np.flatnonzero(runs[:, 2] >= STUCK_DAYS).tolist():
        why = f"{POWER[SOC]} stands still for {runs[row, 2]} days while the battery works"
        found.append(_data_finding(cube, row, "stuck_value", np.arange(runs[row, 0], runs[row, 1]), why, SOC))
    return _one_each(found)


def _one_each(found: list[Finding]) -> list[Finding]:
    """A home that sends nothing at all has one gap, not four."""
    first: dict[tuple[str, str], Finding] = {}
    for each in found:
        first.setdefault((each.installation, each.fault), each)
    return list(first.values())


def _data_finding(cube: Cube, row: int, fault: str, days: NDArray[np.int64], why: str, place: int) -> Finding:
    start, end = cube.start_ms + int(days[0]) * DAY_MS, cube.start_ms + (int(days[-1]) + 1) * DAY_MS
    return Finding(cube.installations[row], DATA, fault, SURE, start, end, 0.0, why, (str(POWER[place]),))


def features(cube: Cube, daily: Daily) -> Floats:
    """Home × feature, in the order of `FEATURES`."""
    slots = cube.values.shape[3]
    hour = np.arange(slots) * 24 / slots
    pv, load = cube.values[:, PV], cube.values[:, LOAD]
    course = mean(np.moveaxis(load, 1, -1))
    light = mean(np.moveaxis(pv, 1, -1))
    noon = float(
        (hour * np.nan_to_num(light).mean(axis=0)).sum() / max(float(np.nan_to_num(light).mean(axis=0).sum()), 1e-6)
    )
    total = np.maximum(mean(light), 1.0)
    evening = mean(course[:, (hour >= 17) & (hour < 22)]) / np.maximum(mean(course), 1.0)
    morning = mean(light[:, hour < noon]) / total
    columns = (
        np.log(np.maximum(mean(course), 1.0)),
        evening,
        morning,
        np.log(median(daily.worked) + 0.1),
        median(cube.values[:, SOC].reshape(len(pv), -1)),
    )
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)
