"""Every error the API answers, in one shape: which field, its value, what was expected, and a sentence."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from agent.domain.errors import BadInput, BadSetup, Transient
from agent.domain.twin import StaleVersion

_MAX_ECHO = 200


class Problem(BaseModel):
    """What was wrong. `field` is empty when the request as a whole is meant; `current` is set for a stale version."""

    field: str
    value: Any = None
    expected: str
    message: str
    current: int | None = None


class ProblemBody(BaseModel):
    """The body of every answer with a status of 400 or above."""

    error: Problem


class ApiProblem(Exception):
    """Ends a request with `status` and a `Problem`."""

    def __init__(self, status: int, field: str, value: object, expected: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.problem = Problem(field=field, value=_echo(value), expected=expected, message=message)


def unknown_device(device: str) -> ApiProblem:
    """404 for a device that has never been heard of."""
    return ApiProblem(404, "device", device, "a device that /devices lists", "no such device")


def invalid(field: str, value: object, expected: str) -> ApiProblem:
    """422 for a value that can be read but not used."""
    return ApiProblem(422, field, value, expected, f"{field} cannot be used")


def answer(status: int, problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    body = ProblemBody(error=problem).model_dump(mode="json")
    if problem.current is None:
        del body["error"]["current"]
    return JSONResponse(body, status_code=status, headers=headers)


def install(app: FastAPI) -> None:
    """Give `app` this module's answers instead of the framework's."""
    app.add_exception_handler(ApiProblem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(StaleVersion, _on_stale)
    app.add_exception_handler(BadInput, _on_bad_input)
    app.add_exception_handler(Transient, _on_away)
    app.add_exception_handler(BadSetup, _on_away)


async def _on_problem(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiProblem)
    return answer(error.status, error.problem)


async def _on_validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    unreadable = first["type"] == "json_invalid"
    place = [str(part) for part in first["loc"][1:]]
    field = "body" if unreadable or not place else ".".join(place)
    missing = first["type"] == "missing"
    value = None if unreadable or missing else _echo(first.get("input"))
    text = str(first["msg"])
    reason = str(first.get("ctx", {}).get("error", text)) if unreadable else text
    message = f"{field} is missing" if missing else f"{field}: {reason}"
    absent = "a JSON object as openapi.json describes it" if field == "body" else "a value"
    expected = "valid JSON" if unreadable else (absent if missing else text)
    problem = Problem(field=field, value=value, expected=expected, message=message)
    return answer(400 if unreadable else 422, problem)


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    expected = {404: "a path that openapi.json lists", 405: "a method that openapi.json lists"}
    problem = Problem(
        field="path" if error.status_code == 404 else ("method" if error.status_code == 405 else "body"),
        value=_echo(request.method if error.status_code == 405 else request.url.path),
        expected=expected.get(error.status_code, "a request as openapi.json describes it"),
        message=str(error.detail),
    )
    return answer(error.status_code, problem, dict(error.headers or {}))


async def _on_stale(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StaleVersion)
    problem = Problem(
        field="expected",
        value=error.expected,
        expected=f"the present version, {error.current}",
        message=str(error),
        current=error.current,
    )
    return answer(409, problem, {"ETag": f'"{error.current}"'})


async def _on_bad_input(_request: Request, error: Exception) -> JSONResponse:
    return answer(422, Problem(field="", expected="a usable request", message=str(error)))


async def _on_away(_request: Request, error: Exception) -> JSONResponse:
    problem = Problem(field="", expected="a database that answers", message=str(error))
    return answer(503, problem, {"Retry-After": "5"})


def _echo(value: object) -> object:
    """`value` as far as it may go back: short, and JSON."""
    if value is None or isinstance(value, bool | int | float):
        return value if value == value and abs(value or 0) < 1e300 else str(value)
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _MAX_ECHO else text[:_MAX_ECHO] + "…"
