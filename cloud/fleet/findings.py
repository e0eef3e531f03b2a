"""A finding: one installation, one fault, when, how sure, what it costs and why. And the file of them."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

DATA, BEHAVIOUR = "data", "behaviour"
COLUMNS = ("installation", "kind", "fault", "score", "from", "to", "cost_per_day", "why")


@dataclass(frozen=True, slots=True)
class Finding:
    """`score` is −log10 of the chance that a healthy installation looks so bad. `cost_per_day` in the settings' money.

    `signals` are those that show it; `start_ms` ≤ t < `end_ms`.
    """

    installation: str
    kind: str
    fault: str
    score: float
    start_ms: int
    end_ms: int
    cost_per_day: float
    why: str
    signals: tuple[str, ...] = ()


def moment(ms: int) -> str:
    """A time as the files and the report write it: UTC to the minute.

    >>> moment(1481760000000)
    '2016-12-15T00:00Z'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%MZ")


def write(findings: Iterable[Finding], path: Path) -> None:
    """`findings.csv`: the dearest and surest first, behaviour before data."""
    aside = path.with_name(f".{path.name}.part")
    with aside.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(COLUMNS)
        for each in ranked(findings):
            rows.writerow([
                each.installation, each.kind, each.fault, f"{each.score:.2f}", moment(each.start_ms),
                moment(each.end_ms), f"{each.cost_per_day:.2f}", each.why,
            ])  # fmt: skip
    aside.replace(path)


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """The order of a morning's list."""
    return sorted(findings, key=lambda f: (f.kind == DATA, -f.cost_per_day, -f.score, f.installation, f.fault))
