"""Plain forms: read without further libraries, and taken only from these pages themselves."""

from typing import Annotated, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from fastapi import Depends, HTTPException, Request

_MAX_BYTES: Final = 16 * 1024
_MAX_FIELDS: Final = 20
_KIND: Final = "application/x-www-form-urlencoded"
# Who acts, kept in the browser so that the name is typed once.
NAME_COOKIE: Final = "emberwatt_name"
_MAX_NAME: Final = 100


def from_here(request: Request) -> bool:
    """Whether a form was sent by one of these pages: another site can make a browser send it, but not say so."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin") or request.headers.get("referer")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


async def _form(request: Request) -> dict[str, str]:
    if not from_here(request):
        raise HTTPException(403, "This form was not sent by one of these pages.")
    if request.headers.get("content-type", "").partition(";")[0].strip() != _KIND:
        raise HTTPException(415, "This is not a form of these pages.")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_BYTES:
            raise HTTPException(413, "The form is too long.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise HTTPException(422, "The form cannot be read.") from None


Form = Annotated[dict[str, str], Depends(_form)]


def person_of(request: Request) -> str:
    """Who is logged in; empty where nobody has to be."""
    return str(getattr(request.state, "person", ""))


def name_in(request: Request) -> str:
    """Who is logged in, or the name that was typed last in this browser."""
    return person_of(request) or unquote(request.cookies.get(NAME_COOKIE, ""))[:_MAX_NAME]


def signed(request: Request, form: dict[str, str]) -> str:
    """Who sent the form: whoever is logged in, or else the name that was typed."""
    return person_of(request) or form.get("by", "").strip()[:_MAX_NAME]


def whole_number(form: dict[str, str], field: str, default: int) -> int:
    """A field as a number; `default` where it is none."""
    text = form.get(field, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default
