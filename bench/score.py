"""The general detector against plain alternatives, on simulated rigs and series whose faults are known.

Usage: python -m bench.score [--rigs 100] [--series 6] [--first 3000] [--json]

The families are those of `bench.score_families` and `bench.score_series`; seeds from `--first` on were not used while
the detector was made. Figures are pooled over all rows of a family.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from agent.domain.anomaly import RowDetector
from bench import score_families, score_rigs, score_series
from bench.score_rigs import TRAIN, Array
from bench.score_series import Run, Series, streaming_score

Alarms = NDArray[np.bool_]
NOT_USED: Final = 3000
SETTLE: Final = 8


def ours(values: Array) -> Alarms:
    """Alarms of the detector."""
    detector = RowDetector(values.shape[1], TRAIN)
    return np.array([detector.update(i * 1000, row).alarm for i, row in enumerate(values.tolist())])


def z_score(values: Array) -> Alarms:
    """EWMA of the largest z-score, threshold at the training rows' 99th percentile."""
    normal = values[:TRAIN]
    return _smoothed(np.abs((values - normal.mean(0)) / (normal.std(0) + 1e-9)).max(1))


def pca(values: Array) -> Alarms:
    """EWMA of T² + Q of a PCA on the training rows, the threshold as in `z_score`."""
    normal = values[:TRAIN]
    z = (values - normal.mean(0)) / (normal.std(0) + 1e-9)
    weights, axes = np.linalg.eigh(np.cov(z[:TRAIN].T))
    keep = max(1, int((weights > 0.5).sum()))
    along = z @ axes
    t2 = (along[:, -keep:] ** 2 / weights[-keep:]).sum(1)
    q = (along[:, :-keep] ** 2).sum(1)
    return _smoothed(t2 / t2[:TRAIN].mean() + q / max(1e-9, q[:TRAIN].mean()))


def _smoothed(statistic: Array) -> Alarms:
    smooth = statistic.copy()
    for i in range(1, len(smooth)):
        smooth[i] = smooth[i - 1] + (smooth[i] - smooth[i - 1]) / SETTLE
    return smooth > float(np.quantile(smooth[:TRAIN], 0.99))


DETECTORS: Final[dict[str, Callable[[Array], Alarms]]] = {"score": ours, "EWMA z": z_score, "PCA": pca}


def independent_noise(rows: int = 1500, count: int = 8) -> float:
    """Share of rows in alarm where nothing changes: what `--false-alarm-rate` is about."""
    draw = np.random.default_rng(3)
    return float(np.mean([ours(draw.normal(size=(rows, 8)))[TRAIN:].mean() for _ in range(count)]))


def our_news(series: Series) -> Array:
    """Scores of the detector for one column."""
    detector = RowDetector(1, TRAIN)
    rows = zip(series.at_ms.tolist(), series.values.tolist(), strict=True)
    return np.array([detector.update(at_ms, [x]).score for at_ms, x in rows])


def running_z(series: Series) -> Array:
    """Distance from the mean of everything seen so far, in its standard deviations."""
    values = series.values
    n = np.arange(1, len(values) + 1)
    mean = np.cumsum(values) / n
    deviation = np.sqrt(np.maximum(np.cumsum(values**2) / n - mean**2, 1e-9))
    return np.asarray(np.abs(values - mean) / deviation)


def runs(family: str, judge: Callable[[Series], Array], seeds: range) -> Iterator[Run]:
    """Each series' scores with its windows."""
    for seed in seeds:
        series = score_series.FAMILIES[family](seed)
        yield judge(series), series.windows


def speed() -> float:
    """Rows per second of processor time, of eight signals, training included."""
    values = np.tile(score_rigs.water(1)[0], (5, 1))
    started = time.process_time()
    ours(values)
    return len(values) / (time.process_time() - started)


def _rigs(count: int, first: int) -> dict[str, Any]:
    seeds = range(first, first + count)
    return {
        family: {name: score_families.measure(detect, family, seeds) for name, detect in DETECTORS.items()}
        for family in score_families.FAMILIES
    }


def _series(count: int, first: int) -> dict[str, Any]:
    seeds = range(first, first + count)
    found: dict[str, Any] = {}
    for family in score_series.FAMILIES:
        own = list(runs(family, our_news, seeds))
        found[family] = {
            "score": streaming_score(own)[0],
            "score at 0.5": streaming_score(own, 0.5)[0],
            "running z": streaming_score(list(runs(family, running_z, seeds)))[0],
        }
    return found


def measure(rig_count: int, series_count: int, first: int = NOT_USED) -> dict[str, Any]:
    """All figures."""
    return {
        "rigs": _rigs(rig_count, first),
        "series": _series(series_count, first),
        "alarms_in_independent_noise": independent_noise(),
        "rows_per_s": speed(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.score", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rigs", type=int, default=100, help="rigs of each family")
    parser.add_argument("--series", type=int, default=6, help="series of each family")
    parser.add_argument("--first", type=int, default=NOT_USED, help="the first seed")
    parser.add_argument("--json", action="store_true", help="for scripts")
    arguments = parser.parse_args()
    found = measure(arguments.rigs, arguments.series, arguments.first)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    for family, detectors in found["rigs"].items():
        for name, figures in detectors.items():
            print(f"{family:10} {name:8} " + "  ".join(f"{key} {value:.3f}" for key, value in figures.items()))
    for family, points in found["series"].items():
        print(f"{family:9} " + "  ".join(f"{name} {value:.1f}" for name, value in points.items()))
    print(f"independent noise: {found['alarms_in_independent_noise']:.3f} of rows in alarm")
    print(f"{found['rows_per_s']:,.0f} rows/s")


if __name__ == "__main__":
    main()
