"""Faults put into recordings of real sites: which, when, and what each makes of the values."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from agent.domain.signals import (
    BATTERY_POWER,
    FLOW_TEMPERATURE,
    GRID_POWER,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    Quality,
    SignalName,
)
from bench.diagnosis_fleet import Seen
from bench.diagnosis_recordings import Recorded
from firmware_sim.labelled.distort import Distortion, distortion_of
from firmware_sim.labelled.moments import Moment
from firmware_sim.labelled.story import DAY_MS, HOUR_MS, Label

_LEARN_DAYS: Final = 10
_REST_DAYS: Final = 2
_HOURS: Final[Mapping[str, float]] = {
    "pv_underperformance": 240.0,
    "out_of_range": 8.0,
    "gap": 12.0,
    "sign_or_scale_error": 48.0,
    "sensors_swapped": 48.0,
    "outdoor_sensor_implausible": 48.0,
    "room_sensor_stuck": 72.0,
    "stuck_value": 36.0,
}
_USUAL_HOURS: Final = 30.0
# Signals that must be there -> the faults that can be put in, each on one of the signals that follow.
_FAULTS: Final[Sequence[tuple[frozenset[SignalName], str, tuple[SignalName, ...]]]] = (
    (frozenset({PV_POWER}), "no_solar_production", ()),
    (frozenset({PV_POWER}), "out_of_range", (PV_POWER,)),
    (frozenset({LOAD_POWER}), "gap", (LOAD_POWER,)),
    (frozenset({PV_POWER}), "pv_underperformance", ()),
    (frozenset({BATTERY_POWER}), "battery_not_charging", ()),
    (frozenset({BATTERY_POWER}), "battery_imbalance_soc_jump", ()),
    (frozenset({GRID_POWER}), "sign_or_scale_error", (GRID_POWER,)),
    (frozenset({LOAD_POWER, OUTDOOR_TEMPERATURE}), "out_of_range", (LOAD_POWER, OUTDOOR_TEMPERATURE)),
    (frozenset({LOAD_POWER, OUTDOOR_TEMPERATURE}), "stuck_value", (LOAD_POWER,)),
    (frozenset({OUTDOOR_TEMPERATURE}), "outdoor_sensor_implausible", ()),
    (frozenset({FLOW_TEMPERATURE}), "gap", (RETURN_TEMPERATURE, OUTDOOR_TEMPERATURE)),
    (frozenset({FLOW_TEMPERATURE}), "out_of_range", (RETURN_TEMPERATURE, OUTDOOR_TEMPERATURE)),
    (frozenset({FLOW_TEMPERATURE, PUMP_ON}), "stuck_value", (FLOW_TEMPERATURE, RETURN_TEMPERATURE)),
    (frozenset({FLOW_TEMPERATURE, PUMP_ON}), "sensors_swapped", ()),
    (frozenset({ROOM_TEMPERATURE}), "room_sensor_stuck", ()),
)


def story_of(recorded: Recorded) -> list[Label]:
    """Faults that can be put into it, one after the other, days of rest between them; none into a few days."""
    dice = random.Random(f"{recorded.group}/{recorded.name}")
    signals = recorded.signals
    cycle = [(code, names) for needs, code, names in _FAULTS if needs <= signals] if signals else []
    if signals == {LOAD_POWER}:
        cycle = [("gap", (LOAD_POWER,)), ("out_of_range", (LOAD_POWER,)), ("stuck_value", (LOAD_POWER,))]
    labels: list[Label] = []
    at_ms, end_ms = recorded.times[0] + _LEARN_DAYS * DAY_MS, recorded.times[-1] - DAY_MS
    while cycle:
        code, names = cycle[len(labels) % len(cycle)]
        length_ms = round(_HOURS.get(code, _USUAL_HOURS) * HOUR_MS)
        if at_ms + length_ms > end_ms:
            break
        component = dice.choice(names) if names else ""
        labels.append(Label(code, at_ms, at_ms + length_ms, component, _detail(dice, code)))
        at_ms += length_ms + _REST_DAYS * DAY_MS
    return labels


def _detail(dice: random.Random, code: str) -> dict[str, float]:
    match code:
        case "out_of_range":
            return {"invalid": 0.0}
        case "battery_imbalance_soc_jump":
            return {"jump": dice.uniform(10, 25), "every_min": 120.0}
        case "sign_or_scale_error":
            return {"factor": -1.0, "computed": 0.0}
        case "pv_underperformance":
            return {"size": 0.45}
        case "outdoor_sensor_implausible":
            return {"offset": dice.choice((-1.0, 1.0)) * dice.uniform(12.0, 20.0)}
    return {}


def moments(recorded: Recorded, labels: Sequence[Label], seen: Sequence[Seen]) -> Iterator[Moment]:
    """The recording with the faults in it; each `seen` is told for how long its fault showed itself."""
    signals = recorded.signals
    step_min = max(1, recorded.step_ms // 60_000)
    ahead = iter(zip(labels, seen, strict=True))
    label, told = next(ahead, (None, None))
    distortion = None if label is None else distortion_of(label)
    for at_ms, row in zip(recorded.times, recorded.rows, strict=True):
        bad = {name: Quality.MISSING for name in signals if name not in row}
        moment = Moment(at_ms, dict(row), bad)
        if label is not None and at_ms >= label.end_ms:
            label, told = next(ahead, (None, None))
            distortion = None if label is None else distortion_of(label)
        if label is not None and told is not None and at_ms >= label.start_ms:
            _apply(moment, label, distortion)
            told.shown_min += step_min * moment.shows
        yield moment


def _apply(moment: Moment, label: Label, distortion: Distortion | None) -> None:
    if distortion is None:
        _break_plant(moment, label)
    elif _needs(label) <= moment.values.keys():
        distortion.apply(moment)


def _needs(label: Label) -> frozenset[SignalName]:
    """Signals without which there is nothing to change."""
    match label.code:
        case "sensors_swapped":
            return frozenset({FLOW_TEMPERATURE, RETURN_TEMPERATURE, PUMP_ON})
        case "stuck_value":
            return frozenset({PUMP_ON}) if label.component in (FLOW_TEMPERATURE, RETURN_TEMPERATURE) else frozenset()
        case "outdoor_sensor_implausible":
            return frozenset({OUTDOOR_TEMPERATURE})
        case "sign_or_scale_error":
            return frozenset({GRID_POWER})
    return frozenset()


def _break_plant(moment: Moment, label: Label) -> None:
    """What the fault makes of the powers; the grid takes what is missing."""
    values = moment.values
    if PV_POWER not in values:
        return
    sun, before = values[PV_POWER], values[PV_POWER] - values.get(BATTERY_POWER, 0.0)
    moment.shows = sun > 50.0
    if label.code == "no_solar_production":
        values[PV_POWER] = 0.0
    elif label.code == "pv_underperformance":
        values[PV_POWER] = round(sun * (1.0 - label.detail["size"]), 1)
    elif label.code == "battery_not_charging":
        moment.shows = sun > values[LOAD_POWER] + 200.0
        if sun > values[LOAD_POWER]:
            values[BATTERY_POWER] = 0.0
    if GRID_POWER in values:
        values[GRID_POWER] = round(values[GRID_POWER] + before - values[PV_POWER] + values.get(BATTERY_POWER, 0.0), 1)
