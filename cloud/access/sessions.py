"""What a browser keeps while somebody is logged in: a name, an end, and a signature over both."""

import base64
import hashlib
import hmac
from typing import Final

from cloud.access.people import People, Person

_MARK: Final = b"emberwatt session"


def issued(people: People, name: str, person: Person, until_ms: int) -> str:
    """A token for `name` that is good until `until_ms`, as long as password and role stay as they are."""
    text = f"{name}|{until_ms}"
    token = base64.urlsafe_b64encode(f"{text}|{_signature(people, text, person)}".encode()).decode()
    return token.rstrip("=")


def holder(people: People, token: str, now_ms: int) -> tuple[str, Person] | None:
    """Who holds the token, None for one that is over, made up, or whose holder is gone."""
    try:
        text, _, signature = base64.urlsafe_b64decode(token + "==").decode().rpartition("|")
        name, _, until = text.rpartition("|")
        until_ms = int(until)
    except ValueError:
        return None
    person = people.find(name)
    if person is None or now_ms >= until_ms:
        return None
    return (name, person) if hmac.compare_digest(signature, _signature(people, text, person)) else None


def _signature(people: People, text: str, person: Person) -> str:
    message = b"|".join((_MARK, text.encode(), person.role.encode(), person.password.encode()))
    return hmac.new(people.secret().encode(), message, hashlib.sha256).hexdigest()
