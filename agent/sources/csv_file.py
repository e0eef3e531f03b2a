"""A CSV file as text, packed or not, whatever separates its columns."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, Protocol, TextIO, cast

from agent.domain.errors import BadSetup

SEPARATORS: Final = ";\t,|"
_GZIP: Final = b"\x1f\x8b"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_NO_TEXT: Final = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f]")
_LOOK: Final = 4096


class Rows(Protocol):
    """What `csv.reader` returns."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


@contextmanager
def open_text(path: Path, *, errors: str = "strict") -> Iterator[TextIO]:
    """The file's text; gzip is unpacked. Raises `BadSetup` when it cannot be read or is no text in UTF-8."""
    try:
        with path.open("rb") as file, _unpacked(path, file) as opened:
            buffer = io.BufferedReader(opened, 1 << 16)  # type: ignore[type-var]
            _expect_text(path, buffer.peek(_LOOK)[:_LOOK])
            with io.TextIOWrapper(buffer, encoding="utf-8-sig", errors=errors, newline="") as text:
                yield text
    except FileNotFoundError as error:
        raise BadSetup(str(path), "cannot be read: no such file") from error
    except UnicodeDecodeError as error:
        raise BadSetup(str(path), f"cannot be read: {error.reason}, expected text in UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        raise BadSetup(str(path), f"cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _unpacked(path: Path, file: io.BufferedReader) -> BinaryIO:
    packed = path.suffix == ".gz" or file.peek(2)[:2] == _GZIP
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file


def _expect_text(path: Path, head: bytes) -> None:
    if head[:2] in _UTF16:
        hint = f"iconv -f UTF-16 -t UTF-8 {path} makes it so"
        raise BadSetup(str(path), "is text in UTF-16, expected UTF-8", hint=hint)
    if _NO_TEXT.search(head):
        raise BadSetup(str(path), "is no text, expected a CSV file in UTF-8")


def rows_of(text: TextIO) -> tuple[Rows, str]:
    """The rows, the header first, and what separates their cells: that of `SEPARATORS` which the header has most of."""
    first = text.readline()
    separator = max(SEPARATORS, key=first.count)
    return csv.reader(chain([first] if first else [], text), delimiter=separator), separator


def decimal_point(cell: str) -> str:
    """A number written 1.234,5 as 1234.5; possible only where the comma does not separate.

    >>> decimal_point("1.234,5"), decimal_point("1234.5")
    ('1234.5', '1234.5')
    """
    return cell.replace(".", "").replace(",", ".") if "," in cell else cell
