"""All figures in one table: `python -m bench`, or `--json` for scripts."""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import agent, diagnosis, fleet, ingest, journal, mtbf, wire

ROUNDS = 3


def row(figure: str, ours: float, baseline: str, theirs: float, ratio: float) -> dict[str, Any]:
    return {"figure": figure, "ours": ours, "baseline": baseline, "theirs": theirs, "ratio": ratio}


def measure() -> list[dict[str, Any]]:
    """Every figure; the ratio is always ours over the baseline's."""
    print("diagnosis …", file=sys.stderr)
    judged = diagnosis.measure()
    ours, theirs = judged["diagnosis_rows_per_s"], judged["pandas_loop_rows_per_s"]
    figure = "diagnosis of a recording: rows/s, one core, all 22 rules"
    rows = [row(figure, ours, "pandas row loop, one rule", theirs, judged["ratio"])]
    print("aggregator …", file=sys.stderr)
    runs = [ingest.measure() for _ in range(ROUNDS)]
    ours, theirs, ratio = (
        statistics.median(run[key] for run in runs) for key in ("summaries_per_s", "baseline_per_s", "times_faster")
    )
    rows.append(row("aggregator: summaries/s durably applied", ours, "a commit per row", theirs, ratio))
    total, budget = wire.measure()["total"], 8 * 1024
    rows.append(row("wire: bytes a device-day, MQTT both ways", total, "budget", budget, total / budget))
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for at_risk_s, most in ((900.0, 5.0), (300.0, 12.0)):
            mib = asyncio.run(journal.wear(Path(folder), 1, at_risk_s))["mib_a_day"]
            figure = f"journal: MiB written a day, {at_risk_s / 60:.0f} min at risk"
            rows.append(row(figure, mib, "budget", most, mib / most))
    print("MTBF over minutes …", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        judged = mtbf.measure(Path(folder), homes=4)
    for name in ("published", "episodes"):
        ours, theirs = judged[f"{name}_rows_per_s"], judged["pandas_loop_rows_per_s"]
        rows.append(row(f"MTBF over minutes, {name}: rows/s", ours, "pandas row loop", theirs, ours / theirs))
    print("fleet, about two minutes …", file=sys.stderr)
    rows += [row(*line) for line in fleet.rows()]
    print("agent, about two minutes …", file=sys.stderr)
    return rows + agent.measure()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="for scripts")
    arguments = parser.parse_args()
    rows = measure()
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print("| figure | ours | baseline | its figure | ratio |\n|---|---:|---|---:|---:|")
    for each in rows:
        digits = ",.0f" if each["ours"] >= 100 else ".2f"
        ours, theirs = format(each["ours"], digits), format(each["theirs"], digits)
        print(f"| {each['figure']} | {ours} | {each['baseline']} | {theirs} | {each['ratio']:.2f} |")


if __name__ == "__main__":
    main()
