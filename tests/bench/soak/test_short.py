"""The short form of each case; the twenty kills are in `tests/journey/test_kill.py`, the budgets in `tests/bench`."""

from pathlib import Path

import msgspec
import pytest

from bench.soak.__main__ import chosen, judge, table
from bench.soak.case import Broken, Case, Context, Outcome, Skipped, Verdict
from bench.soak.cases import CASES
from tests.helpers.broker import MOSQUITTO
from tests.helpers.programs import run

SHORT = ("cuts", "cuts-cloud", "network", "restore", "clock", "fuzz", "fuzz-agent", "storm")


@pytest.mark.broker
@pytest.mark.journey
@pytest.mark.xdist_group("soak")
@pytest.mark.skipif(MOSQUITTO is None, reason="no Mosquitto")
@pytest.mark.parametrize("name", SHORT)
def test_the_promise_holds(tmp_path: Path, name: str) -> None:
    (case,) = chosen(name)
    try:
        outcome = case.run(Context(tmp_path, True, 20))
    except Skipped as skipped:
        pytest.skip(str(skipped))
    assert outcome.happened


def test_every_promise_has_a_case() -> None:
    told = " ".join(case.promise for case in CASES)
    assert all(str(number) in told for number in range(1, 10))
    assert len({case.name for case in CASES}) == len(CASES)


def broken(_context: Context) -> Outcome:
    raise Broken("a record is gone")


def skipped(_context: Context) -> Outcome:
    raise Skipped("no such kernel")


@pytest.mark.parametrize(("trial", "held", "word"), [(broken, False, "**BROKEN**"), (skipped, None, "not run")])
def test_what_did_not_hold_is_told(tmp_path: Path, trial: object, held: bool | None, word: str) -> None:
    case = Case("one", "a promise", "by hand", trial)  # type: ignore[arg-type]
    verdict = judge(case, Context(tmp_path, True, 1))
    assert verdict.held is held
    assert verdict.happened in ("a record is gone", "no such kernel")
    assert word in table([verdict])


def test_the_command_writes_its_table(tmp_path: Path) -> None:
    done = run("bench.soak", "--short", "--only", "line", "--json", tmp_path / "told.json", timeout_s=300)
    assert done.returncode == 0, done.stderr
    (verdict,) = msgspec.json.decode((tmp_path / "told.json").read_bytes(), type=list[Verdict])
    assert verdict.held is True
    assert verdict.happened in done.stdout
    assert run("bench.soak", "--only", "nothing").returncode != 0
