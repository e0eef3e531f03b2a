"""Simulated sites for the bench of the learned model: to train on, healthy ones to judge, ones that fail unnamed."""

import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from agent.domain.signals import BATTERY_SOC, INVERTER_TEMPERATURE, spec_of
from cloud.training.sites import SiteFrames
from firmware_sim.variety import some_boiler, some_home
from firmware_sim.years.boilers import HeatSite, heat_years
from firmware_sim.years.frames import Years
from firmware_sim.years.homes import HomeSite, home_years
from firmware_sim.years.unnamed import HEAT_KINDS, HOME_KINDS, Ailment, Unnamed, some_ailment, some_stays

DAY_S: Final = 86_400
KINDS: Final = {"home": HOME_KINDS, "heating": HEAT_KINDS}
FAILING_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Set:
    """Sites number `first` … `first` + `count` − 1, from `start_s` for `days`; with `ailing` each third of a kind."""

    name: str
    count: int
    first: int
    start_s: int
    days: int
    ailing: bool = False


# Seeds of one set appear in no other, and neither does a year of weather with those that are judged.
TRAIN: Final = (
    Set("train", 36, 1000, 1_704_067_200, 400),  # from 2024-01-01
    Set("train-more", 24, 3000, 1_682_899_200, 500),  # from 2023-05-01
)
HEALTHY: Final = Set("healthy", 24, 7000, 1_738_368_000, 460)  # from 2025-02-01
AILING: Final = {kind: Set("ailing", 36, 5000, 1_738_368_000, days, ailing=True) for kind, days in
                 (("home", 475), ("heating", 460))}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A site, and what ails it from which day on."""

    site: SiteFrames
    ailment: Ailment | None
    day: int


def cases(kind: str, wanted: Set, cache: Path | None = None) -> list[Case]:
    """The sites of a set; what was computed before is taken from `cache`."""
    plans = [_plan(kind, wanted, number) for number in range(wanted.count)]
    kept = None if cache is None else cache / f"{kind}-{wanted.name}-{wanted.count}-{wanted.days}.npz"
    if kept is not None and kept.is_file():
        with np.load(kept) as file:
            signals = {name: file[name] for name in file.files}
    else:
        step = 12
        parts = [_years(kind, plans[at : at + step], wanted) for at in range(0, len(plans), step)]
        names = parts[0].signals
        signals = {str(name): np.concatenate([part.signals[name] for part in parts], axis=1) for name in names}
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            np.savez(kept, **signals)
    return [_case(plan, wanted, number, signals) for number, plan in enumerate(plans)]


def _years(kind: str, plans: list[HomeSite | HeatSite], wanted: Set) -> Years:
    homes = [plan for plan in plans if isinstance(plan, HomeSite)]
    boilers = [plan for plan in plans if isinstance(plan, HeatSite)]
    start_ms = wanted.start_s * 1000
    return home_years(homes, start_ms, wanted.days) if kind == "home" else heat_years(boilers, start_ms, wanted.days)


def _plan(kind: str, wanted: Set, number: int) -> HomeSite | HeatSite:
    seed = wanted.first + number
    ailment_kind = KINDS[kind][number % 3] if wanted.ailing else None
    scenario = some_home(seed) if kind == "home" else some_boiler(seed)
    while ailment_kind is Unnamed.STRING_LOST and len(scenario.strings) < 2:
        seed += 10_000
        scenario = some_home(seed)
    ailment = None if ailment_kind is None else _ailment(kind, ailment_kind, seed, wanted)
    stays = some_stays(seed, wanted.start_s, wanted.days)
    return HomeSite(scenario, ailment, stays) if kind == "home" else HeatSite(scenario, ailment, stays)


def _ailment(kind: str, what: Unnamed, seed: int, wanted: Set) -> Ailment:
    """Begins once the site is known; at heating sites between the end of August and January, when it can show."""
    dice = random.Random(f"{seed}/when")
    day = dice.uniform(150, 380) if kind == "home" else dice.uniform(200, 360)
    ailment = some_ailment(what, seed, wanted.start_s + day * DAY_S, FAILING_DAYS)
    if kind == "home" and what is Unnamed.SENSOR_DRIFTING:
        return replace(ailment, sensor=INVERTER_TEMPERATURE, size=1.5 * ailment.size)
    return ailment


def _case(plan: HomeSite | HeatSite, wanted: Set, number: int, signals: dict[str, np.ndarray]) -> Case:
    place, zone = plan.scenario.place, str(plan.scenario.zone)
    columns = {name: _measured(name, values[:, number], wanted.first + number) for name, values in signals.items()}
    site = SiteFrames(
        plan.scenario.name, wanted.start_s * 1000, 900_000, place.latitude, place.longitude, zone, columns
    )
    day = wanted.days if plan.ailment is None else int((plan.ailment.start_s - wanted.start_s) // DAY_S)
    return Case(site, plan.ailment, day)


def _measured(name: str, values: np.ndarray, seed: int) -> np.ndarray:
    """As meters tell it: temperatures off by 0.1 K by day and by frame, powers by 1 %, the charge in whole percents."""
    dice = np.random.default_rng(seed * 97 + len(name))
    values = values.astype(np.float64)
    unit = getattr(spec_of(name), "unit", "")
    if unit == "°C":
        days = np.repeat(dice.normal(0.0, 0.1, len(values) // 96 + 1), 96)[: len(values)]
        return values + dice.normal(0.0, 0.08, len(values)) + days
    if unit == "W":
        return values * (1.0 + dice.normal(0.0, 0.01, len(values)))
    return np.round(values) if name == BATTERY_SOC else values
