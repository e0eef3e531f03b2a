"""What a query may ask for: a name that means nothing here is refused, since its answer would be that of another."""

from collections.abc import Collection

from fastapi import FastAPI, Request

from agent.domain.faults import FaultCode
from agent.domain.misfit import did_you_mean
from cloud.api.problems import ApiProblem, invalid
from cloud.ports import FleetReader


async def only_known(request: Request) -> None:
    """Raises `ApiProblem` (422) for the first parameter that openapi.json does not list."""
    if not request.query_params:
        return
    app: FastAPI = request.app
    methods = app.openapi()["paths"].get(request.scope["route"].path_format, {})
    asked = methods.get(request.method.lower(), {}).get("parameters", [])
    names = sorted(param["name"] for param in asked if param["in"] == "query")
    for name, value in request.query_params.items():
        if name not in names:
            raise ApiProblem(422, name, value, possible(name, names), f"there is no parameter {name[:64]}")


def known_code(reader: FleetReader, field: str, code: str, besides: Collection[str] = ()) -> str:
    """`code`, where this version knows it or a device has told of it. Raises `ApiProblem` (422) that names `field`."""
    names = [*besides, *FaultCode]
    if code in names or reader.faults(code=code, limit=1) or reader.reliability(code=code):
        return code
    raise invalid(field, code, possible(code, names))


def possible(name: str, names: Collection[str]) -> str:
    """
    >>> possible("limti", ["limit", "offset"]), possible("x", ["limit", "offset"]), possible("x", [])
    ('did you mean limit?', 'one of limit, offset', 'no parameters')
    """
    return did_you_mean(name, names) or (f"one of {', '.join(names)}" if names else "no parameters")
