"""Break the promises on purpose, and tell what happened.

    python -m bench.soak                       all cases, about an hour
    python -m bench.soak --short               a few minutes
    python -m bench.soak --only kills,fuzz     only these
    python -m bench.soak --json soak.json      the table for scripts as well

The status is 1 when a promise did not hold. Each case runs in a process of its own.
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench.soak.case import Case, Context, Skipped, Verdict
from bench.soak.cases import CASES

_WORDS = {True: "held", False: "**BROKEN**", None: "not run"}


def judge(case: Case, context: Context) -> Verdict:
    """Run one case here."""
    began = time.monotonic()
    try:
        outcome = case.run(context)
        times, happened, held = outcome.times, outcome.happened, True
    except Skipped as skipped:
        times, happened, held = "0", str(skipped), None
    except (AssertionError, subprocess.TimeoutExpired) as broken:
        times, happened, held = "–", str(broken) or "failed without a word", False
    seconds = round(time.monotonic() - began, 1)
    return Verdict(case.name, case.promise, case.breaks, times, happened, held, seconds)


def judge_apart(case: Case, options: argparse.Namespace, folder: Path) -> Verdict:
    """Run one case in a process of its own: whatever happens to it, the others are run."""
    told = folder / f"{case.name}.json"
    command = [sys.executable, "-m", "bench.soak", "--here", "--only", case.name, "--json", str(told)]
    command += ["--seed", str(options.seed), *(["--short"] if options.short else [])]
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if told.exists():
        return msgspec.json.decode(told.read_bytes(), type=list[Verdict])[0]
    seconds = round(time.monotonic() - began, 1)
    happened = f"ended with status {done.returncode} before it had a result"
    return Verdict(case.name, case.promise, case.breaks, "–", happened, False, seconds)


def last_words(folder: Path, lines: int = 8) -> str:
    """The end of each program's log."""
    told = []
    for log in sorted(folder.rglob("*.log")):
        told += [f"--- {log.relative_to(folder)}", *log.read_text(errors="replace").splitlines()[-lines:]]
    return "\n".join(told)


def table(verdicts: Iterable[Verdict]) -> str:
    """As Markdown."""
    rows = ["| promise | how it was broken | how often | what happened | |", "|---|---|---:|---|---|"]
    for each in verdicts:
        rows.append(f"| {each.promise} | {each.breaks} | {each.times} | {each.happened} | {_WORDS[each.held]} |")
    return "\n".join(rows)


def chosen(names: str | None) -> list[Case]:
    """The cases of a comma-separated list; all without one."""
    if names is None:
        return list(CASES)
    known = {case.name: case for case in CASES}
    unknown = [name for name in names.split(",") if name not in known]
    if unknown:
        raise SystemExit(f"soak: no case {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names.split(",")]


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(
        prog="python -m bench.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--only", metavar="NAMES", help=f"of {', '.join(case.name for case in CASES)}")
    options.add_argument("--short", action="store_true", help="a few minutes instead of about an hour")
    options.add_argument("--seed", type=int, default=20, help="of everything that is left to chance (20)")
    options.add_argument("--json", type=Path, metavar="FILE", help="write the table there as well")
    options.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    return options.parse_args()


def main() -> None:
    """Run, print the table, leave with status 1 when something did not hold."""
    options = _options()
    verdicts = []
    work = Path(".bench")
    work.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="soak-", dir=work) as name:
        for case in chosen(options.only):
            folder = Path(name).resolve() / case.name
            folder.mkdir()
            if options.here:
                verdicts.append(judge(case, Context(folder, options.short, options.seed)))
            else:
                verdicts.append(judge_apart(case, options, Path(name)))
            last = verdicts[-1]
            if options.here or not (Path(name) / f"{case.name}.json").exists():
                print(f"{last.name}: {_WORDS[last.held]}: {last.happened} ({last.seconds:.0f} s)", file=sys.stderr)
            if options.here and last.held is False:
                print(last_words(folder), file=sys.stderr)
            shutil.rmtree(folder, ignore_errors=True)
            if options.json is not None:
                options.json.write_bytes(msgspec.json.format(msgspec.json.encode(verdicts)))
    print(table(verdicts))
    sys.exit(any(each.held is False for each in verdicts))


if __name__ == "__main__":
    main()
