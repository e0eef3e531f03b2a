"""What befalls a site, drawn from its number: which faults, when, how badly, and when nobody is at home."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from agent.domain import signals as sg

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
LEARN_DAYS: Final = 12

# Names of faults as a diagnosis tells them, with shortest and longest duration in hours.
POWER_FAULTS: Final[Mapping[str, tuple[float, float]]] = {
    "battery_not_charging": (6, 30),
    "no_solar_production": (14, 60),
    "pv_underperformance": (240, 400),
    "battery_imbalance_soc_jump": (8, 30),
    sg.INVERTER_ALARM: (1, 24),
    "export_while_battery_could_charge": (30, 80),
    "sign_or_scale_error": (30, 96),
    "gap": (1, 20),
    "stuck_value": (14, 40),
    "out_of_range": (0.5, 8),
    "clock_error": (30, 60),
    "device_unreachable": (0.5, 20),
}
HEAT_FAULTS: Final[Mapping[str, tuple[float, float]]] = {
    "no_heat": (5, 24),
    "short_cycling": (12, 48),
    "hunting": (8, 36),
    "flat_heating_curve": (200, 300),
    "room_sensor_stuck": (40, 96),
    "sensors_swapped": (24, 72),
    "outdoor_sensor_implausible": (12, 72),
    "room_too_cold": (36, 90),
    "low_water_pressure": (96, 240),
    "boiler_lockout": (1, 24),
    "gap": (1, 20),
    "stuck_value": (24, 60),
    "out_of_range": (0.5, 8),
    "device_unreachable": (0.5, 20),
}
# What must start in the morning to show at all.
_BY_DAY: Final = frozenset({"battery_not_charging", "no_solar_production", "pv_underperformance", "stuck_value"})
HOME_STUCK: Final = (sg.LOAD_POWER, sg.GRID_POWER, sg.PV_POWER, sg.BATTERY_SOC)
HEAT_STUCK: Final = (sg.OUTDOOR_TEMPERATURE, sg.FLOW_TEMPERATURE, sg.RETURN_TEMPERATURE)
HOME_LOST: Final = (sg.PV_POWER, sg.LOAD_POWER, sg.BATTERY_SOC, sg.GRID_POWER)
HEAT_LOST: Final = (sg.OUTDOOR_TEMPERATURE, sg.ROOM_TEMPERATURE, sg.RETURN_TEMPERATURE)
_SCALED: Final = (
    (sg.GRID_POWER, -1.0), (sg.BATTERY_POWER, -1.0), (sg.GRID_POWER, 0.1), (sg.LOAD_POWER, 10.0), (sg.PV_POWER, 0.1),
    (sg.BATTERY_POWER, 10.0), (sg.LOAD_POWER, 0.001), (sg.GRID_POWER, 10.0),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Label:
    """A fault that is really there, `start_ms` ≤ t < `end_ms`. `detail` says how it looks."""

    code: str
    start_ms: int
    end_ms: int
    component: str = ""
    detail: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Story:
    """A site's life. `away` are the times in which nobody is at home."""

    number: int
    start_ms: int
    days: int
    labels: Sequence[Label]
    away: Sequence[tuple[int, int]] = ()


def some_story(number: int, faults: Mapping[str, tuple[float, float]], *, winter: bool, days: int = 60) -> Story:
    """`days` of a site with as many different faults as fit, rest between them. `winter`: within the heating season."""
    dice = random.Random(f"{number}/story")
    start_ms = _some_start(dice, winter=winter)
    codes = sorted(faults)
    dice.shuffle(codes)
    labels: list[Label] = []
    at_ms = start_ms + LEARN_DAYS * DAY_MS
    for code in codes:
        label = _some_label(dice, code, faults[code], at_ms, winter=winter)
        if label.end_ms > start_ms + (days - 1) * DAY_MS:
            continue
        labels.append(label)
        at_ms = label.end_ms + round(dice.uniform(1.5, 3.0) * DAY_MS)
    return Story(number, start_ms, days, labels)


def healthy_year(number: int) -> Story:
    """A year in which nothing breaks: both changes of season, three weeks' holiday and some weekends away."""
    dice = random.Random(f"{number}/year")
    start_ms = _some_start(dice, winter=False)
    away = [_absence(dice, start_ms, 21)] + [_absence(dice, start_ms, dice.randint(2, 4)) for _ in range(4)]
    return Story(number, start_ms, 365, (), away)


def _absence(dice: random.Random, start_ms: int, days: int) -> tuple[int, int]:
    from_ms = start_ms + dice.randint(20, 340) * DAY_MS + 9 * HOUR_MS
    return from_ms, from_ms + days * DAY_MS


def _some_start(dice: random.Random, *, winter: bool) -> int:
    year = dice.randint(2018, 2024)
    day = dice.randint(0, 85) if winter else dice.randint(0, 364)
    first = datetime(year, 10 if winter else 1, 10 if winter else 1, tzinfo=UTC)
    return round(first.timestamp() * 1000) + day * DAY_MS


def _some_label(dice: random.Random, code: str, hours: tuple[float, float], at_ms: int, *, winter: bool) -> Label:
    at_ms -= at_ms % 60_000
    if code in _BY_DAY:
        at_ms += (DAY_MS - at_ms % DAY_MS) + round(dice.uniform(7, 10) * 60) * 60_000
    end_ms = at_ms + round(dice.uniform(*hours) * 60) * 60_000
    detail, component = _detail(dice, code, winter=winter)
    return Label(code, at_ms, end_ms, component, detail)


def _detail(dice: random.Random, code: str, *, winter: bool) -> tuple[dict[str, float], str]:
    """How it looks: sizes by name, and the signal that it is about."""
    lost, stuck = (HEAT_LOST, HEAT_STUCK) if winter else (HOME_LOST, HOME_STUCK)
    sign = dice.choice((-1.0, 1.0))
    match code:
        case "battery_not_charging":
            return {"discharging": float(dice.random() < 0.5)}, ""
        case "pv_underperformance":
            return {"size": dice.uniform(0.28, 0.55)}, ""
        case "export_while_battery_could_charge":
            return {"size": dice.uniform(0.05, 0.35)}, ""
        case "battery_imbalance_soc_jump":
            return {"jump": dice.uniform(8, 25), "every_min": float(dice.randint(40, 180))}, ""
        case "sign_or_scale_error":
            name, factor = dice.choice(_SCALED)
            return {"factor": factor, "computed": float(name == sg.GRID_POWER and dice.random() < 0.3)}, name
        case "gap":
            return {}, "" if dice.random() < 0.5 else dice.choice(lost)
        case "stuck_value":
            return {}, dice.choice(stuck)
        case "out_of_range":
            return {"invalid": float(dice.random() < 0.5)}, dice.choice(lost)
        case "clock_error":
            return {"shift_h": sign * dice.uniform(6, 11)}, ""
        case "hunting":
            return {"size": dice.uniform(7, 16)}, ""
        case "flat_heating_curve":
            return {"size": dice.uniform(40, 52)}, ""
        case "room_too_cold":
            return {"size": dice.uniform(1.7, 2.3)}, ""
        case "outdoor_sensor_implausible":
            return {"offset": sign * dice.uniform(8, 20)}, ""
    return {}, ""
