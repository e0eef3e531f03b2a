"""`clusters.csv`: who is in which cluster, how far from its centre, and where it was before."""

import csv
from pathlib import Path

from cloud.fleet.clusters import Clusters

COLUMNS = ("installation", "cluster", "distance", "before")


def write(groups: Clusters, installations: list[str], moved: dict[str, str], path: Path) -> None:
    """One row per installation; `distance` in standard deviations per feature, `before` only where it moved."""
    aside = path.with_name(f".{path.name}.part")
    with aside.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(COLUMNS)
        for name, place, distance in zip(installations, groups.of.tolist(), groups.distance.tolist(), strict=True):
            cluster = groups.names[place] if place >= 0 else ""
            rows.writerow([name, cluster, f"{distance:.3f}" if cluster else "", moved.get(name, "")])
    aside.replace(path)
