"""The fleet's figures: the published clustering's speed, 100,000 installations, a large CSV, and what is found.

`python -m bench.fleet` measures all; `--only speed,scale,csv,labelled` some. Each figure stands beside what it is
compared with. Memory and wall time of the large runs are those of a process of their own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cloud.fleet import cube, heating, published
from cloud.fleet.daily import HEATING
from cloud.fleet.findings import BEHAVIOUR
from cloud.fleet.hclust import complete
from tests.helpers import heating_fleet, heating_fleet_fourth, heating_fleet_other, heating_fleet_third

# What TSclust's diss() with the PACF method takes per pair in R 4.2, measured on 60 installations (3.4 s).
R_SECONDS_PER_PAIR = 0.002
EXACT = 3000
LABELS = dict(
    zip(
        map(str, HEATING),
        ("BASE_VN_T.EXTER_T.REF_CORRIGE", "CIR1_VN_AMB_T.AMB_CORRIGE", "CIR1_AI_EAU_T.DEP_SONDE"),
        strict=True,
    )
)
CHILD = """
import argparse, json, resource, sys, time
from cloud import analyse
began = time.perf_counter()
parser = argparse.ArgumentParser()
analyse.add_arguments(parser)
code = analyse.run(parser.parse_args(sys.argv[1:]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024
used = resource.getrusage(resource.RUSAGE_SELF)
cpu = round(used.ru_utime + used.ru_stime, 1)
seconds = round(time.perf_counter() - began, 1)
print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "gib": round(peak, 2), "code": code}))
"""


def speed(installations: int = EXACT, hours: int = 408) -> dict[str, Any]:
    """Distances and tree of the published method, from the hourly ratios on."""
    rng = np.random.default_rng(1)
    ratio = rng.normal(size=(hours, installations)).cumsum(axis=0) * 0.1 + rng.normal(size=(hours, installations))
    took = []
    for _ in range(3):
        began = time.perf_counter()
        complete(published.distances(published.partial_autocorrelation(ratio)))
        took.append(time.perf_counter() - began)
    pairs = installations * (installations - 1) / 2
    return {
        "installations": installations,
        "seconds": round(min(took), 3),
        "r_pairwise_seconds": round(pairs * R_SECONDS_PER_PAIR),
        "times_faster": round(pairs * R_SECONDS_PER_PAIR / min(took)),
    }


def run(source: Path, out: Path) -> dict[str, Any]:
    """`analyse heating` in a process of its own: seconds and GiB, imports and report included."""
    command = [sys.executable, "-c", CHILD, "heating", str(source), "--out", str(out)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=1800)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def write_many(folder: Path, installations: int, seed: int = 1) -> None:
    """A fleet of any size as Parquet: 2,000 simulated installations, and copies that differ in level and noise."""
    rng = np.random.default_rng(seed)
    base = heating_fleet.make(2000, seed, days=17, style="physical", averaged=False)
    folder.mkdir(parents=True)
    for copy in range(-(-installations // 2000)):
        values = base.values + rng.normal(0, 0.08, base.values.shape)
        level = rng.normal(0, 0.3, (2000, 1))
        values[:, 1] += level
        values[:, 2] += level
        # A sensor that stands still does so in every copy.
        still = np.diff(base.values, axis=2, prepend=np.nan) == 0
        values = np.where(still.mean(axis=2, keepdims=True) > 0.4, base.values, values)
        names = [f"{copy:03d}{name}" for name in base.names]
        replace(base, names=names, values=values).frame().write_parquet(folder / f"part{copy:03d}.parquet")


def scale(installations: int = 100_000) -> dict[str, Any]:
    """From Parquet to findings and report, and the agreement with the exact method on a sample."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_many(folder / "source" / "samples", installations)
        result = run(folder / "source", folder / "out")
        result |= agreement(folder / "source", folder / "out", min(EXACT, installations))
    return {"installations": installations} | result


def agreement(source: Path, out: Path, size: int) -> dict[str, float]:
    """Clusters (adjusted Rand) and outliers (Jaccard) of the whole fleet's run beside a run of the sample alone."""
    block = cube.from_parquet(source, HEATING, None, None)
    picked = np.random.default_rng(7).choice(len(block.installations), size, replace=False)
    picked.sort()
    names = [block.installations[row] for row in picked.tolist()]
    alone = heating.judge(
        replace(block, installations=names, values=block.values[picked]), [""] * size, heating.Settings()
    )
    members = pl.read_csv(out / "clusters.csv", schema_overrides={"installation": pl.String})
    whole = dict(members.select("installation", "cluster").iter_rows())
    found = pl.read_csv(out / "findings.csv", schema_overrides={"installation": pl.String})
    flagged = set(found.filter(pl.col("kind") == BEHAVIOUR)["installation"]) & set(names)
    exact = {each.installation for each in alone.findings if each.kind == BEHAVIOUR}
    return {
        "adjusted_rand": round(adjusted_rand([whole[name] or "" for name in names], alone.clusters.of.tolist()), 4),
        "outliers_jaccard": round(len(flagged & exact) / max(len(flagged | exact), 1), 4),
        "outliers": len(exact),
    }


def adjusted_rand(one: list[Any], other: list[Any]) -> float:
    """Agreement of two groupings, 1 for the same, 0 for chance (Hubert & Arabie, J. Classification 2, 1985)."""
    _, a = np.unique(one, return_inverse=True)
    _, b = np.unique(other, return_inverse=True)
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)

    def pairs(counts: np.ndarray[Any, Any]) -> float:
        return float((counts * (counts - 1) / 2).sum())

    both, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    chance = rows * columns / (len(one) * (len(one) - 1) / 2)
    return (both - chance) / max((rows + columns) / 2 - chance, 1e-12)


def large_csv(rows: int = 3_500_000) -> dict[str, Any]:
    """A CSV in the published layout, values every 15 minutes, to findings and report."""
    days = 61
    fleet = heating_fleet.make(-(-rows // (3 * 96 * days)), 2, days=days, step_min=15, style="plain", averaged=False)
    frame = fleet.frame().select(
        pl.lit("16957").alias("IdInterneInstallation"),
        pl.col("installation").alias("NumInstallation"),
        pl.lit("PAU").alias("Ville"),
        pl.lit("760944").alias("IdInterneMesure"),
        pl.col("signal").replace_strict(LABELS).alias("LibelleLongMesure"),
        pl.col("time").dt.strftime("%Y-%m-%d %H:%M:%S").alias("DateEvenement"),
        pl.col("value").alias("Valeur"),
    )
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "fleet.csv"
        frame.write_csv(path)
        return {"rows": len(frame)} | run(path, Path(name) / "out")


def labelled(fleets: int = 12, thirds: int = 20, fourths: int = 20) -> dict[str, Any]:
    """Both methods on the same labelled fleets of 60 to 2,000 installations, 4 % faulty, of four generators."""
    rng = np.random.default_rng(3)
    return {
        "first and second": _compared(_fleet(number, rng) for number in range(fleets)),
        "third": _compared(_third(number) for number in range(thirds)),
        "fourth": _compared(_fourth(number) for number in range(fourths)),
    }


def _compared(fleets: Iterable[heating_fleet.Fleet]) -> dict[str, Any]:
    tally: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for fleet in fleets:
        frame = fleet.frame().lazy()
        judged = heating.judge(cube.from_frame(frame, HEATING), fleet.cities, heating.Settings())
        ours = {each.installation: each.fault for each in judged.findings if each.kind == BEHAVIOUR}
        theirs = dict.fromkeys(published.analyse(frame).anomalies, "")
        for name, found in (("emberwatt", ours), ("engie-pacf", theirs)):
            tally[name]["healthy"] += len(fleet.names) - len(fleet.faults)
            tally[name]["falsely flagged"] += len(found.keys() - fleet.faults.keys())
            for each, fault in fleet.faults.items():
                for row in (tally[name], tally[f"{name}, {fault}"]):
                    row["faulty"] += 1
                    row["found"] += each in found
                    row["named"] += found.get(each) == fault
    return {name: dict(row) for name, row in sorted(tally.items())}


def _fleet(number: int, rng: np.random.Generator) -> heating_fleet.Fleet:
    count, seed = (60, 200, 600, 2000)[number % 4], int(rng.integers(1 << 30))
    step_min, mean = 60 if number % 3 else 15, float(rng.uniform(-2, 7))
    if number // 4 % 3 == 2:
        return heating_fleet_other.make(count, seed, step_min=step_min, mean_outdoor=mean)
    style = ("physical", "plain")[number // 4 % 3]
    return heating_fleet.make(count, seed, style=style, step_min=step_min, averaged=False, mean_outdoor=mean)


def _third(number: int) -> heating_fleet.Fleet:
    rng = np.random.default_rng(1000 + number)
    mixes = list(heating_fleet_third.MIXES)
    days, step_min = int(rng.choice([14, 21, 30])), 15 if number % 3 else 60
    averaged, mean = bool(rng.random() < 0.25) and step_min == 15, float(rng.uniform(-3, 7))
    return heating_fleet_third.make(
        (60, 200, 600, 2000)[number % 4], 7000 + number, mix=mixes[number % len(mixes)], days=days,
        step_min=step_min, mean_outdoor=mean, averaged=averaged,
    )  # fmt: skip


def _fourth(number: int) -> heating_fleet.Fleet:
    rng = np.random.default_rng(4000 + number)
    ways = heating_fleet_fourth.REPORTING
    days, mean = int(rng.choice([14, 17, 21])), float(rng.uniform(-3, 8))
    return heating_fleet_fourth.make(
        (60, 200, 600, 2000)[number % 4], 9000 + number, reporting=ways[number % len(ways)], days=days,
        mean_outdoor=mean,
    )  # fmt: skip


def rows() -> list[tuple[str, float, str, float, float]]:
    """The lines of the table of all figures: figure, ours, baseline, its figure, ratio."""
    fast, large, table = speed(), scale(), large_csv()
    sums = [each["emberwatt"] for each in labelled().values()]
    faulty, found, named, healthy, false = (
        sum(each[key] for each in sums) for key in ("faulty", "found", "named", "healthy", "falsely flagged")
    )
    lines = [
        ("fleet: distances and tree, 3,000 × 408 h: s", fast["seconds"], "R, 2 ms a pair", fast["r_pairwise_seconds"]),
        ("fleet: 100,000 × 408 h to findings: s", large["seconds"], "target", 180.0),
        ("fleet: the same: GiB", large["gib"], "target", 6.0),
        ("fleet: clusters beside exact: adjusted Rand", large["adjusted_rand"], "target", 0.95),
        ("fleet: outliers beside exact: Jaccard", large["outliers_jaccard"], "target", 0.95),
        ("fleet: CSV of 3.5 million rows to findings: s", table["seconds"], "target", 30.0),
        ("fleet: labelled faults found: share", found / faulty, "target", 0.9),
        ("fleet: the right fault named: share", named / found, "target", 0.85),
        ("fleet: healthy ones flagged: %", 100 * false / healthy, "target", 1.0),
    ]
    return [(figure, ours, name, theirs, ours / theirs) for figure, ours, name, theirs in lines]


PARTS = {"speed": speed, "scale": scale, "csv": large_csv, "labelled": labelled}


def measure(only: list[str] | None = None) -> dict[str, dict[str, Any]]:
    """The figures of the parts named, or of all."""
    return {name: part() for name, part in PARTS.items() if not only or name in only}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", help=f"comma-separated: {', '.join(PARTS)}")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.only.split(",") if arguments.only else None), indent=2))


if __name__ == "__main__":
    main()
