"""A fleet in memory that fulfils `FleetReader`: eight sites, solar and heating, faults, series and counters."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from agent.domain import signals as sg
from agent.domain.errors import BadInput
from agent.domain.maintenance import MAINTENANCE, Maintenance, maintenance_body
from agent.domain.reliability import EpisodeReliability, PublishedMtbf
from agent.domain.twin import Twin
from cloud.ports import (
    ActiveFault,
    EnergyRow,
    EventRow,
    FaultRow,
    QuarantineRow,
    ReliabilityRow,
    SeriesPoint,
    Site,
)

NOW_MS = int(datetime(2026, 6, 18, 17, 10, tzinfo=UTC).timestamp() * 1000)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

SOLAR = (sg.PV_POWER, sg.LOAD_POWER, sg.BATTERY_POWER, sg.GRID_POWER, sg.BATTERY_SOC, sg.BATTERY_TEMPERATURE)
HEATING = (
    sg.FLOW_TEMPERATURE,
    sg.RETURN_TEMPERATURE,
    sg.ROOM_TEMPERATURE,
    sg.OUTDOOR_TEMPERATURE,
    sg.DHW_TEMPERATURE,
    sg.BURNER_ON,
    sg.PUMP_ON,
    sg.WATER_PRESSURE,
)


@dataclass
class HandClock:
    """A clock that moves only when it is told to."""

    at_ms: int = NOW_MS

    def now_ms(self) -> int:
        return self.at_ms


@dataclass
class InMemoryFleet:
    """A working `FleetReader`. `broken` makes every call fail as a store does that is away."""

    site_list: list[Site] = field(default_factory=list)
    twins: dict[str, tuple[Twin, Twin]] = field(default_factory=dict)
    fault_list: list[FaultRow] = field(default_factory=list)
    reliability_list: list[ReliabilityRow] = field(default_factory=list)
    event_list: list[EventRow] = field(default_factory=list)
    quarantine_list: list[QuarantineRow] = field(default_factory=list)
    broken: Exception | None = None

    def sites(self) -> list[Site]:
        self._check()
        return list(self.site_list)

    def site(self, device: str) -> Site | None:
        self._check()
        return next((site for site in self.site_list if site.device == device), None)

    def twin(self, device: str) -> tuple[Twin, Twin] | None:
        self._check()
        return self.twins.get(device)

    def desire(self, device: str, patch: Mapping[str, Any], expected: int) -> Twin:
        self._check()
        if device not in self.twins:
            raise BadInput(f"device {device!r} is unknown")
        desired, reported = self.twins[device]
        written = desired.write(patch, expected=expected)
        self.twins[device] = (written, reported)
        return written

    def signals(self, device: str) -> list[str]:
        site = self.site(device)
        return [] if site is None else sorted({*site.last_values, *site.last_bad} - {sg.BATTERY_TEMPERATURE})

    def series(self, device: str, signal: str, start_ms: int, end_ms: int, step_s: int) -> list[SeriesPoint]:
        site = self.site(device)
        if site is None or signal not in self.signals(device):
            return []
        step_ms = step_s * 1000
        first = math.ceil(start_ms / step_ms) * step_ms
        last_ms = site.last_at_ms or 0
        points = (_point(site, signal, at, step_ms) for at in range(first, min(end_ms, last_ms), step_ms))
        return [point for point in points if point is not None]

    def faults(
        self,
        *,
        device: str | None = None,
        code: str | None = None,
        active: bool | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[FaultRow]:
        self._check()
        rows = [
            row
            for row in self.fault_list
            if (device is None or row.device == device)
            and (code is None or row.code == code)
            and (active is None or (row.end_ms is None) == active)
            and (start_ms is None or row.end_ms is None or row.end_ms > start_ms)
            and (end_ms is None or row.start_ms < end_ms)
        ]
        return sorted(rows, key=lambda row: row.start_ms, reverse=True)[:limit]

    def reliability(self, *, device: str | None = None, code: str | None = None) -> list[ReliabilityRow]:
        self._check()
        return [
            row
            for row in self.reliability_list
            if (device is None or row.device == device) and (code is None or row.code == code)
        ]

    def energy(self, device: str, start_ms: int, end_ms: int) -> list[EnergyRow]:
        site = self.site(device)
        if site is None or sg.PV_POWER not in site.last_values:
            return []
        first = math.ceil(start_ms / (900_000)) * 900_000
        return [_energy(site, at) for at in range(first, min(end_ms, NOW_MS), 900_000)]

    def events(self, device: str, limit: int = 100) -> list[EventRow]:
        self._check()
        return [row for row in self.event_list if row.device == device][:limit]

    def others(self, device: str, kind: str, limit: int = 100) -> list[tuple[int, bytes]]:
        told = Maintenance("water_pressure", 1.12, 0.8, -0.03, 9.2, 13.8)
        is_one = (device, kind) == ("ember-101", MAINTENANCE)
        return [(NOW_MS - HOUR_MS, maintenance_body(told).raw), (NOW_MS - DAY_MS, b"\xc1")][:limit] if is_one else []

    def quarantined(self, limit: int = 100) -> list[QuarantineRow]:
        self._check()
        return self.quarantine_list[:limit]

    def change(self, device: str, **fields: Any) -> None:
        """Put a site in place that differs from the present one in `fields`."""
        self.site_list = [
            msgspec.structs.replace(site, **fields) if site.device == device else site for site in self.site_list
        ]

    def _check(self) -> None:
        if self.broken is not None:
            raise self.broken


@dataclass(frozen=True)
class _Plan:
    device: str
    name: str
    timezone: str
    latitude: float
    longitude: float
    solar: bool = False
    heating: bool = False
    online: bool | None = True
    silent_ms: int = 20_000
    fault: str = ""
    severity: str = ""
    since_ms: int = 0
    maker: str = "SolarEdge"
    model: str = "SE5K-RWS"


_PLANS = (
    _Plan("ember-101", "Ahornweg 7", "Europe/Berlin", 52.52, 13.4, solar=True),
    _Plan(
        "ember-102",
        "Ballard Ave 12",
        "America/Los_Angeles",
        47.67,
        -122.38,
        solar=True,
        fault="battery_not_charging",
        severity="critical",
        since_ms=5 * HOUR_MS,
    ),
    _Plan("ember-103", "Rue des Tables 3", "Europe/Paris", 45.77, 4.83, heating=True, maker="Viessmann", model="V200"),
    _Plan(
        "ember-104",
        "Hisingsgatan 40",
        "Europe/Stockholm",
        57.7,
        11.9,
        heating=True,
        fault="no_heat",
        severity="critical",
        since_ms=90 * 60_000,
        maker="De Dietrich",
        model="Diematic 3",
    ),
    _Plan(
        "ember-105",
        "Calle del Olmo 9",
        "Europe/Madrid",
        40.41,
        -3.7,
        solar=True,
        fault="no_solar_production",
        severity="warning",
        since_ms=26 * HOUR_MS,
        maker="Fronius",
        model="GEN24 8.0",
    ),
    _Plan("ember-106", "Harbour Row 1", "Europe/Dublin", 51.85, -8.3, solar=True, heating=True),
    _Plan("ember-107", "Via Roma 88", "Europe/Rome", 41.9, 12.5, solar=True, online=False, silent_ms=3 * HOUR_MS),
    _Plan("ember-108", "", "Europe/Vienna", 48.2, 16.37, online=None, silent_ms=2 * DAY_MS),
)


def demo_fleet() -> InMemoryFleet:
    """The eight sites as they stand at `NOW_MS`."""
    fleet = InMemoryFleet()
    for plan in _PLANS:
        fleet.site_list.append(_site(plan))
        fleet.twins[plan.device] = _twins(plan)
        fleet.fault_list += _faults(plan)
        fleet.event_list += _events(plan)
        fleet.reliability_list += _reliability(plan)
    fleet.quarantine_list = [
        QuarantineRow(2, "ember-105", "emberwatt/v1/ember-105/up", NOW_MS - HOUR_MS, "checksum differs", 812),
        QuarantineRow(1, None, "emberwatt/v1/?/up", NOW_MS - DAY_MS, "not JSON", 14),
    ]
    return fleet


def _site(plan: _Plan) -> Site:
    at_ms = NOW_MS - plan.silent_ms
    names = (SOLAR if plan.solar else ()) + (HEATING if plan.heating else ())
    values = {str(name): value for name in names if (value := _value(plan.device, plan, name, at_ms)) is not None}
    bad = {str(name): "missing" for name in names if name not in values}
    active = [ActiveFault(f"{plan.device}-f9", plan.fault, plan.severity, "", NOW_MS - plan.since_ms)]
    failures = {"ember-102": 7, "ember-104": 2, "ember-105": 1}.get(plan.device, 0)
    mtbf = {7: 61.5, 2: 340.0, 1: 702.0}.get(failures)
    return Site(
        device=plan.device,
        name=plan.name,
        timezone=plan.timezone,
        latitude=plan.latitude,
        longitude=plan.longitude,
        online=plan.online,
        first_seen_ms=NOW_MS - 40 * DAY_MS,
        last_contact_ms=at_ms,
        agent_version="0.1.0" if names else "",
        equipment=_equipment(plan),
        last_at_ms=at_ms if names else None,
        last_values=values,
        last_bad=bad,
        active_faults=active if plan.fault else [],
        failures=failures,
        mtbf_hours=mtbf,
        mtbf_low_hours=None if not names else (mtbf * 0.42 if mtbf else 120.4),
        backlog=0 if plan.online else (812 if names else None),
    )


def _equipment(plan: _Plan) -> dict[str, dict[str, str]]:
    if not (plan.solar or plan.heating):
        return {}
    main = {"maker": plan.maker, "model": plan.model, "serial": f"SN-{plan.device}", "firmware": "4.18.32"}
    return {"inverter" if plan.solar else "boiler": main}


def _twins(plan: _Plan) -> tuple[Twin, Twin]:
    site = {"name": plan.name, "timezone": plan.timezone, "latitude": plan.latitude, "longitude": plan.longitude}
    return Twin(3, {"poll_s": 10, "rules": {"dead_band_w": 40}}), Twin(57, {"site": site, "health": {"backlog": 0}})


def _faults(plan: _Plan) -> list[FaultRow]:
    if not plan.fault:
        return []
    solar = {sg.PV_POWER: 2310.0, sg.LOAD_POWER: 640.0, sg.BATTERY_POWER: -182.0, sg.BATTERY_SOC: 61.5}
    heating = {sg.FLOW_TEMPERATURE: 24.1, sg.ROOM_TEMPERATURE: 16.2}
    evidence = {str(name): value for name, value in (solar if plan.solar else heating).items()}
    first = FaultRow(
        id=f"{plan.device}-f9",
        device=plan.device,
        code=plan.fault,
        severity=plan.severity,
        component="boiler" if plan.heating else ("inverter" if "solar" in plan.fault else "battery"),
        start_ms=NOW_MS - plan.since_ms,
        end_ms=None,
        failing_s=plan.since_ms / 1000,
        evidence=evidence,
        lost_wh=4210.0 if plan.solar else None,
    )
    ended = [
        msgspec.structs.replace(
            first,
            id=f"{plan.device}-f{number}",
            start_ms=NOW_MS - number * 3 * DAY_MS,
            end_ms=NOW_MS - number * 3 * DAY_MS + 40 * 60_000 * number,
            failing_s=2400.0 * number,
        )
        for number in (1, 2)
    ]
    return [first, *ended]


def _reliability(plan: _Plan) -> list[ReliabilityRow]:
    codes = (["battery_not_charging", "no_solar_production"] if plan.solar else []) + (
        ["no_heat"] if plan.heating else []
    )
    failures = {"ember-102": 7, "ember-104": 2, "ember-105": 1}.get(plan.device, 0)
    rows = []
    for code in codes:
        count = failures if code == plan.fault else 0
        episodes = EpisodeReliability(count, max(0, count - 1), 430 * HOUR_MS, count * 2 * HOUR_MS)
        published = PublishedMtbf()
        for number in range(count * 3):
            published.update(NOW_MS - DAY_MS + number * 1_800_000)
        rows.append(ReliabilityRow(plan.device, code, NOW_MS - HOUR_MS, {**episodes.state(), **published.state()}))
    return rows


def _events(plan: _Plan) -> list[EventRow]:
    if plan.online is None:
        return []
    started = EventRow(plan.device, NOW_MS - DAY_MS, "agent_started", {"version": "0.1.0", "restarts": 2})
    back = EventRow(plan.device, NOW_MS - 7 * HOUR_MS, "link_restored", {"offline_s": 312})
    return [back, started]


def _plan_of(device: str) -> _Plan:
    return next((plan for plan in _PLANS if plan.device == device), _PLANS[0])


def _point(site: Site, signal: str, at_ms: int, step_ms: int) -> SeriesPoint | None:
    plan = _plan_of(site.device)
    if NOW_MS - 7 * HOUR_MS <= at_ms < NOW_MS - 6 * HOUR_MS:
        return None
    seen = [_value(site.device, plan, signal, at_ms + part * step_ms // 4) for part in range(4)]
    good = [value for value in seen if value is not None]
    if not good:
        return SeriesPoint(at_ms, None, None, None, None, 0, 4)
    return SeriesPoint(at_ms, sum(good) / len(good), min(good), max(good), good[-1], len(good), 4 - len(good))


def _energy(site: Site, at_ms: int) -> EnergyRow:
    hours = at_ms / HOUR_MS - 490_000
    counters = {
        str(sg.PV_ENERGY_TOTAL): 520.0 * hours,
        str(sg.LOAD_ENERGY_TOTAL): 410.0 * hours,
        str(sg.GRID_IMPORT_TOTAL): 90.0 * hours,
        str(sg.GRID_EXPORT_TOTAL): 180.0 * hours,
        str(sg.BATTERY_CHARGE_TOTAL): 120.0 * hours,
        str(sg.BATTERY_DISCHARGE_TOTAL): 100.0 * hours,
    }
    return EnergyRow(at_ms, counters, measured=True)


def _wobble(device: str, signal: str, at_ms: int) -> float:
    seed = sum(map(ord, device + signal)) * 12.9898
    return math.sin(seed + at_ms / 700_000) * 0.6 + math.sin(seed * 3 + at_ms / 190_000) * 0.4


def _local_hour(plan: _Plan, at_ms: int) -> float:
    local = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(plan.timezone))
    return local.hour + local.minute / 60 + local.second / 3600


def _pv(plan: _Plan, at_ms: int) -> float:
    if plan.fault == "no_solar_production" and at_ms > NOW_MS - plan.since_ms:
        return 0.0
    shine = max(0.0, math.sin((_local_hour(plan, at_ms) - 5.5) / 15.5 * math.pi))
    cloud = 0.82 + 0.18 * _wobble(plan.device, "cloud", at_ms)
    return float(round(5200 * math.pow(shine, 1.3) * cloud))


def _value(device: str, plan: _Plan, signal: str, at_ms: int) -> float | None:
    if device == "ember-103" and signal == sg.OUTDOOR_TEMPERATURE:
        return None
    table = _power(plan, at_ms) if signal in SOLAR else _heat(plan, at_ms)
    return table[signal]


def _power(plan: _Plan, at_ms: int) -> dict[str, float]:
    hour = _local_hour(plan, at_ms)
    pv = _pv(plan, at_ms)
    evening = 900 * math.exp(-(((hour - 19.5) / 2.2) ** 2)) + 500 * math.exp(-(((hour - 7.5) / 1.3) ** 2))
    load = round(420 + evening + 140 * _wobble(plan.device, "load", at_ms))
    surplus = pv - load
    if plan.fault == "battery_not_charging" and at_ms > NOW_MS - plan.since_ms:
        battery = -180.0
    else:
        battery = float(max(-1500, min(2500, round(surplus * 0.7))))
    soc = 55 - 40 * math.cos((hour - 3) / 24 * 2 * math.pi)
    return {
        sg.PV_POWER: float(pv),
        sg.LOAD_POWER: float(load),
        sg.BATTERY_POWER: battery,
        sg.GRID_POWER: float(load + battery - pv),
        sg.BATTERY_SOC: round(soc, 1),
        sg.BATTERY_TEMPERATURE: round(27 + 4 * _wobble(plan.device, "warm", at_ms), 1),
    }


def _heat(plan: _Plan, at_ms: int) -> dict[str, float]:
    hour = _local_hour(plan, at_ms)
    cold = plan.fault == "no_heat" and at_ms > NOW_MS - plan.since_ms
    burning = not cold and _wobble(plan.device, "burner", at_ms) > -0.1
    flow = 24.1 if cold else 41 + 7 * _wobble(plan.device, "burner", at_ms)
    return {
        sg.FLOW_TEMPERATURE: round(flow, 1),
        sg.RETURN_TEMPERATURE: round(flow - (0.6 if cold else 7.5), 1),
        sg.ROOM_TEMPERATURE: 16.2 if cold else round(20.6 + 0.5 * math.sin(hour / 24 * 2 * math.pi), 1),
        sg.OUTDOOR_TEMPERATURE: round(9 + 5 * math.sin((hour - 9) / 24 * 2 * math.pi), 1),
        sg.DHW_TEMPERATURE: round(51 + 3 * _wobble(plan.device, "dhw", at_ms), 1),
        sg.BURNER_ON: 1.0 if burning else 0.0,
        sg.PUMP_ON: 1.0,
        sg.WATER_PRESSURE: round(1.6 + 0.05 * _wobble(plan.device, "bar", at_ms), 2),
    }


def renamed(fleet: InMemoryFleet, names: Iterable[tuple[str, str]]) -> InMemoryFleet:
    """The fleet with other site names."""
    copy = replace(fleet, site_list=list(fleet.site_list))
    for device, name in names:
        copy.change(device, name=name)
    return copy
