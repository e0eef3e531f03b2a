"""The bench of the learned model counts right, and an agent without a model loads nothing for one."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.model import days_of, outcome, rival
from bench.model_rivals import RIVALS
from bench.model_sites import AILING, HEALTHY, TRAIN, Case, Set, cases
from firmware_sim.years.unnamed import Ailment, Unnamed
from tests.helpers.learned_sites import heating

ROOT = Path(__file__).parents[2]


def test_a_finding_needs_two_days_and_ends_after_four() -> None:
    scores = [0, 2, 0, 2, 2, 0.8, 0, 0, 0, 0, 0]
    assert days_of(scores, 1.0).tolist() == [False] * 4 + [True] * 5 + [False] * 2


def test_only_a_finding_that_begins_with_the_failure_is_right() -> None:
    ailment = Ailment(Unnamed.PUMP_LOSING_HEAD, 0.0, 1e12, 1.0, 0.5)
    site = heating(1, 2)
    early, late, never, lasting = (np.zeros(400, dtype=np.bool_) for _ in range(4))
    early[50:60] = True
    late[210:220] = True
    lasting[190:210] = True
    judged = [(Case(site, ailment, 200), days) for days in (early, late, never, lasting)]
    told = outcome("x", [*judged, (Case(site, None, 400), early)], 21)
    assert told.found == {"pump_losing_head": 1}
    assert told.of == {"pump_losing_head": 4}
    assert told.delays == [10]
    assert told.false == 3
    assert told.years == pytest.approx((4 * 179 + 379) / 365)


@pytest.mark.parametrize("name", RIVALS)
def test_each_alternative_gives_a_score_a_day(name: str) -> None:
    if "river" in name:
        pytest.importorskip("river", reason="river is not installed")
    scores = RIVALS[name](heating(3, 70))
    assert scores.shape == (70,)
    assert np.isfinite(scores).all()


def test_an_alternative_gets_the_best_limit_it_could_have() -> None:
    sites = [
        Case(heating(n, 130, weak_from=100), Ailment(Unnamed.PUMP_LOSING_HEAD, 0.0, 1e12, 1.0, 0.5), 100)
        for n in range(3)
    ]
    perfect = rival("x", lambda site: np.where(np.arange(130) >= 100, 2.0, np.arange(130) / 500), sites)
    assert perfect.found == {"pump_losing_head": 3}
    assert perfect.false == 0


def test_sets_share_neither_seed_nor_year() -> None:
    judged = {each.start_s for each in (HEALTHY, *AILING.values())}
    seeds = [set(range(each.first, each.first + each.count)) for each in (*TRAIN, HEALTHY, AILING["home"])]
    assert sum(map(len, seeds)) == len(set().union(*seeds))
    assert all(each.start_s + each.days * 86_400 <= min(judged) + 50 * 86_400 for each in TRAIN)


def test_sites_are_simulated_once_and_kept(tmp_path: Path) -> None:
    small = Set("small", 3, 60, 1_738_368_000, 4, ailing=True)
    first, second = cases("home", small, tmp_path), cases("home", small, tmp_path)
    assert [case.ailment.kind for case in first if case.ailment] == list(Unnamed)[2:]
    for a, b in zip(first, second, strict=True):
        for name in a.site.signals:
            np.testing.assert_array_equal(a.site.signals[name], b.site.signals[name])


def test_without_a_model_nothing_is_loaded_for_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from bench.model_cost import child; child('none', '')"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["loaded_without_a_model"] == []
