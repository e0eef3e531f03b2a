"""The aggregator's database set back to an older copy: what devices still hold comes back by itself."""

import random
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from bench.soak.case import Context, Outcome, require
from bench.soak.stack import Stack, Table, difference, disorder, needs_mosquitto
from tests.helpers.histories import write_home_history
from tests.helpers.programs import wait_for

_HOMES: Final = 3
_BACK_S: Final = 180.0
_DATABASE: Final = "fleet.db"


def run(context: Context) -> Outcome:
    """Copies are made while data comes in; afterwards each is put in the place of the database, the newest first."""
    needs_mosquitto()
    copies, days = (1, 15) if context.short else (5, 40)
    histories = {f"home-{number}": context.folder / f"{number}.csv" for number in range(_HOMES)}
    for number, path in enumerate(histories.values()):
        write_home_history(path, days=days, seed=context.seed + number)
    chance, slowest, rows = random.Random(context.seed), 0.0, 0
    with Stack(context.folder / "stack").running() as stack:
        for home, history in histories.items():
            stack.agent(home, history, until_drained=False)
        made = [_copy(stack, context.folder / f"copy-{number}.db", chance) for number in range(copies)]
        for home in histories:
            wait_for(f"{home} to be whole", partial(_whole, stack, home), 120)
        expected = {home: stack.tables(home) for home in histories}
        for copy in reversed(made):
            lost = _set_back(stack, copy, expected)
            require(lost > 0, "the copy lacked nothing: it was made too late")
            rows += lost
            began = time.monotonic()
            while left := _lacking(stack, expected):
                require(time.monotonic() - began < _BACK_S, f"{left} of {lost} rows have not come back")
                time.sleep(0.2)
            slowest = max(slowest, time.monotonic() - began)
            context.say(f"restore: {lost:,} rows came back in {time.monotonic() - began:.0f} s")
        twice = sum((disorder(stack.journal(home)) for home in histories), start=difference({}, {}))
        require(not twice, str(dict(twice)))
    happened = f"{rows:,} rows that the copies lacked came back without anybody asking, the slowest in {slowest:.0f} s"
    return Outcome(f"{copies} copies, {_HOMES} homes", f"{happened}; nothing is there twice")


def _copy(stack: Stack, into: Path, chance: random.Random) -> Path:
    """A consistent copy while the aggregator writes, some time after it has heard of all homes."""
    wait_for("all homes to be heard of", lambda: _known(stack) == _HOMES, 60)
    time.sleep(chance.uniform(0.0, 0.5))
    with closing(sqlite3.connect(stack.folder / _DATABASE, timeout=30)) as db, closing(sqlite3.connect(into)) as copy:
        db.backup(copy)
    return into


def _known(stack: Stack) -> int:
    with closing(sqlite3.connect(stack.folder / _DATABASE, timeout=30)) as db:
        return int(db.execute("SELECT count(DISTINCT device) FROM positions").fetchone()[0])


def _whole(stack: Stack, home: str) -> bool:
    """Whether all of the history is judged and acknowledged."""
    if "rows of history judged" not in stack.agents[home].said():
        return False
    with closing(sqlite3.connect(f"{stack.journal(home).as_uri()}?mode=ro", uri=True, timeout=30)) as db:
        (last,) = db.execute("SELECT max(seq) FROM records").fetchone()
        (acknowledged,) = db.execute("SELECT value FROM meta WHERE key = 'acknowledged'").fetchone()
    return int(acknowledged) >= int(last)


def _set_back(stack: Stack, copy: Path, expected: dict[str, dict[str, Table]]) -> int:
    """Stop the aggregator, put the copy in the place of its database, start it; how many rows the copy lacks."""
    stack.cloud.stop(signal.SIGTERM)
    for ending in ("", "-wal", "-shm"):
        (stack.folder / f"{_DATABASE}{ending}").unlink(missing_ok=True)
    shutil.copyfile(copy, stack.folder / _DATABASE)
    lost = _lacking(stack, expected)
    stack.cloud.start()
    stack.wait_for_cloud()
    return lost


def _lacking(stack: Stack, expected: dict[str, dict[str, Table]]) -> int:
    """Rows that are not as they were."""
    return sum(difference(rows, stack.tables(home)).total() for home, rows in expected.items())
