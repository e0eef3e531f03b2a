"""Recordings of real sites through the diagnosis, as they are and with faults put into them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from agent.diagnosis.engine import Diagnosis
from agent.diagnosis.settings import DiagnosisSettings, settings_from
from agent.domain.errors import BadInput
from agent.domain.wire import Fault
from bench.diagnosis_fleet import Seen
from bench.diagnosis_judged import truth
from bench.diagnosis_put_in import moments, story_of
from bench.diagnosis_recordings import POWER, Reader, Recorded, seattle
from bench.diagnosis_recordings_heat import HEAT, PLANTS
from firmware_sim.labelled.moments import SOURCE
from firmware_sim.labelled.story import HOUR_MS, Label

YEAR_DAYS: Final = 365.25
# Of findings that are alike, so many are listed one by one.
_LISTED: Final = 6
# A fault that shows itself in fewer rows is none that anybody could find.
_LEAST_ROWS: Final = 3


@dataclass(frozen=True, slots=True)
class Told:
    """A finding in a recording as it is; `truth` is empty where it is false."""

    site: str
    fault: Fault
    truth: str


@dataclass(slots=True)
class RealOutcome:
    """What was found in one recording, or in several sites of one."""

    name: str
    sites: int = 0
    days: float = 0.0
    put_in: int = 0
    found: int = 0
    told: list[Told] = field(default_factory=list)
    false: int = 0  # with faults put in
    missed: Counter[str] = field(default_factory=Counter)  # faults put in and not found, by name

    @property
    def true_as_is(self) -> int:
        return sum(bool(each.truth) for each in self.told)

    @property
    def false_as_is(self) -> int:
        return len(self.told) - self.true_as_is

    @property
    def per_year(self) -> float:
        """False findings per site-year, as recorded."""
        return self.false_as_is / (self.days / YEAR_DAYS) if self.days else 0.0

    def add(self, recorded: Recorded) -> None:
        """Judge one site."""
        settings = settings_of(recorded)
        self.sites += 1
        self.days += recorded.days
        for fault in play(recorded, settings, (), ()).values():
            self.told.append(Told(recorded.name, fault, truth(recorded, fault, settings)))
        labels = story_of(recorded)
        seen = [Seen(label) for label in labels]
        told = list(play(recorded, settings, labels, seen).values()) if labels else []
        for each in seen:
            if each.counts and each.shown_min * 60_000 >= _LEAST_ROWS * recorded.step_ms:
                found = any(_fits(fault, each.label) for fault in told)
                self.put_in, self.found = self.put_in + 1, self.found + found
                self.missed[each.label.code] += not found
        strange = [fault for fault in told if not any(_fits(fault, label) for label in labels)]
        self.false += sum(not truth(recorded, fault, settings) for fault in strange)


def play(
    recorded: Recorded, settings: DiagnosisSettings, labels: Sequence[Label], seen: Sequence[Seen]
) -> dict[str, Fault]:
    """Every fault that the diagnosis tells of it, as last told."""
    diagnosis = Diagnosis(settings)
    readings = [moment.reading() for moment in moments(recorded, labels, seen)]
    told: dict[str, Fault] = {}
    for _, body in diagnosis.update_many(readings, {SOURCE: True}):
        if isinstance(body, Fault):
            told[body.id] = body
    return told


def settings_of(recorded: Recorded) -> DiagnosisSettings:
    """What an installer would have written into the site file: where it is, and how rarely it is sampled."""
    settings = settings_from({"site": recorded.site})
    rhythm_s = 1.5 * recorded.step_ms / 1000
    return settings.with_max_gap(rhythm_s) if rhythm_s > settings.max_gap_s else settings


def _fits(fault: Fault, label: Label) -> bool:
    end_ms = label.end_ms if fault.end_ms is None else fault.end_ms
    return fault.code == label.code and fault.start_ms < label.end_ms and end_ms > label.start_ms - HOUR_MS


def readers(data: Path) -> list[Reader]:
    """What reads the recordings that are in the folder. Raises `BadInput` where there are none."""
    there = [read for folder, read in {**POWER, **HEAT}.items() if (data / folder).is_dir()]
    if not there:
        raise BadInput(f"--data {data}: no recordings in it, expected a folder as {next(iter(POWER))}")
    return there


def recordings(data: Path | None) -> Iterator[Recorded]:
    """The one that ships, and those that are in the folder."""
    yield seattle()
    if data is not None:
        for read in readers(data):
            yield from read(data)


def real_sites(data: Path | None) -> list[RealOutcome]:
    """Each recording that is there, its sites together."""
    outcomes: dict[str, RealOutcome] = {}
    for recorded in recordings(data):
        outcomes.setdefault(recorded.group, RealOutcome(recorded.group)).add(recorded)
    return list(outcomes.values())


def real_table(outcomes: Sequence[RealOutcome]) -> str:
    """Markdown: a recording a line, then the homes and blocks of flats together, and all of them."""
    head = ["recording", "sites", "days", "true findings as recorded", "false", "false / site-year"]
    head += ["faults put in", "found", "false with them"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    lines += [_line(each) for each in outcomes]
    lines.append(_line(_total("**all homes**", [each for each in outcomes if each.name != PLANTS])))
    return "\n".join([*lines, _line(_total("**all**", outcomes))])


def _total(name: str, outcomes: Sequence[RealOutcome]) -> RealOutcome:
    total = RealOutcome(name)
    for each in outcomes:
        total.sites, total.days = total.sites + each.sites, total.days + each.days
        total.put_in, total.found = total.put_in + each.put_in, total.found + each.found
        total.false += each.false
        total.told += each.told
    return total


def _line(each: RealOutcome) -> str:
    # A few days say nothing about a year.
    per_year = f"{each.per_year:.2f}" if each.days > 30 else "–"
    cells = [each.name, str(each.sites), f"{each.days:.0f}", str(each.true_as_is), str(each.false_as_is), per_year]
    cells += [str(each.put_in), str(each.found), str(each.false)]
    return "| " + " | ".join(cells) + " |"


def real_list(outcomes: Sequence[RealOutcome]) -> str:
    """Markdown: every finding in the recordings as they are, and what is true about it."""
    lines = []
    for each in outcomes:
        groups = Counter((told.fault.code, told.truth) for told in each.told)
        for (code, words), count in sorted(groups.items()):
            alike = [told for told in each.told if (told.fault.code, told.truth) == (code, words)]
            sites = sorted({told.site for told in alike})
            where = f" at {', '.join(sites)}" if len(sites) < each.sites else ""
            when = "" if words else f": {_times(alike)}"
            lines.append(f"- {each.name}: {count} × {code}{where}, {f'true: {words}' if words else 'false'}{when}.")
    return "\n".join(lines) if lines else "Nothing was found in the recordings as they are."


def missed_list(outcomes: Sequence[RealOutcome]) -> str:
    """In words: which of the faults put in were not found."""
    lines = []
    for each in outcomes:
        missed = ", ".join(f"{count} × {code}" for code, count in sorted(each.missed.items()) if count)
        if missed:
            lines.append(f"{each.name}: {missed}")
    return f"Put in and not found: {'; '.join(lines)}." if lines else "Every fault put in was found."


def _times(alike: Sequence[Told]) -> str:
    starts = [datetime.fromtimestamp(told.fault.start_ms / 1000, UTC).strftime("%Y-%m-%d %H:%MZ") for told in alike]
    return ", ".join(starts[:_LISTED]) + (f" and {len(starts) - _LISTED} more" if len(starts) > _LISTED else "")
