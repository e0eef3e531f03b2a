"""The addresses of incidents: the morning's list, one incident, and what is done about it."""

from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from agent.domain.errors import BadInput
from agent.domain.twin import StaleVersion
from cloud.dashboard import forms, incident_view, incident_words
from cloud.dashboard.pages import Now, Reader
from cloud.dashboard.rendering import rendered
from cloud.ports import Clock, FleetReader, Incident, IncidentChange, IncidentDesk

router = APIRouter()
MAX_ROWS: Final = 300
_YEAR_S: Final = 365 * 86_400
Shown = Literal["open", "new", "acknowledged", "visit_planned", "fixed", "dismissed", "all"]
Action = Literal["all", "visit", "remote", "maker", "wait"]
_STATES: Final[dict[str, tuple[str, ...]]] = {"open": (), "all": tuple(incident_words.STATE_WORDS)}


async def _desk(request: Request) -> Any:
    return request.app.state.incidents


Desk = Annotated[IncidentDesk, Depends(_desk)]


@router.get("/incidents")
def incidents(
    request: Request,
    desk: Desk,
    reader: Reader,
    clock: Now,
    show: Annotated[Shown, Query()] = "open",
    action: Annotated[Action, Query()] = "all",
    device: Annotated[str, Query(max_length=128)] = "",
) -> HTMLResponse:
    """What needs somebody today, the most urgent first."""
    now_ms = clock.now_ms()
    sites = {site.device: site for site in reader.sites()}
    open_ones = desk.incidents()
    asked = open_ones if show == "open" and not device else desk.incidents(_STATES.get(show, (show,)), device or None)
    found = [one for one in asked if action in ("all", one.action)]
    content = {
        "lines": incident_view.lines(found[:MAX_ROWS], sites, now_ms),
        "more": len(found) - MAX_ROWS,
        "morning": incident_view.morning(open_ones),
        "blamed": incident_view.blamed(open_ones, sites),
        "show": show,
        "action": action,
        "device": device,
        "actions": incident_words.ACTION_WORDS,
        "states": incident_words.STATE_WORDS,
    }
    return rendered(request, "incidents.html", content)


@router.get("/incidents/{incident}")
def incident(request: Request, incident: str, desk: Desk, reader: Reader, clock: Now) -> HTMLResponse:
    """One incident: why, what to do, its sites, its history."""
    return _page(request, incident, desk, reader, clock, "")


@router.post("/incidents/{incident}", response_class=RedirectResponse)
def change(request: Request, incident: str, form: forms.Form, desk: Desk, reader: Reader, clock: Now) -> Response:
    """What a button or the text below them asks for."""
    one = _known(desk, incident)
    who = forms.signed(request, form)
    wish = IncidentChange(
        state=form.get("state") or None,
        owner=form.get("owner"),
        comment=form.get("comment"),
        quiet_days=forms.whole_number(form, "quiet_days", 30),
    )
    try:
        desk.change(one.id, wish, who, forms.whole_number(form, "version", 0))
    except StaleVersion:
        problem = "Somebody else changed this incident meanwhile. Look at it again; nothing of yours was saved."
        return _page(request, incident, desk, reader, clock, problem, status=409)
    except BadInput as error:
        return _page(request, incident, desk, reader, clock, f"That cannot be: {error}.", status=422)
    base = request.scope.get("root_path", "")
    answer = RedirectResponse(f"{base}/incidents/{quote(one.id, safe='')}", status_code=303)
    answer.set_cookie(forms.NAME_COOKIE, quote(who), max_age=_YEAR_S, httponly=True, samesite="strict")
    return answer


def _page(
    request: Request,
    name: str,
    desk: IncidentDesk,
    reader: FleetReader,
    clock: Clock,
    problem: str,
    status: int = 200,
) -> HTMLResponse:
    one = _known(desk, name)
    _, rows, history = desk.incident(name) or (one, [], [])
    now_ms = clock.now_ms()
    sites = {site.device: site for site in reader.sites()}
    steps = [(state, incident_words.step_words(one.state, state)) for state in desk.next_states(one.state)]
    content = {
        "incident": one,
        "line": incident_view.line(one, sites, now_ms),
        "advice": incident_words.advice_of(one),
        "steps": [step for step in steps if step[0] != "dismissed"],
        "may_dismiss": any(state == "dismissed" for state, _ in steps),
        "sites": incident_view.site_lines(rows, sites, now_ms)[:MAX_ROWS],
        "more": len(rows) - MAX_ROWS,
        "history": incident_view.history_lines(history, now_ms),
        "name": forms.name_in(request),
        "problem": problem,
    }
    return rendered(request, "incident.html", content, status=status)


def _known(desk: IncidentDesk, name: str) -> Incident:
    found = desk.incident(name)
    if found is None:
        raise HTTPException(404)
    return found[0]
