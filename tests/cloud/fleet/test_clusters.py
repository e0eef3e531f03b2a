from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.domain.errors import BadSetup
from cloud.fleet import clusters, state


def three_kinds(seed: int, sizes: tuple[int, ...] = (60, 40, 25)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = np.array([[20, 0, 0.5, 0.8, 0, 0], [20, 0, -0.7, 0.8, 1.0, 0], [18, 1.5, 0.5, 0.8, 0, 2.0]])
    kind = np.repeat(np.arange(3), sizes)
    return centres[kind] + rng.normal(0, 0.08, (len(kind), 6)), kind


def everybody(table: np.ndarray) -> np.ndarray:
    return np.ones(len(table), dtype=bool)


def test_kinds_are_found_and_named_by_size() -> None:
    table, kind = three_kinds(1)
    found = clusters.group(table, everybody(table))
    assert found.names == ["A", "B", "C"]
    assert found.of.tolist() == kind.tolist()
    assert found.sizes() == [60, 40, 25]


def test_names_stay_from_night_to_night_even_when_sizes_change() -> None:
    first = clusters.group(*(table := three_kinds(1)[0], everybody(table)))
    known = dict(zip(first.names, first.centres.tolist(), strict=True))
    table, kind = three_kinds(2, (25, 60, 40))
    again = clusters.renamed(clusters.group(table, everybody(table), scale=first.scale), known)
    assert [again.names[place] for place in again.of] == ["ABC"[each] for each in kind]


def test_a_new_kind_gets_a_new_letter() -> None:
    table, _ = three_kinds(1)
    first = clusters.group(table, everybody(table))
    known = dict(zip(first.names, first.centres.tolist(), strict=True))
    fresh = np.vstack([table[:100], table[:25] + np.array([0, 0, 0, -0.8, 0, -4])])
    found = clusters.renamed(clusters.group(fresh, everybody(fresh), scale=first.scale), known)
    assert {"A", "B"} < set(found.names)
    assert "C" not in found.names


def test_faulty_ones_do_not_shape_the_kinds() -> None:
    table, kind = three_kinds(1)
    table[:10] += 50
    found = clusters.group(table, everybody(table), teachers=np.arange(len(table)) >= 10)
    assert len(found.names) == 3
    assert found.of[10:].tolist() == kind[10:].tolist()
    assert (found.distance[:10] > 3).all()


def test_unknown_features_and_unusable_rows() -> None:
    table, _ = three_kinds(1)
    table[3] = np.nan
    usable = everybody(table)
    usable[5] = False
    found = clusters.group(table, usable)
    assert found.of[5] == -1
    assert found.of[3] >= 0
    assert np.isfinite(found.distance).all()


def test_who_moved_is_news() -> None:
    table, _ = three_kinds(1)
    found = clusters.group(table, everybody(table))
    names = [f"{i}" for i in range(len(table))]
    before = {name: found.names[place] for name, place in zip(names, found.of, strict=True)} | {"7": "C", "gone": "A"}
    assert clusters.moved(found, names, before) == {"7": "C"}


def test_clusters_of_very_few_are_exceptions() -> None:
    table, kind = three_kinds(1, (200, 120, 2))
    found = replace(clusters.group(table, everybody(table)), of=kind, names=["A", "B", "C"])
    assert np.flatnonzero(found.tiny()).tolist() == [320, 321]
    assert not replace(found, of=np.where(kind == 2, -1, kind)).tiny().any()


def test_the_state_comes_back(tmp_path: Path) -> None:
    table, _ = three_kinds(1)
    found = clusters.group(table, everybody(table))
    names = [f"{i}" for i in range(len(table))]
    path = tmp_path / "state.json"
    assert state.read(path) == state.State()
    state.write(path, found, names, state.State())
    back = state.read(path)
    assert back.scale == found.scale
    assert back.members["0"] == "A"
    assert np.allclose(list(back.centres.values()), found.centres, atol=1e-6)
    assert back.known_to(names) is back
    assert back.known_to([f"other{i}" for i in range(20)]) == state.State()
    assert state.read(path, ("other", "features")) == state.State()


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 9}'])
def test_a_damaged_state_is_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(BadSetup, match=r"state\.json"):
        state.read(path)


def test_names_stay_over_many_nights_of_arrivals_and_departures(tmp_path: Path) -> None:
    rng, path = np.random.default_rng(7), tmp_path / "state.json"
    centres = {"radiators": (0.0, 0.0), "floor": (6.0, 1.0), "offices": (-1.0, 7.0)}
    living = {f"h{i}": kind for i, kind in enumerate(["radiators"] * 90 + ["floor"] * 60 + ["offices"] * 30)}
    own = {name: rng.normal(0, 0.5, 2) for name in living}
    known: dict[str, str] = {}
    for night in range(8):
        if night:
            for name in rng.choice(sorted(living), 9, replace=False):
                del living[name]
            # The smallest kind grows until it is the largest: its name stays all the same.
            living |= {f"h{night}_{i}": "offices" for i in range(25)}
            own |= {name: rng.normal(0, 0.5, 2) for name in living if name not in own}
        names = sorted(living)
        table = np.array([centres[living[name]] + own[name] for name in names])
        table += rng.normal(0, 0.05, table.shape) + 0.01 * night
        before = state.read(path, ("a", "b")).known_to(names)
        everyone = np.ones(len(names), dtype=bool)
        found = clusters.group(table, everyone, None, before.scale, ("a", "b"), before.living(names))
        found = clusters.renamed(found, before.centres)
        called = [found.names[place] for place in found.of.tolist()]
        usual = {
            kind: max(called, key=[c for n, c in zip(names, called, strict=True) if living[n] == kind].count)
            for kind in centres
        }
        assert len(clusters.moved(found, names, before.members)) <= 0.03 * len(names)
        known = known or usual
        assert usual == known
        state.write(path, found, names, before)
    assert sum(kind == "offices" for kind in living.values()) > sum(kind == "radiators" for kind in living.values())
