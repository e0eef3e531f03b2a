"""The page on which one logs in, and its form."""

from typing import Final
from urllib.parse import parse_qsl, quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

_MOST_BYTES: Final = 4096
_PAGES: Final = Environment(loader=PackageLoader("cloud.access"), autoescape=True, undefined=StrictUndefined)
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def login_page(request: Request, *, name: str = "", problem: str = "", status: int = 200) -> HTMLResponse:
    """The form; afterwards one is where one wanted to go."""
    base = request.scope.get("root_path", "")
    content = {"base": base, "name": name, "problem": problem, "next": next_of(request)}
    return HTMLResponse(_PAGES.get_template("login.html").render(content), status_code=status, headers=_HEADERS)


def login_address(request: Request) -> str:
    """The address of the form, for somebody who asked for a page."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"{request.scope.get('root_path', '')}/login?next={quote(wanted, safe='')}"


def next_of(request: Request) -> str:
    """Where somebody wanted to go: a page of this site, whatever the address says."""
    wanted = request.query_params.get("next", "")
    inside = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted and wanted.isprintable()
    return wanted if inside and not wanted.isspace() else f"{request.scope.get('root_path', '')}/"


async def name_and_password(request: Request) -> tuple[str, str]:
    """What was typed into the form; empty where it is not the form."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            return "", ""
    try:
        fields = dict(parse_qsl(body.decode(), max_num_fields=5))
    except ValueError:
        return "", ""
    return fields.get("name", "").strip(), fields.get("password", "")
