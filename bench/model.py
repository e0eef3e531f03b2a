"""The learned model on sites it has never seen: what it finds of failures without a name, and what it says for nothing.

Usage: python -m bench.model [--cache DIR] [--json OUT] [--write docs/model.md] [--only home]

Trains on simulated sites, judges others in another year: healthy ones, with guests, holidays and both changes of
season, and ones that fail in a way that no rule names. Beside it the plain alternatives over the same frames.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from agent.domain.learned_artifact import Artifact
from agent.learned.tflite_file import layers_of
from bench import model_cost
from bench.model_rivals import LEARN_DAYS, RIVALS
from bench.model_sites import AILING, FAILING_DAYS, HEALTHY, KINDS, TRAIN, Case, cases
from bench.model_text import report
from cloud.training.limits import watched
from cloud.training.plans import PLANS
from cloud.training.quantise import Int8Layer
from cloud.training.sites import terms_of
from cloud.training.train import TrainSettings, targets_of, trained

ALLOWED: Final = 1.0
DEBOUNCE_DAYS: Final = 2
CLEAR_DAYS: Final = 4
OURS: Final = "learned model"
Days = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one method did on all sites of a kind."""

    method: str
    found: dict[str, int]
    of: dict[str, int]
    delays: list[int]
    false: int
    years: float

    def as_json(self) -> dict[str, Any]:
        total, found = sum(self.of.values()), sum(self.found.values())
        return {
            "method": self.method,
            "recall": round(found / total, 3),
            "found": self.found,
            "of": self.of,
            "median_delay_days": float(np.median(self.delays)) if self.delays else None,
            "false_per_site_year": round(self.false / self.years, 2),
            "site_years": round(self.years, 1),
        }


def days_of(scores: Sequence[float], limit: float) -> Days:
    """Days on which a finding lasts, with the model's own debounce."""
    on, over, under, days = False, 0, 0, []
    for score in scores:
        over = over + 1 if score >= limit else 0
        under = under + 1 if score < 0.7 * limit else 0
        on = over >= DEBOUNCE_DAYS if not on else under < CLEAR_DAYS
        days.append(on)
    return np.array(days, dtype=np.bool_)


def outcome(method: str, judged: Sequence[tuple[Case, Days]], from_day: int) -> Outcome:
    """Findings before a failure begins are false; one that begins or lasts while it does, and not before, is right."""
    found: Counter[str] = Counter()
    of: Counter[str] = Counter()
    delays, false, healthy_days = [], 0, 0
    for case, on in judged:
        before = on[: case.day]
        false += int(np.sum(before[1:] & ~before[:-1]))
        healthy_days += max(0, min(case.day, len(on)) - from_day)
        if case.ailment is None:
            continue
        kind = str(case.ailment.kind)
        of[kind] += 1
        hits = np.flatnonzero(on[case.day : case.day + FAILING_DAYS])
        if len(hits) and not on[case.day - 1]:
            found[kind] += 1
            delays.append(int(hits[0]))
    return Outcome(method, {kind: found[kind] for kind in sorted(of)}, dict(of), delays, false, healthy_days / 365.0)


def ours(artifact: Artifact, sites: Sequence[Case]) -> list[tuple[Case, Days]]:
    """The model over every site, as its device would judge it."""
    layers = [
        Int8Layer(
            np.frombuffer(each.weights, dtype=np.int8).reshape(each.rows, each.columns),
            np.frombuffer(each.bias, dtype="<i4"),
            each.in_scale, each.in_zero, each.weight_scale, each.out_scale, each.out_zero, each.relu,
        )
        for each in layers_of(artifact.network)
    ]  # fmt: skip
    judged = []
    for case in sites:
        ready = targets_of(artifact.plan, artifact.scaling, layers, terms_of(artifact.plan, case.site))
        _, _, active = watched(ready, artifact.plan, artifact.priors, artifact.limits, 21)
        judged.append((case, active))
    return judged


def rival(name: str, score: Callable[..., Any], sites: Sequence[Case]) -> Outcome:
    """An alternative with the lowest limit at which it keeps to the allowed false findings on these very sites."""
    scored = []
    for case in sites:
        scores = score(case.site)
        scores[:LEARN_DAYS] = 0.0
        scored.append((case, scores))
    pooled = np.concatenate([scores[LEARN_DAYS : case.day] for case, scores in scored])
    best: Outcome | None = None
    for share in np.linspace(0.2, 0.9999, 120):
        limit = float(np.quantile(pooled, share))
        told = outcome(name, [(case, days_of(scores.tolist(), limit)) for case, scores in scored], LEARN_DAYS)
        keeps = told.false / told.years <= ALLOWED
        if keeps and (best is None or sum(told.found.values()) > sum(best.found.values())):
            best = told
    return best or outcome(name, [(case, np.zeros(len(s), dtype=np.bool_)) for case, s in scored], LEARN_DAYS)


def measure(kinds: Sequence[str], cache: Path | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Everything, as plain data."""
    result: dict[str, Any] = {"kinds": {}}
    for kind in kinds:
        began = time.monotonic()
        say(f"{kind}: sites …")
        train = [case for part in TRAIN for case in cases(kind, part, cache)]
        judged = [*cases(kind, HEALTHY, cache), *cases(kind, AILING[kind], cache)]
        say(f"{kind}: {len(train)} to train on, {len(judged)} to judge, {time.monotonic() - began:.0f} s")
        began = time.monotonic()
        artifact = trained(PLANS[kind](), [case.site for case in train], 0, TrainSettings(), say)
        seconds = time.monotonic() - began
        rows = [outcome(OURS, ours(artifact, judged), 21)]
        say(f"{kind}: {rows[0].as_json()}")
        for name, score in RIVALS.items():
            rows.append(rival(name, score, judged))
            say(f"{kind}: {rows[-1].as_json()}")
        result["kinds"][kind] = {
            "rows": [row.as_json() for row in rows],
            "network_bytes": len(artifact.network),
            "training_s": round(seconds),
            "training_sites": len(train),
            "metrics": artifact.metrics,
        }
        result["cost"] = model_cost.measure(artifact)
        say(f"{kind}: {result['cost']}")
    return result


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.model", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cache", type=Path, help="keep the simulated sites here")
    parser.add_argument("--only", choices=sorted(KINDS), help="one kind of site")
    parser.add_argument("--json", metavar="OUT", help="write the figures to a file, or to - (standard output)")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="write the report")
    arguments = parser.parse_args(argv)
    kinds = [arguments.only] if arguments.only else sorted(KINDS)
    figures = measure(kinds, arguments.cache, lambda text: print(text, file=sys.stderr, flush=True))
    text = json.dumps(figures, indent=2)
    if arguments.json == "-":
        print(text)
    elif arguments.json:
        Path(arguments.json).write_text(text + "\n", encoding="utf-8")
    if arguments.write:
        arguments.write.write_text(report(figures), encoding="utf-8")
    if arguments.json != "-":
        print(report(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
