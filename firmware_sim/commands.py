"""The commands of `emberwatt-sim` that end by themselves: scenarios, history, truth."""

import argparse
import json
import math
from pathlib import Path
from typing import Any

from firmware_sim.clock import MS_PER_DAY, instant_text, parse_instant
from firmware_sim.errors import BadArgument
from firmware_sim.failures import Fault, FaultCode
from firmware_sim.history import write_history
from firmware_sim.progress import Progress
from firmware_sim.scenario import Scenario, load_scenario, shipped
from firmware_sim.site import Site


def instant_argument(option: str, text: str) -> int:
    """An instant given on the command line, in ms. Raises `BadArgument`."""
    try:
        return parse_instant(text)
    except ValueError as error:
        raise BadArgument(f"{option}: {error}") from error


def show_scenarios(arguments: argparse.Namespace) -> int:
    """`emberwatt-sim scenarios`."""
    scenarios = [load_scenario(name) for name in shipped()]
    if arguments.json:
        print(json.dumps([_summary(scenario) for scenario in scenarios], indent=2))
        return 0
    width = max(len(scenario.name) for scenario in scenarios)
    for scenario in scenarios:
        faults = ", ".join(sorted({plan.fault.code for plan in scenario.faults})) or "no fault"
        print(f"{scenario.name:<{width}}  {scenario.kind:<9}  {scenario.title}  [{faults}]")
    return 0


def _summary(scenario: Scenario) -> dict[str, Any]:
    equipment = scenario.equipment
    return {
        "name": scenario.name,
        "title": scenario.title,
        "kind": scenario.kind.value,
        "latitude": scenario.place.latitude,
        "longitude": scenario.place.longitude,
        "timezone": scenario.zone.key,
        "unit_id": scenario.unit_id,
        "map": "trovis" if scenario.heat is not None else "sunspec",
        "speaks": scenario.speaks,
        "equipment": {
            "maker": equipment.maker,
            "model": equipment.model,
            "serial": equipment.serial,
            "firmware": equipment.firmware,
        },
        "faults": sorted({plan.fault.code.value for plan in scenario.faults}),
        "expect": sorted({expectation.code for expectation in scenario.expectations}),
        "may_also": list(scenario.may_also),
    }


def show_history(arguments: argparse.Namespace) -> int:
    """`emberwatt-sim history`."""
    origin_ms = instant_argument("--origin", arguments.origin)
    until_ms = _until(arguments, origin_ms)
    if not 1 <= arguments.step <= 86_400:
        raise BadArgument(f"--step {arguments.step}: expected 1 to 86400 seconds")
    site = Site(load_scenario(arguments.scenario), origin_ms)
    progress = Progress(f"history of {arguments.scenario}")
    rows = write_history(site, until_ms, arguments.step * 1000, Path(arguments.out), progress)
    progress.done()
    print(f"{rows} rows from {instant_text(origin_ms)} to {instant_text(until_ms)} in {arguments.out}")
    return 0


def _until(arguments: argparse.Namespace, origin_ms: int) -> int:
    if arguments.until is not None:
        until_ms = instant_argument("--until", arguments.until)
        if until_ms <= origin_ms:
            raise BadArgument(f"--until {arguments.until}: expected an instant behind --origin {arguments.origin}")
        return until_ms
    if not math.isfinite(arguments.days) or not 0 < arguments.days <= 4000:
        raise BadArgument(f"--days {arguments.days:g}: expected more than 0 and at most 4000")
    length_ms: int = round(arguments.days * MS_PER_DAY)
    return origin_ms + length_ms


def show_truth(arguments: argparse.Namespace) -> int:
    """`emberwatt-sim truth`."""
    truth: dict[str, Any] = truth_of(load_scenario(arguments.scenario), instant_argument("--origin", arguments.origin))
    if arguments.json:
        print(json.dumps(truth, indent=2))
        return 0
    print(f"{truth['scenario']}: {truth['title']}")
    for row in truth["faults"]:
        print(f"  broken  {row['code']:<22} {row['start']} … {row['end']}")
    for row in truth["expect"]:
        print(f"  expect  {row['code']:<22} {row['start']} ± {row['tolerance_minutes']} min … {row['end']}")
    if truth["may_also"]:
        print(f"  may also be found: {', '.join(truth['may_also'])}")
    return 0


def truth_of(scenario: Scenario, origin_ms: int) -> dict[str, Any]:
    """What is broken and what must be found, with instants, ready for JSON."""
    zone = scenario.zone
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "kind": scenario.kind.value,
        "origin": instant_text(origin_ms),
        "faults": [_fault_row(fault) for fault in scenario.faults_from(origin_ms)],
        "expect": [
            {
                "code": expectation.code,
                **_window(expectation.start.at_ms(origin_ms, zone), expectation.end.at_ms(origin_ms, zone)),
                "tolerance_minutes": expectation.tolerance_min,
            }
            for expectation in scenario.expectations
        ],
        "may_also": list(scenario.may_also),
    }


def _window(start_ms: int, end_ms: int) -> dict[str, Any]:
    return {
        "start": instant_text(start_ms),
        "end": instant_text(end_ms),
        "start_ms": start_ms,
        "end_ms": end_ms,
    }


def _fault_row(fault: Fault) -> dict[str, Any]:
    row: dict[str, Any] = {"code": fault.code.value, **_window(fault.start_ms, fault.end_ms)}
    if fault.code is FaultCode.BATTERY_NOT_CHARGING:
        row["battery"] = fault.battery.value
    elif fault.code is FaultCode.DEVICE_UNREACHABLE:
        row["silence"] = fault.silence.value
    elif fault.code is FaultCode.INVERTER_ALARM:
        row["alarm"] = fault.alarm.name.lower()
    elif fault.code is FaultCode.SENSOR_BROKEN:
        row["sensor"] = fault.sensor
    return row
