"""The report card of the diagnosis: what it finds, how soon, what it finds for nothing, beside plain alternatives.

Usage: python -m bench.diagnosis [--quick] [--homes 200] [--heats 200] [--years 12] [--out docs/diagnosis.md]

Simulated sites of random sizes, weathers, habits and severities, numbered from --first on: numbers below 20000 were
used while the rules were written, so the report starts there.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.domain.errors import BadInput
from agent.domain.faults import FaultCode
from bench.diagnosis_fleet import Outcome, fleet
from bench.diagnosis_labelled import labelled, labelled_table
from bench.diagnosis_plain import PLAIN
from bench.diagnosis_real import missed_list, readers, real_list, real_sites, real_table
from bench.diagnosis_speed import measure as measure
from bench.diagnosis_speed import table as table
from bench.score_rigs import TRAIN

FIRST = 20_000
YEAR_DAYS = 365.25


@dataclass(slots=True)
class Row:
    """One fault over a fleet."""

    shown: int = 0
    found: int = 0
    hidden: int = 0
    right: int = 0
    false: int = 0
    delays: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    plain: dict[str, int] = field(default_factory=dict)

    @property
    def recall(self) -> float | None:
        return self.found / self.shown if self.shown else None

    @property
    def over(self) -> list[float]:
        """By how many minutes each episode was told later than the rule waits."""
        return [delay - waits for delay, waits in zip(self.delays, self.waits, strict=True)]

    @property
    def precision(self) -> float | None:
        told = self.right + self.false
        return self.right / told if told else None


def rows_of(outcomes: Iterable[Outcome]) -> dict[FaultCode, Row]:
    """Each fault's figures."""
    rows: dict[FaultCode, Row] = {}
    for outcome in outcomes:
        for number, seen in enumerate(outcome.seen):
            row = rows.setdefault(FaultCode(seen.label.code), Row())
            if not seen.counts:
                row.hidden += 1
                continue
            row.shown += 1
            if seen.told_after_min is not None:
                row.found += 1
                row.delays.append(seen.told_after_min)
                row.waits.append(seen.waits_min)
            for name, plain in outcome.plain.items():
                row.plain[name] = row.plain.get(name, 0) + (number in plain.found)
        for finding in outcome.findings:
            row = rows.setdefault(finding.code, Row())
            row.right += finding.right
            row.false += not finding.right
    return dict(sorted(rows.items()))


def share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def fault_table(outcomes: Sequence[Outcome]) -> str:
    """Markdown: a fault a line."""
    if not outcomes:
        return "None was asked for."
    years = sum(outcome.days for outcome in outcomes) / YEAR_DAYS
    names = list(PLAIN)
    head = ["fault", "episodes", "recall", "precision", "waits, min", "delay, min", "false / site-year", *names]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for code, row in rows_of(outcomes).items():
        delay, waits = (f"{statistics.median(each):.0f}" if each else "–" for each in (row.delays, row.waits))
        plain = [share(row.plain.get(name, 0) / row.shown if row.shown else None) for name in names]
        cells = [str(code), str(row.shown), share(row.recall), share(row.precision)]
        cells += [waits, delay, f"{row.false / years:.2f}"]
        lines.append("| " + " | ".join([*cells, *plain]) + " |")
    return "\n".join([*lines, total_line(outcomes, names, years)])


def total_line(outcomes: Sequence[Outcome], names: Sequence[str], years: float) -> str:
    """All faults together; for the alternatives their false alarms."""
    rows = rows_of(outcomes).values()
    total = Row(sum(row.shown for row in rows), sum(row.found for row in rows))
    total.right, total.false = sum(row.right for row in rows), sum(row.false for row in rows)
    over = [each for row in rows for each in row.over]
    plain = [f"{sum(each.plain[name].false for each in outcomes if each.plain) / years:.0f} / y" for name in names]
    cells = [
        "**all**",
        str(total.shown),
        share(total.recall),
        share(total.precision),
        "",
        f"{statistics.median(over):.0f} over" if over else "–",
        f"{total.false / years:.2f}",
    ]
    return "| " + " | ".join([*cells, *plain]) + " |"


def told(outcomes: Iterable[Outcome], total: int, name: str) -> list[Outcome]:
    """The outcomes, with a line of progress for each on standard error."""
    started, done = time.monotonic(), []
    for outcome in outcomes:
        done.append(outcome)
        passed = time.monotonic() - started
        left = passed / len(done) * (total - len(done))
        print(f"\r{name}: {len(done)}/{total}, {left / 60:.1f} min left ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return done


def healthy_table(groups: Sequence[tuple[str, Sequence[Outcome]]]) -> str:
    lines = ["| healthy sites | site-years | false findings | per site-year |", "|---|---:|---:|---:|"]
    for name, outcomes in groups:
        years = sum(outcome.days for outcome in outcomes) / YEAR_DAYS
        false = [finding for outcome in outcomes for finding in outcome.false]
        per = f"{len(false) / years:.2f}" if years else "–"
        codes = ", ".join(sorted({str(finding.code) for finding in false}))
        lines.append(f"| {name} | {years:.1f} | {len(false)}{f' ({codes})' if codes else ''} | {per} |")
    return "\n".join(lines)


REPORT = """# Diagnosis: report card

Written by `python -m bench.diagnosis{arguments}`.

Every figure comes from sites whose numbers were not used while the rules were written. A site lives for 60 days at one
sample a minute: twelve healthy days, then one fault after the other, each at most once, of random length and severity,
with days of rest in between. Places, panels, batteries, houses, boilers, weather and habits are random too.

An *episode* counts when the fault showed itself for long enough to be seen at all: a battery cannot fail to charge in
the dark. *Recall* is by episode; a finding with the right name that overlaps it is right, every other finding is false,
so a fault that is found under another's name counts against both. *Delay* is the median of the minutes in which the
fault showed itself to a running agent before it was told. *Waits* is how much of that the rule waits by its settings:
its debounce, and what it has to have seen before, as some hours of heating for a heating curve, or as long as a signal
of the kind stands when all is well; how fast the fault itself goes, as the pace of starts, is in none of it. A clock
that jumps is told at once, a gap of the whole site when it is over: they wait for nothing. The last line's delay is the
median over all episodes found, each counted once, of how many minutes more than *waits* its delay was. The last columns
are the share of the same episodes in which a plain alternative raised any alarm at all, without a name; their last line
is how many alarms a year they raise outside of all faults. PCA and half-space trees (river) see quarters of an hour,
learn from the first twelve days, and their limit is what was highest there.

## Power: {homes} homes

{power}

## Heating: {heats} houses

{heating}

## Healthy years

Both changes of season, three weeks' holiday, weekends away.

{healthy}

## Real recordings

Recordings of real homes and plants as they are, and with faults put into them, one after the other with days between.
Nobody vouches that these sites were healthy. Every finding in a recording as it is was held against the recording:
*true* says that it was so, as values that really are missing or a curve that really is flat; all others count as false.
Values are means of up to an hour, as recorded; of a few days nothing is said about a year. *All homes* leaves out the
hot water plants of commercial buildings.

{real}

{missed}

What was found in the recordings as they are:

{findings}

## Labelled recordings

Faults that others put in or marked, row by row: the rules where one has a name for the fault, elsewhere the detector of
`emberwatt-agent score`, which knows nothing of what it looks at, beside the plain detectors of `bench.score`. These
learn from the first {train} rows, which are healthy. Each row counts, and faults last for hours or days; a detector of
changes speaks when one begins. In the substations' logs only what is impossible was marked: other rows in findings may
be faulty as well. The only healthy day of `SZCAV` is the one that was learned from, and the rig is worn in one way or
another in 99 of 100 rows: there an alarm that never ends scores well.

{labelled}

State of all detectors of a site: at most {state:.1f} KiB.
"""


def report(homes: int, heats: int, years: int, first: int, workers: int, data: Path | None, arguments: str) -> str:
    """The whole document."""
    power = told(fleet("home", range(first, first + homes), workers=workers), homes, "homes")
    heating = told(fleet("heat", range(first, first + heats), workers=workers), heats, "houses")
    seeds = range(first + 5000, first + 5000 + years)
    calm_homes = told(fleet("home", seeds, healthy=True, workers=workers), years, "healthy homes")
    calm_heats = told(fleet("heat", seeds, healthy=True, workers=workers), years, "healthy houses")
    real = real_sites(data)
    return REPORT.format(
        arguments=arguments,
        homes=homes,
        heats=heats,
        power=fault_table(power),
        heating=fault_table(heating),
        healthy=healthy_table([("homes", calm_homes), ("heating sites", calm_heats)]),
        real=real_table(real),
        missed=missed_list(real),
        findings=real_list(real),
        train=TRAIN,
        labelled=labelled_table(labelled(data)),
        state=max(outcome.state_bytes for outcome in (*power, *heating, *calm_homes, *calm_heats)) / 1024,
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.diagnosis", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few sites, about two minutes")
    parser.add_argument("--homes", type=int, default=200, help="homes of 60 days (default: %(default)s)")
    parser.add_argument("--heats", type=int, default=200, help="heating sites of 60 days (default: %(default)s)")
    parser.add_argument("--years", type=int, default=12, help="healthy years of each kind (default: %(default)s)")
    parser.add_argument("--first", type=int, default=FIRST, help="number of the first site (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="folder with further recordings, as their README describes them")
    parser.add_argument("--out", type=Path, help="file to write, as docs/diagnosis.md (default: standard output)")
    args = parser.parse_args(argv)
    try:
        if args.data is not None:
            readers(args.data)
    except BadInput as error:
        parser.error(str(error))
    homes, heats, years = (4, 4, 1) if args.quick else (args.homes, args.heats, args.years)
    given = "" if (homes, heats, years) == (200, 200, 12) else f" --homes {homes} --heats {heats} --years {years}"
    given = " --quick" if args.quick else given
    given += "" if args.first == FIRST else f" --first {args.first}"
    given += "" if args.data is None else " --data DATA"
    text = report(homes, heats, years, args.first, args.workers, args.data, given)
    if args.out is None:
        print(text, end="")
    else:
        args.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
