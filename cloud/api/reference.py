"""The reference page: the OpenAPI document as one page that needs nothing from elsewhere."""

from typing import Any, NamedTuple

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from agent.domain.signals import PV_POWER
from cloud.api.params import Reader
from cloud.ports import FleetReader

router = APIRouter(include_in_schema=False)
_PAGES = Environment(loader=PackageLoader("cloud.api"), autoescape=True, undefined=StrictUndefined)
_CSP = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


class Parameter(NamedTuple):
    name: str
    place: str
    needed: bool
    kind: str
    text: str


class Operation(NamedTuple):
    """One endpoint. `example` is a link below the API's address, empty where there is none."""

    method: str
    path: str
    tag: str
    text: str
    parameters: list[Parameter]
    example: str
    answer: str


@router.get("/docs")
def docs(request: Request, reader: Reader) -> HTMLResponse:
    """Every endpoint with its parameters and a link to try it."""
    app: FastAPI = request.app
    document = app.openapi()
    page = _PAGES.get_template("reference.html").render(
        info=document["info"],
        base=request.scope.get("root_path", ""),
        operations=operations(document, _first_device(reader)),
        schemas=_schemas(document),
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": _CSP})


@router.get("/docs.css")
def style() -> Response:
    """The page's own style sheet."""
    return Response(_PAGES.get_template("reference.css").render(), media_type="text/css")


def operations(document: dict[str, Any], examples: tuple[str, str]) -> list[Operation]:
    """The endpoints of an OpenAPI document in its order; `examples` is a device and a signal to try."""
    found = []
    for path, methods in document["paths"].items():
        for method, entry in methods.items():
            link = entry.get("x-example", "").replace("{device}", examples[0]).replace("{signal}", examples[1])
            text = str(entry.get("description", "")).strip()
            found.append(
                Operation(
                    method=method.upper(),
                    path=path,
                    tag=entry["tags"][0],
                    text=text,
                    parameters=[_parameter(item) for item in entry.get("parameters", [])],
                    example=link if method == "get" else "",
                    answer=_answer(entry),
                )
            )
    return found


def _first_device(reader: FleetReader) -> tuple[str, str]:
    sites = sorted(reader.sites(), key=lambda site: (not site.last_values, site.device))
    if not sites:
        return "a-device", PV_POWER
    return sites[0].device, min(sites[0].last_values, default=PV_POWER)


def _parameter(item: dict[str, Any]) -> Parameter:
    schema = item.get("schema", {})
    choices = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
    kind = " or ".join(str(part.get("type", "")) for part in choices)
    values = [str(value) for part in choices for value in part.get("enum", [])]
    if values:
        kind = " | ".join(values)
    if schema.get("default") is not None:
        kind += f", default {schema['default']}"
    return Parameter(item["name"], item["in"], bool(item.get("required")), kind, item.get("description", ""))


def _answer(entry: dict[str, Any]) -> str:
    schema = entry["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _schemas(document: dict[str, Any]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Name, text, and fields (name, type) of every schema."""
    rows = []
    for name, schema in sorted(document.get("components", {}).get("schemas", {}).items()):
        fields = [(field, _type(entry)) for field, entry in schema.get("properties", {}).items()]
        if fields and "Validation" not in name:
            rows.append((name, str(schema.get("description", "")), fields))
    return rows


def _type(entry: dict[str, Any]) -> str:
    if "$ref" in entry:
        return str(entry["$ref"]).rpartition("/")[2]
    if "anyOf" in entry:
        return " or ".join(_type(part) for part in entry["anyOf"])
    if entry.get("type") == "array":
        return f"list of {_type(entry.get('items', {}))}"
    if entry.get("type") == "object" and isinstance(entry.get("additionalProperties"), dict):
        return f"map to {_type(entry['additionalProperties'])}"
    return str(entry.get("type", "any"))
