"""`emberwatt-cloud jobs`: what runs at night, how it went, and running it now."""

import argparse
import asyncio
import getpass
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.domain.errors import BadInput
from cloud.clock import make_clock
from cloud.config import load
from cloud.examples import add_examples
from cloud.jobs.runner import DONE
from cloud.jobs.schedule import due_after
from cloud.jobs.scheduler import MANUAL
from cloud.jobs_wiring import Works, wire
from cloud.ports import Clock, JobRun
from cloud.store.database import Database

_SHOWN: Final = 20
_EXAMPLES: Final = """\
  emberwatt-cloud jobs list --config cloud.toml
  emberwatt-cloud jobs run lake --config cloud.toml
  emberwatt-cloud jobs show lake --config cloud.toml
  emberwatt-cloud jobs show 41 --json --config cloud.toml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emberwatt-cloud jobs`."""
    parts = parser.add_subparsers(dest="part", required=True, metavar="list|run|show")
    listing = parts.add_parser("list", help="every job: when it runs, and how its last run went")
    running = parts.add_parser("run", help="run a job now, and wait for it")
    running.add_argument("job", metavar="JOB")
    showing = parts.add_parser("show", help="the runs of a job, or one run with its log and results")
    showing.add_argument("what", metavar="JOB|RUN", help="a job's name or a run's number")
    add_examples(parser, parts.choices, _EXAMPLES)
    for each in (listing, running, showing):
        each.add_argument("--config", type=Path, default=None, metavar="CLOUD.toml", help="the aggregator's")
        each.add_argument("--json", action="store_true", help="for scripts")


def run(args: argparse.Namespace) -> int:
    """0 when it worked; `jobs run` gives 1 for a run that did not end well."""
    loaded = load(args.config)
    clock = make_clock(loaded)
    with Database(loaded.kept_database, clock) as database:
        works = wire(loaded, database, clock)
        if args.part == "run":
            return _run(works, args)
        return _list(works, clock, args) if args.part == "list" else _show(works, args)


def _run(works: Works, args: argparse.Namespace) -> int:
    job = works.registry.known(args.job)
    ended = asyncio.run(works.runner.run(job, MANUAL, getpass.getuser()))
    if args.json:
        _json(_document(works, ended))
    else:
        sys.stdout.write(works.folder.log(job.name, ended.id, 1 << 20))
        print(_line(ended))
        for name, size in works.folder.files(job.name, ended.id):
            print(f"  {size:>12,}  {works.folder.results(job.name, ended.id) / name}")
    return 0 if ended.state == DONE else 1


def _list(works: Works, clock: Clock, args: argparse.Namespace) -> int:
    jobs = []
    for job in works.registry.jobs():
        last = next(iter(works.book.runs(job.name, limit=1)), None)
        due_ms = due_after(job.schedule, clock.now_ms())
        jobs.append((job, last, due_ms))
    if args.json:
        _json(
            [
                {
                    "name": job.name,
                    "purpose": job.purpose,
                    "schedule": str(job.schedule),
                    "next_ms": due_ms,
                    "last": last,
                }
                for job, last, due_ms in jobs
            ]
        )
        return 0
    for job, last, _ in jobs:
        print(f"{job.name:18} {job.schedule!s:28} {'never ran' if last is None else _line(last)}")
    return 0


def _show(works: Works, args: argparse.Namespace) -> int:
    if not args.what.isdigit():
        job = works.registry.known(args.what)
        runs = works.book.runs(job.name, limit=_SHOWN)
        if args.json:
            _json(runs)
        else:
            print("\n".join(_line(one) for one in runs) or f"{job.name} never ran")
        return 0
    found = works.book.run(int(args.what))
    if found is None:
        raise BadInput(f"run {args.what} is not known", hint="emberwatt-cloud jobs show JOB lists a job's runs")
    if args.json:
        _json(_document(works, found))
        return 0
    print(_line(found))
    for name, size in works.folder.files(found.job, found.id):
        print(f"  {size:>12,}  {works.folder.results(found.job, found.id) / name}")
    sys.stdout.write(works.folder.log(found.job, found.id, 1 << 20))
    return 0


def _line(one: JobRun) -> str:
    began = datetime.fromtimestamp(one.started_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    took = "" if one.ended_ms is None else f" after {(one.ended_ms - one.started_ms) / 1000:.1f} s"
    return f"run {one.id} {began} {one.state}{took}{': ' + one.message if one.message else ''}"


def _document(works: Works, one: JobRun) -> dict[str, Any]:
    files = [{"name": name, "size": size} for name, size in works.folder.files(one.job, one.id)]
    folder = str(works.folder.results(one.job, one.id))
    return {**msgspec.structs.asdict(one), "folder": folder, "files": files}


def _json(document: object) -> None:
    print(json.dumps(msgspec.to_builtins(document), indent=2, ensure_ascii=False))
