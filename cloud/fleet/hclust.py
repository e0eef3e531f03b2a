"""Complete-linkage clustering exactly as R's `hclust` does it: same merges, same heights, same leaf order.

R (since 3.1) stores merges in the order its nearest-neighbour list finds them, breaks ties by the lowest index, and
builds the leaf order from the merge matrix with singletons before clusters and earlier clusters before later ones.
F. Murtagh, "Multidimensional Clustering Algorithms", 1985, is the source of R's algorithm. SciPy's own complete
linkage gives the same heights but other merges and leaves where distances tie.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import squareform

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tree:
    """`merge` is R's matrix: −i is leaf i (from 1), +j the cluster of row j (from 1). `order` counts leaves from 0."""

    merge: Ints
    height: Floats
    order: Ints

    def linkage(self) -> Floats:
        """The same tree as SciPy writes it: a, b, height, size; clusters are numbered from the leaf count on."""
        leaves = len(self.height) + 1
        rows = np.empty((leaves - 1, 4))
        sizes = np.ones(2 * leaves - 1)
        for row, pair in enumerate(self.merge):
            a, b = sorted(-i - 1 if i < 0 else leaves + i - 1 for i in pair.tolist())
            sizes[leaves + row] = sizes[a] + sizes[b]
            rows[row] = a, b, self.height[row], sizes[leaves + row]
        return rows


def complete(condensed: Floats) -> Tree:
    """The tree of the distances in SciPy's condensed form. Time O(n²), memory one square matrix.

    >>> complete(np.array([1.0, 5.0, 4.0])).height.tolist()
    [1.0, 5.0]
    """
    pairs, height = _agglomerate(squareform(condensed))
    merge = _merge_matrix(pairs)
    return Tree(merge, height, _leaf_order(merge))


def _agglomerate(square: Floats) -> tuple[Ints, Floats]:
    """R's merges as pairs of the lowest leaf of each side, and their heights. Uses up `square`."""
    count = len(square)
    np.fill_diagonal(square, np.inf)
    alive = np.ones(count, dtype=bool)
    nearest = np.full(count, -1)
    nearest_distance = np.full(count, np.inf)

    def find_nearest(row: int) -> None:
        # Only later indices count, and the first of equals wins: R's tie rule.
        nearest[row] = row + 1 + int(square[row, row + 1 :].argmin())
        nearest_distance[row] = square[row, nearest[row]]

    for row in range(count - 1):
        find_nearest(row)
    pairs, height = np.empty((count - 1, 2), dtype=np.int64), np.empty(count - 1)
    for step in range(count - 1):
        low = int(nearest_distance.argmin())
        high = int(nearest[low])
        pairs[step], height[step] = (low, high), nearest_distance[low]
        alive[high] = False
        nearest_distance[high] = np.inf
        merged = np.maximum(square[low], square[high])
        square[low], square[:, low] = merged, merged
        square[high], square[:, high] = np.inf, np.inf
        stale = alive & ((nearest == low) | (nearest == high))
        stale[low], stale[count - 1] = low < count - 1, False
        for row in np.flatnonzero(stale).tolist():
            find_nearest(row)
    return pairs, height


def _merge_matrix(pairs: Ints) -> Ints:
    cluster_of: dict[int, int] = {}
    merge = np.empty_like(pairs)
    for step, (low, high) in enumerate(pairs.tolist()):
        a, b = cluster_of.get(low, -(low + 1)), cluster_of.get(high, -(high + 1))
        if (a > 0 and b < 0) or (a > 0 and a > b):
            a, b = b, a
        merge[step] = a, b
        cluster_of[low] = step + 1
    return merge


def _leaf_order(merge: Ints) -> Ints:
    order: list[int] = []
    waiting = [len(merge)]
    while waiting:
        item = waiting.pop()
        if item < 0:
            order.append(-item - 1)
        else:
            a, b = merge[item - 1].tolist()
            waiting += [b, a]
    return np.array(order, dtype=np.int64)
