"""One TOML file, the site file → the parts' own frozen settings."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.clock import SimulatedClock, SystemClock
from agent.diagnosis.detector_settings import detectors_of
from agent.diagnosis.settings import DiagnosisSettings, settings_from
from agent.domain.errors import BadSetup
from agent.domain.misfit import Bounds, misfit, outside
from agent.domain.wire import is_device_id
from agent.ports import Clock
from agent.sources.carrier_tables import AnyTable, read_table
from agent.sources.proxy_table import ProxySettings
from agent.sources.proxy_table import check as check_proxy
from agent.steering.steward import SteeringSettings
from agent.way_out import UplinkTable
from agent.way_out import check as check_uplink

_BUDGET_SHARE: Final = 0.8
_BUDGET_CAP_S: Final = 30.0
_LEAST_PROBATION_S: Final = 10.0
_DAY_S: Final = 86_400.0
_TIB: Final = 1024.0 * 1024.0
_YEAR_9999_MS: Final = 253_370_764_800_000


class DeviceTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`state` is the folder of the journal, relative to the site file."""

    id: str
    state: str = "state"


class PollTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often to read, and how long one device may take for all of its values, in real seconds.

    Without `budget_s` it is most of the interval, at most 30 s. No interval is longer than a day: over a longer gap
    between two samples nothing is ever judged (`max_gap_s`).
    """

    interval_s: float = 60.0
    budget_s: float | None = None


class JournalTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Space that the journal may take before something makes room, and what a power cut may cost.

    Samples of at most `at_risk_s` are in memory only; 300 instead of 900 writes about twice as much to the disk.
    Faults, acknowledgements and events are on it at once.
    """

    budget_mib: float = 64.0
    at_risk_s: float = 900.0


class SteeringTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a configuration that the fleet wishes has to prove itself before it is kept."""

    probation_s: float = 600.0


class ClockTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A simulated clock: it shows `origin_ms` when the wall clock shows `started_ms`, and runs `rate` times as fast."""

    origin_ms: int
    started_ms: int
    rate: float


class _SiteFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    device: DeviceTable
    site: dict[str, Any] = {}
    tariff: dict[str, Any] = {}
    diagnosis: dict[str, Any] = {}
    detector: list[dict[str, Any]] = []
    replay: dict[str, Any] = {}
    source: list[dict[str, Any]] = []
    poll: PollTable = PollTable()
    journal: JournalTable = JournalTable()
    steering: SteeringTable = SteeringTable()
    uplink: UplinkTable | None = None
    proxy: ProxySettings | None = None
    clock: ClockTable | None = None


class AgentSettings(msgspec.Struct, frozen=True):
    """Everything one agent needs to know, checked. `table` is what the site file itself says."""

    path: Path
    table: dict[str, Any]
    device: str
    state: Path
    site_name: str
    diagnosis: DiagnosisSettings
    sources: tuple[AnyTable, ...]
    interval_s: float
    budget_s: float
    journal: JournalTable
    steering: SteeringSettings
    uplink: UplinkTable | None
    proxy: ProxySettings | None
    clock: Clock


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables. Raises `BadSetup` that names the file and, where there is one, the line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetup(str(path), f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetup(str(path), f"is not TOML: {error}") from error


def load(path: Path) -> AgentSettings:
    """Settings of a site file. Raises `BadSetup` naming file, field, value and what was expected."""
    return settings_of(path, read_toml(path))


def settings_of(path: Path, table: dict[str, Any]) -> AgentSettings:
    """Settings of the tables of a site file, or of what the fleet has made of them. Raises `BadSetup`."""
    try:
        file = msgspec.convert(table, _SiteFile)
    except msgspec.ValidationError as error:
        raise BadSetup(str(path), misfit(error, table, _SiteFile)) from error
    if not is_device_id(file.device.id):
        raise BadSetup(str(path), f"device.id {file.device.id!r} must be 3 to 40 of a-z, 0-9 and -")
    _check_numbers(path, file)
    if file.uplink is not None:
        check_uplink(file.uplink, str(path))
    with naming(path):
        if file.proxy is not None:
            check_proxy(file.proxy)
        diagnosis = replace(settings_from(table), detectors=detectors_of(table, path, file.device.state))
    return AgentSettings(
        path=path,
        table=table,
        device=file.device.id,
        state=path.parent / file.device.state,
        site_name=str(file.site.get("name", file.device.id)),
        diagnosis=diagnosis,
        sources=_sources(path, file.source),
        interval_s=file.poll.interval_s,
        budget_s=_budget_s(file),
        journal=file.journal,
        # A device does not answer sooner because the clock runs faster than life.
        steering=SteeringSettings(file.steering.probation_s, 0.0 if file.clock is None else _LEAST_PROBATION_S),
        uplink=file.uplink,
        proxy=file.proxy,
        clock=_clock(file.clock),
    )


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """A `BadSetup` from within names this file, too."""
    try:
        yield
    except BadSetup as error:
        raise BadSetup(str(path), str(error), hint=error.hint) from error


def make_folder(folder: Path, hint: str = "") -> None:
    """Raises `BadSetup` where it is not there and cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetup(str(folder), f"this folder cannot be made: {error.strerror}", hint=hint) from error


def _sources(path: Path, tables: list[dict[str, Any]]) -> tuple[AnyTable, ...]:
    with naming(path):
        sources = tuple(read_table(table) for table in tables)
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise BadSetup(str(path), f"source.name {name!r} is used twice; each source needs its own")
    return sources


def _check_numbers(path: Path, file: _SiteFile) -> None:
    poll, journal, clock = file.poll, file.journal, file.clock
    rows: list[Bounds] = [
        ("poll.interval_s", poll.interval_s, 0.1, _DAY_S),
        ("poll.budget_s", 1.0 if poll.budget_s is None else poll.budget_s, 0.01, _DAY_S),
        ("journal.budget_mib", journal.budget_mib, 1.0, _TIB),
        ("journal.at_risk_s", journal.at_risk_s, 1.0, _DAY_S),
        ("steering.probation_s", file.steering.probation_s, 1.0, 7 * _DAY_S),
    ]
    if clock is not None:
        rows.append(("clock.rate", clock.rate, 1e-9, 1e6))
        rows.append(("clock.origin_ms", clock.origin_ms, 0, _YEAR_9999_MS))
        rows.append(("clock.started_ms", clock.started_ms, 0, _YEAR_9999_MS))
    for field, value, low, high in outside(rows):
        hint = "Over a gap of more than a day nothing is ever judged." if field == "poll.interval_s" else ""
        raise BadSetup(str(path), f"{field} is {value}, expected {low:g} to {high:.15g}", hint=hint)


def _budget_s(file: _SiteFile) -> float:
    if file.poll.budget_s is not None:
        return file.poll.budget_s
    real_s = file.poll.interval_s / (1.0 if file.clock is None else file.clock.rate)
    return min(_BUDGET_CAP_S, real_s * _BUDGET_SHARE)


def _clock(table: ClockTable | None) -> Clock:
    return SystemClock() if table is None else SimulatedClock(table.origin_ms, table.started_ms, table.rate)
