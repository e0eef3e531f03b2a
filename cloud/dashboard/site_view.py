"""A site page's content: header, live pictures, values, charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent.domain import signals as sg
from agent.domain.signals import Kind, spec_of
from cloud.dashboard import fleet_view, formats, words
from cloud.dashboard.chart import Chart, Frame, draw
from cloud.dashboard.fleet_view import FaultBadge
from cloud.dashboard.pictures import HeatPicture, PowerPicture, heat_picture, power_picture
from cloud.ports import FaultRow, FleetReader, Site


@dataclass(frozen=True, slots=True)
class Period:
    key: str
    label: str
    length_ms: int
    step_s: int


PERIODS: Final = (
    Period("24h", "24 hours", formats.DAY_MS, 300),
    Period("7d", "7 days", 7 * formats.DAY_MS, 1800),
    Period("30d", "30 days", 30 * formats.DAY_MS, 7200),
)
MAX_CHARTS: Final = 16
_ORDER: Final = {name: index for index, name in enumerate(words.SIGNAL_WORDS)}
_IN_PICTURE: Final = frozenset({*words.SIGNAL_WORDS, sg.WATER_PRESSURE})


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One value that the pictures do not show, or why a signal has none."""

    label: str
    text: str
    problem: str


@dataclass(frozen=True, slots=True)
class EquipmentRow:
    source: str
    maker: str
    model: str
    serial: str
    firmware: str


@dataclass(frozen=True, slots=True)
class Live:
    """What changes every few seconds. `age` is empty while there was no reading, `backlog` while unknown."""

    state: str
    state_text: str
    contact: str
    contact_full: str
    backlog: str
    faults: tuple[FaultBadge, ...]
    power: PowerPicture | None
    heat: HeatPicture | None
    values: tuple[ValueRow, ...]
    stale: bool
    age: str
    read_at: str


@dataclass(frozen=True, slots=True)
class Header:
    device: str
    name: str
    kinds: tuple[str, ...]
    zone: str
    local_time: str
    agent_version: str
    place: str
    equipment: tuple[EquipmentRow, ...]


def header(site: Site, now_ms: int) -> Header:
    zone = formats.zone_of(site.timezone)
    known = site.latitude is not None and site.longitude is not None
    return Header(
        device=site.device,
        name=fleet_view.title_of(site),
        kinds=fleet_view.kinds_of(site),
        zone=zone.key,
        local_time=formats.local(now_ms, zone).strftime("%H:%M"),
        agent_version=site.agent_version or formats.UNKNOWN,
        place=f"{site.latitude:.2f}°, {site.longitude:.2f}°" if known else "",
        equipment=tuple(_equipment(source, parts) for source, parts in sorted(site.equipment.items())),
    )


def _equipment(source: str, parts: dict[str, str]) -> EquipmentRow:
    told = (parts.get(key) or formats.UNKNOWN for key in ("maker", "model", "serial", "firmware"))
    return EquipmentRow(source, *told)


def live(site: Site, now_ms: int) -> Live:
    zone = formats.zone_of(site.timezone)
    kinds = fleet_view.kinds_of(site)
    seen = {*site.last_values, *site.last_bad}
    has_battery = bool(seen & {sg.BATTERY_POWER, sg.BATTERY_SOC})
    read = site.last_at_ms
    return Live(
        state=site.state(now_ms),
        state_text=words.STATE_WORDS[site.state(now_ms)],
        contact=formats.ago(site.last_contact_ms, now_ms),
        contact_full=formats.full_time(site.last_contact_ms, zone),
        backlog="" if site.backlog is None else formats.number(site.backlog),
        faults=tuple(fleet_view.badge(fault, site, now_ms) for fault in fleet_view.by_severity(site.active_faults)),
        power=power_picture(site.last_values, has_battery=has_battery) if "solar" in kinds else None,
        heat=heat_picture(site.last_values) if "heating" in kinds else None,
        values=_values(site),
        stale=fleet_view.is_stale(site, now_ms),
        age="" if read is None else formats.ago(read, now_ms),
        read_at="" if read is None else formats.full_time(read, zone),
    )


def _values(site: Site) -> tuple[ValueRow, ...]:
    rows = [
        ValueRow(words.signal_words(name), formats.with_unit(name, value), "")
        for name, value in sorted(site.last_values.items())
        if name not in _IN_PICTURE
    ]
    rows += [
        ValueRow(words.signal_words(name), formats.UNKNOWN, words.quality_words(why))
        for name, why in sorted(site.last_bad.items())
        if name not in site.last_values
    ]
    return tuple(rows)


def period_of(key: str) -> Period:
    """The period named `key`; the first for any other name."""
    return next((period for period in PERIODS if period.key == key), PERIODS[0])


def charts(reader: FleetReader, site: Site, period: Period, faults: Sequence[FaultRow], now_ms: int) -> list[Chart]:
    """A picture of each signal that has a course worth seeing."""
    step_ms = period.step_s * 1000
    end_ms = -(-now_ms // step_ms) * step_ms
    frame = Frame(end_ms - period.length_ms, end_ms, step_ms, formats.zone_of(site.timezone))
    names = [name for name in reader.signals(site.device) if _charted(name)]
    names.sort(key=lambda name: (_ORDER.get(name, len(_ORDER)), name))
    return [
        draw(name, reader.series(site.device, name, frame.start_ms, frame.end_ms, period.step_s), faults, frame)
        for name in names[:MAX_CHARTS]
    ]


def _charted(name: str) -> bool:
    spec = spec_of(name)
    return spec is not None and spec.kind in (Kind.GAUGE, Kind.FLAG)
