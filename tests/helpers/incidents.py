"""Simulated fleets of faults: homes in towns, their equipment, and what goes wrong there."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.domain.faults import FAULTS, FaultCode
from cloud.ports import EquipmentSpan, FaultRow, Site

NOW_MS = 1_763_683_200_000  # 2025-11-21 00:00 UTC
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
MODELS = (("Fronius", "GEN24 8.0", "1.28.7"), ("SMA", "STP 6.0", "3.12"), ("Kostal", "Plenticore", "02.15"))


@dataclass
class Faults:
    """A fleet that fulfils `cloud.incidents.regroup.Fleet`, and what was broken in it."""

    site_list: list[Site] = field(default_factory=list)
    fault_list: list[FaultRow] = field(default_factory=list)
    span_list: list[EquipmentSpan] = field(default_factory=list)

    def sites(self) -> list[Site]:
        return list(self.site_list)

    def faults(self, *, start_ms: int | None = None, limit: int = 500) -> list[FaultRow]:
        rows = [row for row in self.fault_list if start_ms is None or row.end_ms is None or row.end_ms > start_ms]
        return rows[:limit]

    def breaks(
        self,
        device: str,
        code: FaultCode,
        start_ms: int,
        lasts_ms: int | None = None,
        *,
        component: str = "",
        lost_wh: float | None = None,
        evidence: dict[str, float] | None = None,
    ) -> FaultRow:
        """Add a fault; without `lasts_ms` it is still there."""
        row = FaultRow(
            id=f"f{len(self.fault_list)}",
            device=device,
            code=str(code),
            severity=str(FAULTS[code].severity),
            component=component,
            start_ms=start_ms,
            end_ms=None if lasts_ms is None else start_ms + lasts_ms,
            failing_s=(NOW_MS - start_ms if lasts_ms is None else lasts_ms) / 1000,
            evidence=evidence or {},
            lost_wh=lost_wh,
        )
        self.fault_list.append(row)
        return row

    def noise(self, chance: random.Random, per_site_month: float, codes: Iterable[FaultCode]) -> None:
        """Passing alarms all over the fleet and the last thirty days."""
        known = list(codes)
        for _ in range(round(per_site_month * len(self.site_list))):
            device = chance.choice(self.site_list).device
            start_ms = NOW_MS - round(chance.uniform(0.2, 29) * DAY_MS)
            self.breaks(device, chance.choice(known), start_ms, round(chance.expovariate(1 / 25) * MINUTE_MS) + 60_000)


def home(
    number: int,
    latitude: float | None,
    longitude: float | None,
    model: tuple[str, str, str] = MODELS[0],
    timezone: str = "Europe/Berlin",
    online: bool = True,
) -> Site:
    """A site with one inverter."""
    maker, name, firmware = model
    return Site(
        device=f"home-{number:05}",
        name="",
        timezone=timezone,
        latitude=latitude,
        longitude=longitude,
        online=online,
        first_seen_ms=NOW_MS - 200 * DAY_MS,
        last_contact_ms=NOW_MS - MINUTE_MS,
        agent_version="0.1.0",
        equipment={"inverter": {"maker": maker, "model": name, "firmware": firmware, "serial": str(number)}},
        last_at_ms=NOW_MS - MINUTE_MS,
        last_values={},
        last_bad={},
        active_faults=[],
        failures=0,
        mtbf_hours=None,
        mtbf_low_hours=None,
        backlog=0,
    )


def country(chance: random.Random, homes: int, towns: int = 40) -> Faults:
    """Homes around towns of one country, three kinds of inverter, mixed."""
    middles = [(chance.uniform(47.5, 54.0), chance.uniform(6.5, 14.0)) for _ in range(towns)]
    fleet = Faults()
    for number in range(homes):
        north, east = middles[number % towns]
        place = north + chance.gauss(0, 0.02), east + chance.gauss(0, 0.03)
        fleet.site_list.append(home(number, *place, model=MODELS[chance.randrange(len(MODELS))]))
    return fleet


def town_of(fleet: Faults, number: int, towns: int = 40) -> list[Site]:
    """The homes of one town of `country`."""
    return fleet.site_list[number::towns]
