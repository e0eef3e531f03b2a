"""The pages' addresses: what is asked of the store for each."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse

from cloud.dashboard import fleet_view, formats, incident_view, site_view, tables, words
from cloud.dashboard.ahead import ahead_lines
from cloud.dashboard.rendering import rendered
from cloud.ports import Clock, FleetReader, IncidentDesk, Site

router = APIRouter()
MAX_FAULTS = 300
MAX_SITES = 500
_SITE_FAULTS = 50
_SHADED = 500


async def _reader(request: Request) -> Any:
    return request.app.state.reader


async def _clock(request: Request) -> Any:
    return request.app.state.clock


Reader = Annotated[FleetReader, Depends(_reader)]
Now = Annotated[Clock, Depends(_clock)]
Text = Annotated[str, Query(max_length=100)]


def _fleet(reader: FleetReader, clock: Clock, query: fleet_view.Query) -> dict[str, Any]:
    sites, now_ms = reader.sites(), clock.now_ms()
    rows = fleet_view.rows(sites, query, now_ms)
    return {
        "rows": rows[:MAX_SITES],
        "found": len(rows),
        "counts": fleet_view.counts(sites, now_ms),
        "query": query,
    }


def _query(
    q: Text = "", show: fleet_view.Show = "all", sort: fleet_view.Sort = "attention", order: fleet_view.Order = "up"
) -> fleet_view.Query:
    return fleet_view.Query(q, show, sort, order == "down")


Asked = Annotated[fleet_view.Query, Depends(_query)]


@router.get("/")
def fleet(request: Request, reader: Reader, clock: Now, query: Asked) -> HTMLResponse:
    """All sites, those that need attention first."""
    return rendered(request, "fleet.html", _fleet(reader, clock, query))


@router.get("/fleet/table")
def fleet_table(request: Request, reader: Reader, clock: Now, query: Asked) -> HTMLResponse:
    """The same page's changing part."""
    return rendered(request, "_fleet.html", _fleet(reader, clock, query))


@router.get("/sites/{device}")
def site(request: Request, device: str, reader: Reader, clock: Now, period: Text = "24h") -> HTMLResponse:
    """One site: now, its course, its faults, its reliability."""
    found, now_ms = _known(reader, device), clock.now_ms()
    content = _history(reader, found, period, now_ms)
    energy, measured = tables.energy_lines(reader, found, now_ms)
    content |= {
        "head": site_view.header(found, now_ms),
        "live": site_view.live(found, now_ms),
        "reliability": tables.reliability_lines(reader.reliability(device=device), found.timezone, now_ms),
        "ahead": ahead_lines(reader, found, now_ms),
        "incidents": _incidents(request, found, now_ms),
        "energy": energy,
        "measured": measured,
        "events": tables.event_lines(reader.events(device, tables.MAX_EVENTS), found.timezone, now_ms),
    }
    return rendered(request, "site.html", content)


def _incidents(request: Request, site: Site, now_ms: int) -> list[incident_view.IncidentLine]:
    """The open incidents that the site has a part in; none where the aggregator has no desk for them."""
    desk: IncidentDesk | None = request.app.state.incidents
    if desk is None:
        return []
    return [incident_view.line(one, {site.device: site}, now_ms) for one in desk.incidents((), site.device)]


@router.get("/sites/{device}/live")
def live(request: Request, device: str, reader: Reader, clock: Now) -> HTMLResponse:
    """What changes on a site's page every few seconds."""
    now_ms = clock.now_ms()
    found = _known(reader, device)
    content = {"head": site_view.header(found, now_ms), "live": site_view.live(found, now_ms)}
    return rendered(request, "_live.html", content)


@router.get("/sites/{device}/history")
def history(request: Request, device: str, reader: Reader, clock: Now, period: Text = "24h") -> HTMLResponse:
    """A site's charts and faults."""
    return rendered(request, "_history.html", _history(reader, _known(reader, device), period, clock.now_ms()))


def _known(reader: FleetReader, device: str) -> Site:
    found = reader.site(device)
    if found is None:
        raise HTTPException(404)
    return found


def _history(reader: FleetReader, found: Site, key: str, now_ms: int) -> dict[str, Any]:
    period = site_view.period_of(key)
    shaded = reader.faults(device=found.device, start_ms=now_ms - period.length_ms, end_ms=now_ms + 1, limit=_SHADED)
    newest = reader.faults(device=found.device, limit=_SITE_FAULTS)
    return {
        "device": found.device,
        "zone": formats.zone_of(found.timezone).key,
        "period": period,
        "periods": site_view.PERIODS,
        "charts": site_view.charts(reader, found, period, shaded, now_ms),
        "faults": tables.fault_lines(newest, {found.device: found}, now_ms),
    }


def _title(sites: Mapping[str, Site], device: str) -> str:
    return fleet_view.title_of(sites[device]) if device in sites else device


@router.get("/faults")
def faults(
    request: Request,
    reader: Reader,
    clock: Now,
    show: Annotated[Literal["active", "ended", "all"], Query()] = "active",
    code: Text = "",
    device: Annotated[str, Query(max_length=128)] = "",
    days: Annotated[int, Query(ge=0, le=3660)] = 0,
) -> HTMLResponse:
    """Faults of the whole fleet, newest first. `days` = 0 is the whole history."""
    now_ms = clock.now_ms()
    sites = {site.device: site for site in reader.sites()}
    rows = reader.faults(
        device=device or None,
        code=code or None,
        active=None if show == "all" else show == "active",
        start_ms=now_ms - days * formats.DAY_MS if days else None,
        limit=MAX_FAULTS + 1,
    )
    content = {
        "lines": tables.fault_lines(rows[:MAX_FAULTS], sites, now_ms),
        "more": len(rows) > MAX_FAULTS,
        "show": show,
        "code": code,
        "device": device,
        "days": days,
        "codes": sorted((words.fault_words(name).label, str(name)) for name in {*words.FAULT_WORDS, code} - {""}),
        "sites": sorted(((_title(sites, name), name) for name in {*sites, device} - {""}), key=str),
    }
    return rendered(request, "faults.html", content)
