"""Faults of devices, findings of the fleet's analyses and silent sites, all in one form: symptoms."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from agent.domain.faults import FaultCode, Severity
from cloud.incidents import causes
from cloud.ports import FaultRow, Site

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
# € per kWh that a home buys instead of making it.
PRICE_PER_KWH: Final = 0.25
SILENT_AFTER_MS: Final = HOUR_MS
# An analysis looks back over weeks: a finding that ended this long before its newest data is over.
_OVER_AFTER_MS: Final = 2 * DAY_MS
_BY_SEVERITY: Final = {str(Severity.CRITICAL): 0.95, str(Severity.WARNING): 0.85, str(Severity.INFO): 0.6}


@dataclass(frozen=True, slots=True)
class Symptom:
    """One sign at one site. `end_ms` is None while it lasts.

    `certainty` in 0…1 that something is wrong; `cost_per_day` in €. `sudden` is whether `start_ms` is when it began: an
    analysis over weeks cannot tell.
    """

    device: str
    code: str
    component: str
    severity: str
    start_ms: int
    end_ms: int | None
    certainty: float
    cost_per_day: float
    why: str
    sudden: bool = True

    @property
    def active(self) -> bool:
        return self.end_ms is None

    @property
    def last_ms(self) -> int:
        return self.start_ms if self.end_ms is None else self.end_ms

    def length_ms(self, now_ms: int) -> int:
        return (now_ms if self.end_ms is None else self.end_ms) - self.start_ms


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A row of an analysis: `score` is −log10 of the chance that a healthy installation looks so bad."""

    installation: str
    kind: str
    fault: str
    score: float
    start_ms: int
    end_ms: int
    cost_per_day: float
    why: str


def of_fault(row: FaultRow) -> Symptom:
    """A device's fault. What it lost is brought to a day; where it does not say, an assumed cost stands in."""
    return Symptom(
        device=row.device,
        code=row.code,
        component=row.component,
        severity=row.severity if row.severity in _BY_SEVERITY else causes.severity_of(row.code),
        start_ms=row.start_ms,
        end_ms=row.end_ms,
        certainty=0.4 if row.code == FaultCode.UNUSUAL_BEHAVIOUR else _BY_SEVERITY.get(row.severity, 0.8),
        cost_per_day=_cost(row),
        why=", ".join(f"{name} {value:g}" for name, value in sorted(row.evidence.items())),
    )


def _cost(row: FaultRow) -> float:
    days = row.failing_s / 86_400
    if row.lost_wh is None or days <= 0:
        return causes.assumed_cost(row.code)
    # A fault is active for part of a day: what it lost over less than a day is what that day lost.
    return round(row.lost_wh / 1000 * PRICE_PER_KWH / max(days, 1.0), 2)


def of_finding(row: FindingRow, newest_ms: int) -> Symptom:
    """A finding; `newest_ms` is where the analysed data ends."""
    lasts = newest_ms - row.end_ms < _OVER_AFTER_MS
    return Symptom(
        device=row.installation,
        code=row.fault,
        component="",
        severity=causes.severity_of(row.fault),
        start_ms=row.start_ms,
        end_ms=None if lasts else row.end_ms,
        certainty=1 - 10 ** (-min(max(row.score, 0.0), 6.0) / 2),
        cost_per_day=row.cost_per_day,
        why=row.why,
        sudden=False,
    )


def silent(sites: Iterable[Site], now_ms: int) -> list[Symptom]:
    """Sites that have gone: whoever is offline cannot report it."""
    return [
        Symptom(
            device=site.device,
            code=str(FaultCode.DEVICE_UNREACHABLE),
            component="",
            severity=str(Severity.WARNING),
            start_ms=site.last_contact_ms,
            end_ms=None,
            certainty=0.9,
            cost_per_day=causes.assumed_cost(FaultCode.DEVICE_UNREACHABLE),
            why="no contact with the site",
        )
        for site in sites
        if site.online is False and now_ms - site.last_contact_ms >= SILENT_AFTER_MS
    ]
