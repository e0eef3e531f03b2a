"""The pages as one application, to be mounted under /."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from agent.domain.errors import BadSetup, Transient
from cloud.dashboard import incident_pages, job_pages, pages
from cloud.dashboard.rendering import rendered
from cloud.ports import BrokerLine, Clock, FleetReader, IncidentDesk, JobDesk

_STATIC = Path(__file__).parent / "static"
# The pages take nothing from elsewhere and run no script but their own, whatever a site calls itself.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def make_dashboard(
    reader: FleetReader,
    clock: Clock,
    *,
    incident_desk: IncidentDesk | None = None,
    job_desk: JobDesk | None = None,
    broker: BrokerLine = lambda: None,
) -> FastAPI:
    """The pages over `reader`; incidents and jobs have pages where they are given.

    Mount it last: `app.mount("/", make_dashboard(reader, clock))`.
    """
    app = FastAPI(title="emberwatt pages", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.reader = reader
    app.state.clock = clock
    app.state.broker = broker
    app.state.incidents, app.state.jobs = incident_desk, job_desk
    app.middleware("http")(_with_headers)
    app.add_middleware(GZipMiddleware, minimum_size=2000, compresslevel=5)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(Transient, _on_away)
    app.add_exception_handler(BadSetup, _on_away)
    app.include_router(pages.router)
    if incident_desk is not None:
        app.include_router(incident_pages.router)
    if job_desk is not None:
        app.include_router(job_pages.router)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    return app


async def _with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


async def _on_http(request: Request, error: Exception) -> HTMLResponse:
    assert isinstance(error, HTTPException)
    text = "There is no such page or site." if error.status_code == 404 else str(error.detail)
    return rendered(request, "problem.html", {"title": "Not found", "text": text}, status=error.status_code)


async def _on_validation(request: Request, error: Exception) -> HTMLResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    asked = f"{first['loc'][-1]} = “{str(first.get('input'))[:100]}”"
    text = f"The address asks for something that this page does not know: {asked}. {first['msg']}."
    return rendered(request, "problem.html", {"title": "Not understood", "text": text}, status=422)


async def _on_away(request: Request, _error: Exception) -> HTMLResponse:
    text = "The database does not answer at the moment. Reload the page in a little while."
    return rendered(request, "problem.html", {"title": "Not available", "text": text}, status=503)
