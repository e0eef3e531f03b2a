"""Templates to answers. Everything a device says is escaped."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from cloud.dashboard.forms import person_of


def _segment(text: str) -> str:
    """`text` as one segment of a path."""
    return quote(text, safe="")


PAGES = Environment(
    loader=PackageLoader("cloud.dashboard"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
PAGES.filters["segment"] = _segment


def rendered(request: Request, template: str, content: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """The page; `base` is the address that all its links stand on, `parts` what the program has beside the fleet.

    `broker_away` is true while the aggregator does not hear its broker.
    """
    base = request.scope.get("root_path", "")
    parts = {name for name in ("incidents", "jobs") if getattr(request.app.state, name, None) is not None}
    page = PAGES.get_template(template).render(
        base=base, parts=parts, person=person_of(request), broker_away=request.app.state.broker() is False, **content
    )
    return HTMLResponse(page, status_code=status)
