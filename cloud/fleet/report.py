"""`report.html`: the morning's list with its evidence, in one file that needs nothing else."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cloud.fleet import clusters, drawing
from cloud.fleet.cube import Cube
from cloud.fleet.findings import BEHAVIOUR, DATA, Finding, moment, ranked
from cloud.fleet.robust import Array, median, quantiles

STYLE = Path(__file__).with_name("report.css")
# Sites drawn; the table and findings.csv hold all.
DRAWN = 150
LISTED = 1000
PEERS = 300
POINTS = 700


@dataclass(frozen=True, slots=True)
class Page:
    """The parts that heating and power reports share: heading, figures, findings and what follows them."""

    title: str
    lead: str
    figures: list[tuple[str, str]]
    findings: list[Finding]
    currency: str
    sites: list[str]
    after: list[str]


def write(page: Page, path: Path) -> None:
    """Write the page whole or not at all."""
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(html(page), encoding="utf-8")
    aside.replace(path)


def html(page: Page) -> str:
    """The whole document."""
    figures = "".join(f'<div class="figure"><b>{value}</b><span>{name}</span></div>' for name, value in page.figures)
    behaviour = [each for each in ranked(page.findings) if each.kind == BEHAVIOUR]
    data = [each for each in ranked(page.findings) if each.kind == DATA]
    drawn = {each.installation for each in behaviour[:DRAWN]} if page.sites else set()
    nothing = "<p>Nothing stands out from the fleet at the stated false-alarm rate.</p>"
    key = (
        '<p class="key"><span><i class="k-own"></i>this installation</span>'
        '<span><i class="k-band"></i>its cluster at the same hour, 10 to 90 %</span>'
        '<span><i class="k-shade"></i>days that show the fault</span></p>'
    )
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(page.title)}</title><style>{STYLE.read_text(encoding='utf-8')}</style></head><body><main>",
        f'<h1>{escape(page.title)}</h1><p class="lead">{escape(page.lead)}</p><div class="figures">{figures}</div>',
        f"<h2>Needs a visit</h2>{table(behaviour, page.currency, drawn) if behaviour else nothing}",
        f"<h2>What shows it</h2>{key}" + "".join(page.sites) if page.sites else "",
        f"<h2>Data to be put right</h2>{table(data, page.currency, set())}" if data else "",
        *page.after,
        "</main></body></html>\n",
    ]
    return "".join(parts)


def table(findings: list[Finding], currency: str, drawn: set[str]) -> str:
    """Findings as rows, the first `LISTED` of them."""
    costs = any(each.cost_per_day for each in findings)
    head = "<tr><th>Installation</th><th>Fault</th><th>Why</th><th>From</th><th>To</th>"
    head += f'<th class="number">{escape(currency)} a day</th><th class="number">Score</th></tr>' if costs else "</tr>"
    rows = []
    for each in findings[:LISTED]:
        name = escape(each.installation)
        shown = f'<a href="#{name}">{name}</a>' if each.installation in drawn else name
        row = f'<tr><td class="name">{shown}</td><td class="name">{words(each.fault)}</td><td>{escape(each.why)}</td>'
        row += f'<td class="name">{moment(each.start_ms)[:10]}</td><td class="name">{_last_day(each)}</td>'
        if costs:
            row += f'<td class="number">{each.cost_per_day:.2f}</td><td class="number">{each.score:.1f}</td>'
        rows.append(row + "</tr>")
    more = len(findings) - LISTED
    note = f'<p class="soft">{more:,} more in findings.csv.</p>' if more > 0 else ""
    return f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>{note}'


def words(fault: str) -> str:
    """A fault's code as a person reads it.

    >>> words("no_heat")
    'no heat'
    """
    return fault.replace("_", " ")


def _last_day(finding: Finding) -> str:
    return moment(max(finding.end_ms - 1, finding.start_ms))[:10]


@dataclass(frozen=True, slots=True)
class View:
    """What sites are drawn from. `scale`: by installation and signal, what a value is multiplied with for the picture.

    `answer`: per installation and day, the two numbers that the scatter shows, with the names of both axes.
    """

    cube: Cube
    clusters: clusters.Clusters
    findings: list[Finding]
    titles: tuple[str, ...]
    scale: Array
    answer: tuple[Array, Array]
    answer_names: tuple[str, str]


class Sites:
    """Draws installations against the band of their cluster; each cluster's band is made once."""

    def __init__(self, view: View) -> None:
        self._view = view
        cube = view.cube
        self._place = {name: row for row, name in enumerate(cube.installations)}
        flagged = {each.installation for each in view.findings if each.kind == BEHAVIOUR}
        self._healthy = np.array([name not in flagged for name in cube.installations])
        self._every = max(1, -(-cube.days * cube.values.shape[3] // POINTS))
        self._bands: dict[int, tuple[list[Array], tuple[Array, Array]]] = {}

    def drawn(self, findings: list[Finding], currency: str) -> list[str]:
        """A section per finding; one of a whole town has no curve of its own."""
        return [self._site(each, currency) for each in findings if each.installation in self._place]

    def _series(self, rows: NDArray[np.int64]) -> Array:
        """Installation × signal × point: medians over as many slots as fit the width."""
        values = self._view.cube.values[rows] * self._view.scale[rows][:, :, None, None]
        flat = values.reshape(*values.shape[:2], -1)
        points = flat.shape[2] // self._every
        shaped = flat[:, :, : points * self._every].reshape(*flat.shape[:2], points, self._every)
        return median(shaped) if self._every > 1 else np.asarray(shaped[..., 0])

    def _peers(self, cluster: int) -> tuple[list[Array], tuple[Array, Array]]:
        if cluster not in self._bands:
            of = self._view.clusters.of
            rows = np.flatnonzero(((of == cluster) if cluster >= 0 else (of >= 0)) & self._healthy)
            rows = rows if len(rows) >= 3 else np.flatnonzero(self._healthy)
            rows = rows[:: max(1, len(rows) // PEERS)]
            bands = quantiles(np.moveaxis(self._series(rows), 0, -1), 0.1, 0.5, 0.9)
            cloud = tuple(part[rows].ravel() for part in self._view.answer)
            thin = max(1, len(cloud[0]) // 350)
            self._bands[cluster] = bands, (cloud[0][::thin], cloud[1][::thin])
        return self._bands[cluster]

    def _site(self, finding: Finding, currency: str) -> str:
        view, row = self._view, self._place[finding.installation]
        cluster = int(view.clusters.of[row])
        bands, cloud = self._peers(cluster)
        own = self._series(np.array([row]))[0]
        panels = [
            drawing.Panel(title, own[s], (bands[0][s], bands[1][s], bands[2][s])) for s, title in enumerate(view.titles)
        ]
        step = view.cube.step_min * 60_000 * self._every
        name, fault = escape(finding.installation), words(finding.fault)
        shaded = finding.start_ms, finding.end_ms
        chart = drawing.over_time(panels, view.cube.start_ms, step, shaded, f"{name}: {fault}")
        answer = view.answer[0][row], view.answer[1][row]
        label = f"{name}: {view.answer_names[1]} over {view.answer_names[0]}"
        side = drawing.scatter(answer, cloud, view.answer_names, label, len(panels))
        where = f"cluster {view.clusters.names[cluster]}" if cluster >= 0 else "no cluster"
        return (
            f'<section class="site" id="{name}"><header><h3>{name}</h3><span class="fault">{fault}</span>'
            f'<span class="soft">{where}, score {finding.score:.1f}</span>'
            f'<span class="cost">{finding.cost_per_day:.2f} {escape(currency)} a day</span></header>'
            f'<p>{escape(finding.why)}</p><div class="charts">{chart}{side}</div></section>'
        )
