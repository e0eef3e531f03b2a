"""Promises that have tests of their own: the same tests, run once more as cases of the table."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.soak.case import Context, Outcome, Skipped, require

_ROOT: Final = Path(__file__).parents[2]
_COUNTED: Final = re.compile(r"(\d+) (passed|failed|error|errors|skipped)")


def tests(*places: str, happened: str) -> Callable[[Context], Outcome]:
    """A case that runs the tests of these files or folders; all must pass, and some must be there."""

    def run(_context: Context) -> Outcome:
        there = [place for place in places if (_ROOT / place.partition("::")[0]).exists()]
        if not there:
            raise Skipped(f"{', '.join(places)}: not there")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", *there]
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
        counted = {word: int(count) for count, word in _COUNTED.findall(done.stdout.splitlines()[-1])}
        require(done.returncode == 0, "; ".join(done.stdout.splitlines()[-3:]))
        passed = counted.get("passed", 0)
        if not passed:
            raise Skipped("; ".join(done.stdout.splitlines()[-2:]))
        return Outcome(f"{passed} tests", happened)

    return run
