"""Rankings and cohorts as plain documents (JSON) and rows (CSV). Figures that cannot be told are left out."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.domain.errors import BadSetup
from agent.domain.reliability import EpisodeReliability
from cloud.fleet.equipment import UNKNOWN, Cohort, Home, Standing, compare, pool, rank_homes
from cloud.fleet.equipment_change import Change, change
from cloud.fleet.equipment_rates import Mtbf, Ratio
from cloud.fleet.equipment_tally import Equipment, PublishedTally, Tally
from cloud.fleet.equipment_trend import Watch, laplace, power_law

Document = dict[str, Any]


def episodes_report(
    found: Sequence[Tally], equipment: Equipment, *, by: str | None = None, split_ms: int | None = None
) -> Document:
    """Everything about one fault code: `ranking` of homes, best first, and `cohorts` by the attribute `by`."""
    own = {tally.device: tally for tally in found}
    homes = [tally.home(equipment) for tally in found]
    report: Document = {"ranking": [_standing(row, own[row.home.device]) for row in rank_homes(homes)]}
    report["fleet"] = _trend(found) | _change(found, split_ms)
    if by is not None:
        report["cohorts"] = [_cohort(row, _members(row.name, by, homes, own), split_ms) for row in pool(homes, by)]
    return report


def comparison(homes: Sequence[Home], by: str, first: str, second: str) -> Document:
    """Failure rate of the cohort `first` over that of `second`. Raises `BadSetup` where one has no home."""
    groups = [[home for home in homes if (home.equipment.get(by) or UNKNOWN) == name] for name in (first, second)]
    for name, group in zip((first, second), groups, strict=True):
        if not group:
            known = sorted({home.equipment.get(by) or UNKNOWN for home in homes})
            raise BadSetup("--compare", f"no home has {by} {name!r}; known: {', '.join(known)}")
    return {"first": first, "second": second, **_ratio(compare(groups[0], groups[1]))}


def published_report(found: Sequence[PublishedTally], equipment: Equipment, *, by: str | None = None) -> Document:
    """The published figure by home, highest first, and pooled by the attribute `by`: all minutes over all failures."""
    ordered = sorted(found, key=lambda tally: (-tally.mtbf_minutes, tally.device))
    report: Document = {
        "ranking": [
            {"rank": rank, "device": row.device, **_equipment(equipment.get(row.device, {})), **_published(row)}
            for rank, row in enumerate(ordered, 1)
        ]
    }
    if by is not None:
        report["cohorts"] = _published_cohorts(found, equipment, by)
    return report


def _published(row: PublishedTally) -> Document:
    return {"minutes": row.minutes, "failures": row.failures, "mtbf_minutes": row.mtbf_minutes}


def _published_cohorts(found: Sequence[PublishedTally], equipment: Equipment, by: str) -> list[Document]:
    groups: dict[str, list[PublishedTally]] = {}
    for row in found:
        groups.setdefault(equipment.get(row.device, {}).get(by) or UNKNOWN, []).append(row)
    pooled = [
        (len(rows), PublishedTally(name, sum(r.failures for r in rows), sum(r.minutes for r in rows)))
        for name, rows in groups.items()
    ]
    pooled.sort(key=lambda pair: (-pair[1].mtbf_minutes, pair[1].device))
    return [
        {"rank": rank, "name": row.device, "homes": homes, **_published(row)}
        for rank, (homes, row) in enumerate(pooled, 1)
    ]


def _members(name: str, by: str, homes: Sequence[Home], own: Mapping[str, Tally]) -> list[Tally]:
    return [own[home.device] for home in homes if (home.equipment.get(by) or UNKNOWN) == name]


def _standing(row: Standing, tally: Tally) -> Document:
    figures = EpisodeReliability(tally.failures, tally.repairs, tally.up_ms, tally.down_ms).report()
    return {
        "rank": row.rank,
        "device": row.home.device,
        **_equipment(row.home.equipment),
        **figures,
        "observed_hours": row.home.observed_h,
        **_mtbf("shrunk", row.shrunk),
        **_trend([tally]),
    }


def _cohort(row: Cohort, members: Sequence[Tally], split_ms: int | None) -> Document:
    figures: Document = {"rank": row.rank, "name": row.name, "homes": row.homes, "failures": row.failures}
    figures |= {"up_hours": row.exposure_h, "dispersion": row.dispersion}
    figures |= _mtbf("mtbf", row.mtbf) | _mtbf("shrunk", row.shrunk)
    figures |= _told({"mttr_hours": row.mttr_h, "availability": row.availability})
    figures["rate_to_rest"] = _ratio(row.to_rest) | {"p_adjusted": row.p_adjusted}
    return figures | _trend(members) | _change(members, split_ms)


def _equipment(attributes: Mapping[str, str]) -> Document:
    return {"equipment": dict(attributes)} if attributes else {}


def _mtbf(name: str, found: Mtbf) -> Document:
    prefix = name if name == "mtbf" else f"{name}_mtbf"
    figures = {f"{prefix}_hours": found.hours, f"{prefix}_low_hours": found.low, f"{prefix}_high_hours": found.high}
    return _told(figures)


def _ratio(found: Ratio) -> Document:
    return _told({"ratio": found.value, "low": found.low, "high": found.high, "p_value": found.p_value})


def _trend(found: Sequence[Tally]) -> Document:
    watches: list[Watch] = [watch for tally in found if (watch := tally.watch()) is not None]
    test, law = laplace(watches), power_law(watches)
    if test is None:
        return {}
    trend: Document = {"laplace": test.score, "p_value": test.p_value}
    if law is not None:
        trend |= {"shape": law.shape, "shape_low": law.shape_low, "shape_high": law.shape_high}
        trend |= {"mtbf_now_hours": law.mtbf_now}
    word = "worse" if test.score > 0 else "better"
    return {"trend": {"verdict": word if test.p_value < 0.05 else "steady", **trend}}


def _change(found: Sequence[Tally], split_ms: int | None) -> Document:
    seen: Change | None = None if split_ms is None else change([tally.split(split_ms) for tally in found])
    if seen is None:
        return {}
    before = {"failures": seen.failures_before, **_mtbf("mtbf", seen.before)}
    after = {"failures": seen.failures_after, **_mtbf("mtbf", seen.after)}
    return {"change": {"homes": seen.homes, "before": before, "after": after, "rate_ratio": _ratio(seen.ratio)}}


def _told(figures: Mapping[str, Any]) -> Document:
    return {name: figure for name, figure in figures.items() if figure is not None}


CSV_COLUMNS = (
    *("code", "table", "rank", "name", "homes", "failures", "minutes", "mtbf_minutes", "up_hours", "down_hours"),
    *("mtbf_hours", "mtbf_low_hours", "mtbf_high_hours", "mttr_hours", "availability", "shrunk_mtbf_hours"),
    *("shrunk_mtbf_low_hours", "shrunk_mtbf_high_hours", "rate_ratio", "rate_ratio_low", "rate_ratio_high"),
    *("p_adjusted", "trend"),
)


def csv_rows(reports: Mapping[str, Document]) -> list[list[Any]]:
    """One row per home and per cohort, in the order of their rank; columns as `CSV_COLUMNS`."""
    rows = []
    for code, report in reports.items():
        for table, entries in (("cohort", report.get("cohorts", [])), ("home", report["ranking"])):
            rows += [_csv_row(code, table, entry) for entry in entries]
    return rows


def _csv_row(code: str, table: str, entry: Document) -> list[Any]:
    rest = entry.get("rate_to_rest", {})
    flat = {
        **entry,
        "code": code,
        "table": table,
        "name": entry.get("name") or entry.get("device"),
        "rate_ratio": rest.get("ratio"),
        "rate_ratio_low": rest.get("low"),
        "rate_ratio_high": rest.get("high"),
        "p_adjusted": rest.get("p_adjusted"),
        "trend": entry.get("trend", {}).get("verdict"),
    }
    return [flat.get(column) for column in CSV_COLUMNS]
