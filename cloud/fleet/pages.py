"""The pages of `report.html`: a heating fleet, and a fleet of solar + battery homes."""

from html import escape

import numpy as np

from cloud.fleet import clusters, heating, power
from cloud.fleet.cube import DAY_MS, Cube
from cloud.fleet.daily import FLOW, HEATING, OUT
from cloud.fleet.findings import BEHAVIOUR, DATA, moment, ranked
from cloud.fleet.heating import Settings
from cloud.fleet.power_daily import POWER, PV
from cloud.fleet.report import DRAWN, Page, Sites, View

HEATING_TITLES = ("Outdoor °C", "Room °C", "Flow °C")
POWER_TITLES = ("PV, share of its peak", "Load kW", "Battery kW, charging up", "Charge %")


def of_heating(judged: heating.Judged, settings: Settings) -> Page:
    """The page of a heating fleet."""
    middle = judged.daily.middle
    view = View(
        judged.cube, judged.clusters, judged.findings, HEATING_TITLES,
        np.ones((len(judged.cube.installations), len(HEATING)), dtype=np.float32),
        (middle[:, :, OUT], middle[:, :, FLOW]), ("outdoor °C, day's median", "Flow °C"),
    )  # fmt: skip
    after = [
        _clusters(judged.clusters),
        _moved(judged.moved, judged.clusters, judged.cube),
        _heating_method(judged, settings),
    ]
    return _page("Heating fleet", view, settings, after)


def of_power(judged: power.Judged, settings: Settings) -> Page:
    """The page of a fleet of homes."""
    scale = np.full((len(judged.cube.installations), len(POWER)), 1e-3, dtype=np.float32)
    scale[:, PV] = 1 / np.nan_to_num(judged.peak, nan=1000.0)
    scale[:, -1] = 1
    daily = judged.daily
    view = View(
        judged.cube, judged.clusters, judged.findings, POWER_TITLES, scale,
        (daily.expected, daily.made), ("peers' hours of full sun a day", "Own hours of full sun"),
    )  # fmt: skip
    after = [_clusters(judged.clusters), _moved(judged.moved, judged.clusters, judged.cube), _power_method(settings)]
    return _page("Solar and battery homes", view, settings, after)


def _page(title: str, view: View, settings: Settings, after: list[str]) -> Page:
    cube, found = view.cube, view.findings
    behaviour = [each for each in ranked(found) if each.kind == BEHAVIOUR]
    data = {each.installation for each in found if each.kind == DATA}
    money, end_ms = settings.costs.currency, cube.start_ms + cube.days * DAY_MS
    every = f"a value every {cube.step_min} min" if cube.hold is None else "values on change or at times of their own"
    return Page(
        title=title,
        lead=f"{moment(cube.start_ms)[:10]} to {moment(end_ms - 1)[:10]}, {len(cube.installations):,} installations, "
        f"{every}. Times are UTC.",
        figures=[
            ("need a visit", f"{len(behaviour):,}"),
            ("cost of waiting, a day", f"{sum(each.cost_per_day for each in behaviour):,.0f} {escape(money)}"),
            ("with data to be put right", f"{len(data):,}"),
            ("kinds of installation", f"{len(view.clusters.names)}"),
        ],
        findings=found,
        currency=money,
        sites=Sites(view).drawn(behaviour[:DRAWN], money),
        after=after,
    )


def _clusters(groups: clusters.Clusters) -> str:
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


def _moved(moved: dict[str, str], groups: clusters.Clusters, cube: Cube) -> str:
    if not moved:
        return ""
    now = dict(zip(cube.installations, groups.of.tolist(), strict=True))
    listed = [f"{escape(name)} ({old} → {groups.names[now[name]]})" for name, old in sorted(moved.items())[:200]]
    return f"<h2>Moved to another cluster since the last analysis</h2><p>{', '.join(listed)}</p>"


def _heating_method(judged: heating.Judged, settings: Settings) -> str:
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


def _power_method(settings: Settings) -> str:
    costs = settings.costs
    return (
        "<h2>How it was judged</h2>"
        f"<p>At most {settings.false_alarm_rate:.1%} of healthy homes are flagged by chance. Panels are compared with "
        "those homes whose clouds come at the same hours, per W of their peak: what all of them see is weather.</p>"
        f"<p>Costs are lost energy at {costs.feed_in_per_kwh:g} {escape(costs.currency)} per kWh fed in and "
        f"{costs.import_per_kwh:g} bought. Give your own with --costs.</p>"
    )
