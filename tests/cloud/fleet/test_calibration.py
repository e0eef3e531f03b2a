import numpy as np
import pytest

from cloud.fleet import calibration


@pytest.mark.parametrize("count", [60, 500, 5000])
@pytest.mark.parametrize("shape", ["normal", "uniform"])
def test_healthy_fleets_are_flagged_no_more_often_than_stated(count: int, shape: str) -> None:
    rng = np.random.default_rng(count)
    flagged = []
    for _ in range(40):
        severity = np.abs(rng.normal(0, 0.3, count)) if shape == "normal" else rng.uniform(0, 0.8, count)
        flagged.append((calibration.tail(severity.astype(np.float32)) < 0.01).mean())
    assert np.mean(flagged) < 0.0125


def test_a_few_faults_do_not_hide_themselves() -> None:
    severity = np.abs(np.random.default_rng(1).normal(0, 0.3, 100)).astype(np.float32)
    severity[:5] = 3.0
    assert (calibration.tail(severity)[:5] < 1e-4).all()


def test_score_is_the_logarithm_after_many_tests() -> None:
    assert calibration.score(np.array([1.0, 1e-3, 0.0]), 0.1).tolist() == pytest.approx(
        [0.0, 2.0, calibration.BEST_SCORE]
    )


def test_an_empty_fleet_has_a_bulk() -> None:
    assert calibration.bulk(np.array([], dtype=np.float32)).edge == 0


def test_the_same_quantiles_say_less_where_they_are_those_of_few() -> None:
    severity = np.linspace(0, 1, 61).astype(np.float32)
    few, many = calibration.bulk(severity), calibration.bulk(np.repeat(severity, 40))
    assert few.edge == pytest.approx(many.edge, abs=0.01)
    assert few.width > 1.08 * many.width
    bad = np.array([2.0], dtype=np.float32)
    assert calibration.tail(bad, few)[0] > calibration.tail(bad, many)[0]
