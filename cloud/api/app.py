"""The API as one application, to be mounted under /api/v1."""

from fastapi import Depends, FastAPI
from fastapi.middleware.gzip import GZipMiddleware

from cloud.api import ahead, commands, devices, fleet, history, incidents, jobs, mtbf, reference
from cloud.api.asked import only_known
from cloud.api.limits import BodyLimit
from cloud.api.problems import ProblemBody, install
from cloud.ports import BrokerLine, Clock, CommandDesk, FleetReader, IncidentDesk, JobDesk

_DESCRIPTION = (
    "Sites, twins, series, faults and reliability of a fleet. Times are ISO 8601 in UTC with Z; a parameter also takes "
    "milliseconds since 1970. Powers in W (battery positive = charging, grid positive = import), energies in Wh, "
    "temperatures in °C."
)
_ERRORS = {
    400: "The request cannot be read",
    404: "No such device or path",
    409: "The write was made on a version that is no longer the present one",
    422: "A value cannot be used",
    503: "The database does not answer",
}


def make_api(
    reader: FleetReader,
    clock: Clock,
    version: str = "0.1.0",
    *,
    incident_desk: IncidentDesk | None = None,
    job_desk: JobDesk | None = None,
    command_desk: CommandDesk | None = None,
    broker: BrokerLine = lambda: None,
) -> FastAPI:
    """The API over `reader`; incidents, jobs and commands have endpoints where they are given.

    Mount it: `app.mount("/api/v1", make_api(reader, clock))`.
    """
    app = FastAPI(
        title="emberwatt",
        version=version,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        dependencies=[Depends(only_known)],
        responses={status: {"model": ProblemBody, "description": text} for status, text in _ERRORS.items()},
    )
    app.state.reader = reader
    app.state.clock = clock
    app.state.broker = broker
    app.state.incidents, app.state.jobs = incident_desk, job_desk
    app.state.commands = command_desk
    app.add_middleware(BodyLimit)
    app.add_middleware(GZipMiddleware, minimum_size=2000, compresslevel=5)
    install(app)
    for part in (devices, history, ahead, fleet, mtbf):
        app.include_router(part.router)
    if incident_desk is not None:
        app.include_router(incidents.router)
    if job_desk is not None:
        app.include_router(jobs.router)
    if command_desk is not None:
        app.include_router(commands.router)
    app.include_router(reference.router)
    return app
