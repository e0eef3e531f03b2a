import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import pdist, squareform

from cloud.fleet.hclust import Tree, complete

# Small integers make ties; twelve points make every kind of merge.
points = arrays(np.float64, st.tuples(st.integers(2, 12), st.just(2)), elements=st.integers(0, 6).map(float))


def naive(square: np.ndarray) -> list[float]:
    """Complete linkage by its definition, first of equals: the heights only."""
    clusters = [[i] for i in range(len(square))]
    heights = []
    while len(clusters) > 1:
        height, i, j = min(
            (max(square[a, b] for a in clusters[i] for b in clusters[j]), i, j)
            for i in range(len(clusters))
            for j in range(i + 1, len(clusters))
        )
        heights.append(height)
        clusters[i] = clusters[i] + clusters.pop(j)
    return heights


@given(points)
def test_heights_are_those_of_the_definition(xy: np.ndarray) -> None:
    condensed = pdist(xy)
    assert np.allclose(complete(condensed.copy()).height, naive(squareform(condensed)), atol=1e-12)


@given(arrays(np.float64, st.tuples(st.integers(2, 30), st.just(3)), elements=st.floats(0, 1), unique=True))
def test_without_ties_the_tree_is_scipys(xyz: np.ndarray) -> None:
    condensed = pdist(xyz)
    ours, theirs = complete(condensed.copy()).linkage(), linkage(condensed, "complete")
    if len(np.unique(condensed)) < len(condensed):
        return
    assert np.allclose(ours, theirs, atol=1e-12)


def check(tree: Tree) -> None:
    leaves = len(tree.height) + 1
    assert sorted(tree.order.tolist()) == list(range(leaves))
    assert (np.diff(tree.height) >= 0).all()
    assert tree.linkage()[-1, 3] == leaves
    for row, (a, b) in enumerate(tree.merge.tolist(), 1):
        assert a < row
        assert b < row
        assert (a, b) == ((max(a, b), min(a, b)) if a < 0 and b < 0 else (min(a, b), max(a, b)))


@given(points)
def test_a_tree_keeps_rs_rules(xy: np.ndarray) -> None:
    check(complete(pdist(xy)))


def test_the_input_is_left_alone() -> None:
    condensed = np.array([2.0, 3.0, 1.0])
    complete(condensed)
    assert condensed.tolist() == [2.0, 3.0, 1.0]


@pytest.mark.parametrize(
    ("condensed", "merge", "order"),
    [
        # hclust(as.dist(…)) of R 4.2.2: all equal; two pairs; a chain.
        ([1.0] * 6, [[-1, -2], [-3, 1], [-4, 2]], [3, 2, 0, 1]),
        ([1.0, 9.0, 9.0, 9.0, 9.0, 1.0], [[-1, -2], [-3, -4], [1, 2]], [0, 1, 2, 3]),
        ([5.0, 6.0, 7.0, 1.0, 2.0, 2.0], [[-2, -3], [-4, 1], [-1, 2]], [0, 3, 1, 2]),
    ],
)
def test_ties_and_order_as_r_has_them(condensed: list[float], merge: list[list[int]], order: list[int]) -> None:
    tree = complete(np.array(condensed))
    assert (tree.merge.tolist(), tree.order.tolist()) == (merge, order)
