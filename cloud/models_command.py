"""`emberwatt-cloud models`: which models speak at the sites, and which should be trained again."""

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from agent.domain.detecting import ModelDay
from cloud.clock import make_clock
from cloud.config import load
from cloud.store.database import Database
from cloud.store.models import model_days

DAY_MS: Final = 86_400_000
RETRAIN_SHARE: Final = 0.2
LEAST_DEVICES: Final = 3
_EPILOG: Final = """\
example:
  emberwatt-cloud models --config cloud.toml
  emberwatt-cloud models --config cloud.toml --days 30 --json
"""


@dataclass(frozen=True, slots=True)
class ModelUse:
    """One model over the sites it speaks at: `drifting` devices see what it was not trained on, by term in `drift`.

    `unusual` counts devices whose newest day is past the limit.
    """

    name: str
    version: int
    fingerprint: str
    role: str
    devices: int
    unusual: int
    drifting: int
    mean_score: float
    drift: dict[str, int]
    retrain: bool


def uses_of(days: Iterable[tuple[str, ModelDay]]) -> list[ModelUse]:
    """Models by name and version, from the newest day of each device; those to train again come first.

    A model should be trained again where a fifth of its sites, or the only one of less than three, have drifted.
    """
    newest: dict[tuple[str, str, str], ModelDay] = {}
    for device, day in days:
        key = (device, day.name, day.role)
        if key not in newest or newest[key].at_ms <= day.at_ms:
            newest[key] = day
    groups: dict[tuple[str, int, str, str], list[ModelDay]] = {}
    for day in newest.values():
        groups.setdefault((day.name, day.version, day.fingerprint, day.role), []).append(day)
    uses = [_use(key, group) for key, group in groups.items()]
    return sorted(uses, key=lambda use: (not use.retrain, use.name, -use.version, use.role))


def _use(key: tuple[str, int, str, str], group: list[ModelDay]) -> ModelUse:
    drift: dict[str, int] = {}
    for day in group:
        for term in day.drift:
            drift[term] = drift.get(term, 0) + 1
    drifting = sum(day.retrain for day in group)
    due = drifting >= max(1.0, RETRAIN_SHARE * len(group)) if len(group) >= LEAST_DEVICES else drifting == len(group)
    ordered = dict(sorted(drift.items(), key=lambda item: -item[1]))
    score = sum(day.score for day in group) / len(group)
    unusual = sum(day.score >= 1.0 for day in group)
    return ModelUse(*key, len(group), unusual, drifting, round(score, 3), ordered, bool(due))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `models`."""
    parser.epilog = _EPILOG
    parser.add_argument("--config", type=Path, default=None, metavar="CLOUD.toml", help="the aggregator's")
    parser.add_argument("--days", type=int, default=14, help="look at so many last days (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="for scripts")


def run(args: argparse.Namespace) -> int:
    """Say what speaks where."""
    loaded = load(args.config)
    clock = make_clock(loaded)
    with Database(loaded.kept_database, clock) as database:
        uses = uses_of(model_days(database, clock.now_ms() - args.days * DAY_MS))
    if args.json:
        print(json.dumps([asdict(use) for use in uses], indent=2))
        return 0
    if not uses:
        print(f"no device has told of a model in the last {args.days} days")
        return 0
    print(
        f"{'model':<18}{'version':>8}  {'role':<8}{'sites':>6}{'unusual':>9}{'drifting':>10}{'score':>7}  train again"
    )
    for use in uses:
        why = "yes: " + ", ".join(f"{term} at {count}" for term, count in use.drift.items()) if use.retrain else "no"
        line = f"{use.name:<18}{use.version:>8}  {use.role:<8}{use.devices:>6}{use.unusual:>9}{use.drifting:>10}"
        print(f"{line}{use.mean_score:>7.2f}  {why}")
    return 0
