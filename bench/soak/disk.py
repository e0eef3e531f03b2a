"""What a disk may hold after a power cut, from the ordered record of what a process wrote and flushed.

`strace` tells every write, flush, truncation, creation, removal and renaming of a process. A cut may come between any
two of them. What was flushed is there; of what was not, any part may be: each 512-byte sector on its own, in any order,
and of the changes in a folder those up to any instant. That is harder than most file systems are.
"""

import random
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SECTOR: Final = 512
_CALLS: Final = "pwrite64,write,fdatasync,fsync,ftruncate,unlink,rename,openat"
_LONGEST: Final = 4 * 1024 * 1024
_SURVIVAL: Final = (0.0, 0.1, 0.5, 0.9, 1.0)


def strace(log: Path, command: Sequence[str]) -> list[str] | None:
    """`command` with its writing recorded in `log`; None where there is no strace."""
    program = shutil.which("strace")
    if program is None:
        return None
    options = ["-f", "--seccomp-bpf", "-qq", "-y", "-ttt", "-xx", "-s", str(_LONGEST), "-e", "signal=none"]
    return [program, *options, "-e", f"trace={_CALLS}", "-o", str(log), *command]


@dataclass(frozen=True, slots=True)
class Step:
    """One call. `at_s` is Unix time; `verb` write, truncate, sync, create, unlink, rename; or say, for standard output.

    `number` is the offset of a write or the size of a truncation, `data` what is written, `other` the new name.
    """

    at_s: float
    verb: str
    path: str
    number: int = 0
    data: bytes = b""
    other: str = ""


def steps(log: Path, folder: Path) -> Iterator[Step]:
    """Every step that concerns files below `folder` or speaks on standard output, in order."""
    unfinished: dict[str, tuple[float, str]] = {}
    with log.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            pid, at, call = line.rstrip("\n").split(maxsplit=2)
            started = call.endswith("<unfinished ...>")
            if started:
                call = call.removesuffix(" <unfinished ...>").removesuffix("<unfinished ...>")
                unfinished[pid] = (float(at), call)
                if call.startswith(("pwrite64(", "write(")):
                    call += ") = 1"  # a write may reach the disk before it returns, a flush counts when it has
                else:
                    continue
            elif call.startswith("<... "):
                _, begun = unfinished.pop(pid)
                if begun.startswith(("pwrite64(", "write(")):
                    continue
                call = begun + call.partition("resumed>")[2]
            yield from _step(float(at), call, str(folder))


_CALL: Final = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)(?:<(.*)>)?.*", re.DOTALL)
_WRITTEN: Final = re.compile(r'(\d+)<([^>]*)>, "((?:\\x[0-9a-f]{2})*)", \d+(?:, (\d+))?')
_FILE: Final = re.compile(r"\d+<([^>]*)>(?:, (\d+))?")
_NAMES: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def _plain(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def _step(at_s: float, call: str, folder: str) -> Iterator[Step]:
    match = _CALL.fullmatch(call)
    if match is None or match[3].startswith("-"):
        return
    name, arguments = match[1], match[2]
    if name in ("write", "pwrite64"):
        found = _WRITTEN.fullmatch(arguments)
        assert found is not None, call[:200]
        path = _plain(found[2]).decode()
        if name == "write" and found[1] == "1":
            yield Step(at_s, "say", "", data=_plain(found[3]))
        elif path.startswith(folder):
            yield Step(at_s, "write", path, -1 if found[4] is None else int(found[4]), _plain(found[3]))
        return
    if name in ("unlink", "rename"):
        names = [_plain(text).decode() for text in _NAMES.findall(arguments)]
        if names[0].startswith(folder):
            yield Step(at_s, name, names[0], other=names[-1])
        return
    if name == "openat":
        path = _plain(match[4] or "").decode()
        if path.startswith(folder) and ("O_CREAT" in arguments or "O_TRUNC" in arguments):
            yield Step(at_s, "create", path, number=int("O_TRUNC" in arguments))
        return
    file = _FILE.fullmatch(arguments)
    assert file is not None, call[:200]
    path = _plain(file[1]).decode()
    if path.startswith(folder):
        yield Step(at_s, "truncate" if name == "ftruncate" else "sync", path, int(file[2] or 0))


@dataclass(slots=True)
class _File:
    """`flushed` is safe; `pending` are writes (offset, bytes) and truncations (size, None) since."""

    flushed: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    end: int = 0

    def flush(self) -> None:
        for number, data in self.pending:
            _apply(self.flushed, number, data)
        self.pending.clear()

    def after_cut(self, chance: random.Random, survival: float) -> bytes:
        content = bytearray(self.flushed)
        for number, data in self.pending:
            if data is None:
                if chance.random() < survival:
                    _apply(content, number, None)
                continue
            for first, piece in _sectors(number, data):
                if chance.random() < survival:
                    _apply(content, first, piece)
        return bytes(content)


def _apply(content: bytearray, number: int, data: bytes | None) -> None:
    if data is None:
        del content[number:]
        data = b""
    if len(content) < number:
        content.extend(bytes(number - len(content)))
    content[number : number + len(data)] = data


def _sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        size = SECTOR - (offset + at) % SECTOR
        yield offset + at, data[at : at + size]
        at += size


class Disk:
    """The files of one folder and those below it."""

    def __init__(self) -> None:
        self._names: dict[str, _File] = {}
        self._flushed_names: dict[str, _File] = {}
        self._pending_names: list[tuple[str, _File | None]] = []

    def take(self, step: Step) -> None:
        """One step, in order."""
        if step.verb == "create":
            self._create(step.path, empty=bool(step.number))
        elif step.verb == "unlink":
            if self._names.pop(step.path, None) is not None:
                self._pending_names.append((step.path, None))
        elif step.verb == "rename":
            file = self._names.pop(step.path, None) or _File()
            self._name(step.other, file)
            self._pending_names.append((step.path, None))
        elif step.verb in ("write", "truncate"):
            self._write(step)
        elif step.verb == "sync":
            if step.path in self._names:
                self._names[step.path].flush()
            else:
                self._flush_names()

    def _create(self, path: str, *, empty: bool) -> None:
        if path not in self._names:
            self._name(path, _File())
        elif empty:
            self._names[path].pending.append((0, None))
        self._names[path].end = 0

    def _name(self, path: str, file: _File) -> None:
        self._names[path] = file
        self._pending_names.append((path, file))

    def _write(self, step: Step) -> None:
        if step.path not in self._names:
            return
        file = self._names[step.path]
        if step.verb == "truncate":
            file.pending.append((step.number, None))
            return
        offset = file.end if step.number < 0 else step.number
        file.pending.append((offset, step.data))
        file.end = offset + len(step.data)

    def _flush_names(self) -> None:
        _rename(self._flushed_names, self._pending_names)
        self._pending_names.clear()

    def after_cut(self, chance: random.Random) -> dict[str, bytes]:
        """Path → content, as it may be found. SQLite's -shm files are left out: it makes them anew."""
        survival = chance.choice(_SURVIVAL)
        names = dict(self._flushed_names)
        _rename(names, self._pending_names[: chance.randint(0, len(self._pending_names))])
        return {
            path: file.after_cut(chance, survival)
            for path, file in names.items()
            if not path.endswith(("-shm", ".lock"))
        }


def _rename(names: dict[str, _File], changes: Iterable[tuple[str, _File | None]]) -> None:
    for path, file in changes:
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file


def lay_out(found: dict[str, bytes], folder: Path, into: Path) -> None:
    """Write what was found below `folder` as files below `into`, which is emptied first."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    for path, content in found.items():
        place = into / Path(path).relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
