"""The files of the published method: the tree as a picture and as a table, the distances, the labels it writes."""

from pathlib import Path

import matplotlib as mpl
import polars as pl
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from cloud.fleet.published import THRESHOLD, Published
from cloud.fleet.samples import write_whole

MAX_LABELLED = 400


def write(result: Published, folder: Path) -> list[Path]:
    """`cluster.png`, `ts_anomalies.csv`, `linkage.csv` (`a,b,height,size`) and `distances.parquet` (square, named)."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ("cluster.png", "ts_anomalies.csv", "linkage.csv", "distances.parquet")]
    _picture(result, paths[0])
    # As R's write.csv writes it: quoted, with row numbers.
    rows = "".join(f'"{number}","{label}"\n' for number, label in enumerate(result.anomalies, 1))
    paths[1].write_text('"","NumInstallation"\n' + rows, encoding="utf-8")
    _linkage(result).write_csv(paths[2])
    square = pl.DataFrame(result.square(), schema=result.labels)
    write_whole(square.insert_column(0, pl.Series("installation", result.labels)), paths[3])
    return paths


def _linkage(result: Published) -> pl.DataFrame:
    table = pl.DataFrame(result.tree.linkage(), schema=["a", "b", "height", "size"])
    return table.with_columns(pl.col("a", "b", "size").cast(pl.Int64))


def _coordinates(result: Published) -> tuple[list[list[float]], list[list[float]]]:
    """The brackets of the tree, drawn in R's leaf order: x and y of each."""
    leaves = len(result.labels)
    place = [0.0] * (2 * leaves - 1)
    for position, leaf in enumerate(result.tree.order.tolist()):
        place[leaf] = float(position)
    height = [0.0] * leaves + result.tree.height.tolist()
    xs, ys = [], []
    for row, pair in enumerate(result.tree.merge.tolist()):
        a, b = (-i - 1 if i < 0 else leaves + i - 1 for i in pair)
        place[leaves + row] = (place[a] + place[b]) / 2
        top = height[leaves + row]
        xs.append([place[a], place[a], place[b], place[b]])
        ys.append([height[a], top, top, height[b]])
    return xs, ys


def _picture(result: Published, path: Path) -> None:
    """The dendrogram; where a few merges tower over the rest, the rest is drawn once more at its own scale."""
    leaves, heights = len(result.labels), result.tree.height
    living = heights[heights <= THRESHOLD]
    towers = bool(len(living)) and len(living) < len(heights)
    with mpl.rc_context({"font.family": "DejaVu Sans", "font.size": 9}):
        # As high as a quarter of its width, so that the lowest merges of a wide one can be told apart.
        width = min(max(9.0, 0.17 * leaves), 60.0)
        height = max(8.2 if towers else 5.6, min(width / 4, 12.0))
        figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
        panels = figure.subplots(
            2 if towers else 1, sharex=True, squeeze=False, height_ratios=[2, 3] if towers else [1]
        )
        for axes in panels[:, 0]:
            _tree(axes, result)
        axes = panels[-1, 0]
        if towers:
            axes.set_ylim(top=float(living.max()) * 1.12 + 1e-6)
        panels[0, 0].axhline(THRESHOLD, color="#c96f4a", linewidth=0.8, linestyle="--")
        title = f"{leaves} installations, complete linkage of weighted PACF distances"
        panels[0, 0].set_title(title, loc="left")
        if leaves <= MAX_LABELLED:
            names = [result.labels[leaf] for leaf in result.tree.order.tolist()]
            axes.set_xticks(range(leaves), names, rotation=90, fontsize=6.5)
        else:
            axes.set_xticks([])
        figure.savefig(path)


def _tree(axes: Axes, result: Published) -> None:
    xs, ys = _coordinates(result)
    brackets = [list(zip(x, y, strict=True)) for x, y in zip(xs, ys, strict=True)]
    colours = ["#8f2d14" if y[1] > THRESHOLD else "#33414d" for y in ys]
    axes.add_collection(LineCollection(brackets, colors=colours, linewidths=0.9, clip_on=True))
    axes.set_ylim(0, max(map(max, ys)) * 1.05 + 1e-6)
    axes.set_ylabel("height")
    axes.set_xlim(-1, len(result.labels))
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="x", length=0)
