"""`report.html`: the morning's list with its evidence, in one file that needs nothing else."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from cloud.fleet import clusters, drawing
from cloud.fleet.cube import DAY_MS
from cloud.fleet.daily import FLOW, OUT, possible
from cloud.fleet.findings import BEHAVIOUR, DATA, Finding, moment, ranked
from cloud.fleet.heating import Judged, Settings
from cloud.fleet.robust import Array, median, quantiles

STYLE = Path(__file__).with_name("report.css")
# Sites drawn; the table and findings.csv hold all.
DRAWN = 150
LISTED = 1000
PEERS = 300
POINTS = 700
TITLES = ("Outdoor °C", "Room °C", "Flow °C")


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


def heating(judged: Judged, settings: Settings) -> Page:
    """The page of a heating fleet."""
    cube, found = judged.cube, judged.findings
    behaviour = [each for each in ranked(found) if each.kind == BEHAVIOUR]
    end_ms = cube.start_ms + cube.days * DAY_MS
    cost = sum(each.cost_per_day for each in behaviour)
    data = {each.installation for each in found if each.kind == DATA}
    money = settings.costs.currency
    return Page(
        title="Heating fleet",
        lead=f"{moment(cube.start_ms)[:10]} to {moment(end_ms - 1)[:10]}, {len(cube.installations):,} installations, "
        f"a value every {cube.step_min} min. Times are UTC.",
        figures=[
            ("need a visit", f"{len(behaviour):,}"),
            ("cost of waiting, a day", f"{cost:,.0f} {escape(money)}"),
            ("with data to be put right", f"{len(data):,}"),
            ("kinds of installation", f"{len(judged.clusters.names)}"),
        ],
        findings=found,
        currency=money,
        sites=_Sites(judged).drawn(behaviour[:DRAWN], money),
        after=[_clusters(judged), _moved(judged), _method(judged, settings)],
    )


class _Sites:
    """Draws installations against the band of their cluster; each cluster's band is made once."""

    def __init__(self, judged: Judged) -> None:
        self._judged = judged
        self._place = {name: row for row, name in enumerate(judged.cube.installations)}
        flagged = {each.installation for each in judged.findings if each.kind == BEHAVIOUR}
        self._healthy = np.array([name not in flagged for name in judged.cube.installations])
        slots = judged.cube.days * judged.cube.values.shape[3]
        self._every = max(1, -(-slots // POINTS))
        self._bands: dict[int, tuple[list[Array], tuple[Array, Array]]] = {}

    def drawn(self, findings: list[Finding], currency: str) -> list[str]:
        return [self._site(each, currency) for each in findings]

    def _series(self, values: Array) -> Array:
        """Installation × signal × point: means over as many slots as fit the width."""
        flat = possible(values.reshape(*values.shape[:2], -1))
        points = flat.shape[2] // self._every
        shaped = flat[:, :, : points * self._every].reshape(*flat.shape[:2], points, self._every)
        return median(shaped) if self._every > 1 else shaped[..., 0]

    def _peers(self, cluster: int) -> tuple[list[Array], tuple[Array, Array]]:
        if cluster not in self._bands:
            of = self._judged.clusters.of
            rows = np.flatnonzero(((of == cluster) if cluster >= 0 else (of >= 0)) & self._healthy)
            rows = rows if len(rows) >= 3 else np.flatnonzero(self._healthy)
            rows = rows[:: max(1, len(rows) // PEERS)]
            series = self._series(self._judged.cube.values[rows])
            bands = quantiles(np.moveaxis(series, 0, -1), 0.1, 0.5, 0.9)
            days = self._judged.daily.middle[rows]
            cloud = days[:, :, OUT].ravel(), days[:, :, FLOW].ravel()
            thin = max(1, len(cloud[0]) // 350)
            self._bands[cluster] = bands, (cloud[0][::thin], cloud[1][::thin])
        return self._bands[cluster]

    def _site(self, finding: Finding, currency: str) -> str:
        judged, row = self._judged, self._place[finding.installation]
        cluster = int(judged.clusters.of[row])
        bands, cloud = self._peers(cluster)
        own = self._series(judged.cube.values[row : row + 1])[0]
        panels = [
            drawing.Panel(title, own[s], (bands[0][s], bands[1][s], bands[2][s])) for s, title in enumerate(TITLES)
        ]
        step = judged.cube.step_min * 60_000 * self._every
        name, fault = escape(finding.installation), words(finding.fault)
        chart = drawing.over_time(
            panels, judged.cube.start_ms, step, (finding.start_ms, finding.end_ms), f"{name}: {fault}"
        )
        days = judged.daily.middle[row]
        curve = drawing.scatter(
            (days[:, OUT], days[:, FLOW]), cloud, ("outdoor °C, day's median", "Flow °C"), f"{name}: flow over outdoor"
        )
        where = f"cluster {judged.clusters.names[cluster]}" if cluster >= 0 else "no cluster"
        return (
            f'<section class="site" id="{name}"><header><h3>{name}</h3><span class="fault">{fault}</span>'
            f'<span class="soft">{where}, score {finding.score:.1f}</span>'
            f'<span class="cost">{finding.cost_per_day:.2f} {escape(currency)} a day</span></header>'
            f'<p>{escape(finding.why)}</p><div class="charts">{chart}{curve}</div></section>'
        )


def _clusters(judged: Judged) -> str:
    groups = judged.clusters
    rows = []
    for place, (name, size) in enumerate(zip(groups.names, groups.sizes(), strict=True)):
        rows.append(
            f'<tr><td class="name">{name}</td><td class="number">{size:,}</td>'
            f"<td>{escape(clusters.describe(groups, place))}</td></tr>"
        )
    head = '<tr><th>Cluster</th><th class="number">Installations</th><th>What sets it apart</th></tr>'
    return (
        "<h2>Kinds of installation</h2><p>A cluster keeps its name from night to night.</p>"
        f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>'
    )


def _moved(judged: Judged) -> str:
    if not judged.moved:
        return ""
    now = dict(zip(judged.cube.installations, judged.clusters.of.tolist(), strict=True))
    listed = [
        f"{escape(name)} ({before} → {judged.clusters.names[now[name]]})"
        for name, before in sorted(judged.moved.items())[:200]
    ]
    return f"<h2>Moved to another cluster since the last analysis</h2><p>{', '.join(listed)}</p>"


def _method(judged: Judged, settings: Settings) -> str:
    costs, usual = settings.costs, judged.usual
    return (
        "<h2>How it was judged</h2>"
        f"<p>At most {settings.false_alarm_rate:.1%} of healthy installations are flagged by chance; a score of 3 "
        "means that one healthy installation in a thousand would look as bad. Outdoor sensors are compared with peers "
        f"of the same climate at the same hour ({len(judged.climates.series)} climates in this fleet). The fleet's "
        f"usual room is {usual.room[0]:.1f} °C; its heating curves have {usual.response[0]:.0%} of the slope that "
        "their level asks for.</p>"
        f"<p>Costs are assumptions: {costs.price_per_kwh:g} {escape(costs.currency)} per kWh of heat, "
        f"{costs.heat_per_kelvin:g} kWh a day for each K between room and outdoors, and per fault a share of the day's "
        "heat and a fixed sum. Give your own with --costs.</p>"
    )
