"""Files as text: packed, of another encoding, no text at all, not there."""

import gzip
from pathlib import Path

import pytest

from agent.domain.errors import BadSetup
from agent.sources.csv_file import open_text, rows_of

TABLE = '\ufeffa;b\n1;"x\ny"\n'


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "packed"])
def test_text_is_read_whether_packed_or_not(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(TABLE.encode() if name == "t.csv" else gzip.compress(TABLE.encode()))
    with open_text(path) as text:
        rows, separator = rows_of(text)
        assert (list(rows), separator) == ([["a", "b"], ["1", "x\ny"]], ";")
        assert rows.line_num == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "t.csv: cannot be read: no such file"),
        ("a,b\n".encode("utf-16"), "t.csv: is text in UTF-16, expected UTF-8"),
        ("a,b\n".encode("utf-16-le"), "t.csv: is no text, expected a CSV file in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0", "t.csv: is no text, expected a CSV file in UTF-8"),
        (b"a,b\n1,\xb0C\n", "t.csv: cannot be read: invalid start byte, expected text in UTF-8"),
        (gzip.compress(b"a,b\n", mtime=0)[:-9], "t.csv: cannot be read: Compressed file ended"),
    ],
)
def test_what_is_no_text_is_one_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "t.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadSetup) as caught, open_text(path) as text:
        text.read()
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(said)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="cannot be read: Is a directory"), open_text(tmp_path):
        pass
