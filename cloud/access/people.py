"""The file of those who may log in."""

import os
import re
import secrets
import tempfile
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.domain.errors import BadInput, BadSetup
from agent.domain.misfit import misfit
from cloud.access.passwords import kept

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HINT: Final = "emberwatt-cloud people add NAME --config CLOUD.toml"


class Role(StrEnum):
    """`manager` may change things, `viewer` may look at them."""

    MANAGER = "manager"
    VIEWER = "viewer"


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`password` as `cloud.access.passwords.kept` wrote it."""

    role: Role
    password: str


class _Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`secret` signs the sessions."""

    secret: str
    people: dict[str, Person] = {}


class People:
    """The file at `path`, read again whenever it changed: who is taken out of it is out at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._book = _Book("")
        self._read: tuple[int, int] | None = None

    def find(self, name: str) -> Person | None:
        """Who is called so. Raises `BadSetup` for a file that cannot be read."""
        return self._load().people.get(name)

    def names(self) -> list[tuple[str, Role]]:
        """Everybody. Raises `BadSetup`."""
        return [(name, person.role) for name, person in sorted(self._load().people.items())]

    def secret(self) -> str:
        """What sessions are signed with. Raises `BadSetup`."""
        return self._load().secret

    def check(self) -> None:
        """Raises `BadSetup` where nobody could log in."""
        if not self._load().people:
            raise BadSetup(str(self.path), "names nobody who may log in", hint=_HINT)

    def add(self, name: str, role: Role, password: str) -> bool:
        """Take somebody in, or give them another role and password; returns whether they were there before.

        Raises `BadInput` for a name or password that cannot be, `BadSetup` for a file that cannot be read or written.
        """
        if _NAME.fullmatch(name) is None:
            raise BadInput(f"name {name!r}: expected letters, digits, and . _ @ - between them, at most 64")
        person = Person(role, kept(password))
        book = self._load() if self.path.exists() else _Book(secrets.token_hex(32))
        self._write(_Book(book.secret, {**book.people, name: person}))
        return name in book.people

    def remove(self, name: str) -> None:
        """Raises `BadInput` for a name that is not there, `BadSetup`."""
        book = self._load()
        if name not in book.people:
            raise BadInput(
                f"{name!r} is not in {self.path}: expected one of {', '.join(sorted(book.people)) or 'none'}"
            )
        self._write(_Book(book.secret, {each: person for each, person in book.people.items() if each != name}))

    def _load(self) -> _Book:
        try:
            told = self.path.stat()
            seen = (told.st_mtime_ns, told.st_ino)
            if seen != self._read:
                self._book = self._converted(tomllib.loads(self.path.read_text(encoding="utf-8")))
                self._read = seen
        except FileNotFoundError:
            raise BadSetup(str(self.path), "is not there", hint=_HINT) from None
        except OSError as error:
            raise BadSetup(str(self.path), f"cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadSetup(str(self.path), f"is not TOML: {error}") from error
        if len(self._book.secret) < 32:
            raise BadSetup(str(self.path), "secret: expected 32 characters or more")
        return self._book

    def _converted(self, table: dict[str, Any]) -> _Book:
        try:
            return msgspec.convert(table, _Book)
        except msgspec.ValidationError as error:
            raise BadSetup(str(self.path), misfit(error, table, _Book)) from error

    def _write(self, book: _Book) -> None:
        """Whole or not at all, for its owner's eyes only."""
        parts = [f'secret = "{book.secret}"\n']
        parts += [
            f'\n[people."{name}"]\nrole = "{person.role}"\npassword = "{person.password}"\n'
            for name, person in sorted(book.people.items())
        ]
        try:
            number, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write("".join(parts))
                file.flush()
                os.fsync(number)
            Path(name).replace(self.path)
        except OSError as error:
            raise BadSetup(str(self.path), f"cannot be written: {error.strerror}") from error
