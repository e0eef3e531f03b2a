"""The switches of a served device over a socket of the file system: one JSON object a line, one answer a line.

    {"do": "fault", "code": "exception", "exception": 6, "rate": 0.2}   {"do": "clear", "code": "exception"}
    {"do": "wire", "code": "grid_clamp"}    {"do": "unwire"}            {"do": "load", "watts": 2000, "phase": 1}
    {"do": "heat", "room": 25}              {"do": "vanish", "seconds": 2}
    {"do": "truth"}                         {"do": "faults"}

An answer is `{"ok": true, …}` or `{"ok": false, "error": "…"}`.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from firmware_sim.cellar import Cellar
from firmware_sim.clock import instant_text
from firmware_sim.errors import BadArgument, PortInUse, SimError


class Control:
    """Listens at `path`. Opened with `async with`."""

    def __init__(self, cellar: Cellar, path: Path) -> None:
        self._cellar = cellar
        self._path = path
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        try:
            self._path.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._serve, self._path)
        except OSError as error:
            raise PortInUse(f"--control {self._path}: cannot listen: {error.strerror or error}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._clients):
            writer.close()
        if self._server is not None:
            await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self.obey(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # The client went away, or sent a line without end.
        finally:
            self._clients.discard(writer)
            writer.close()

    def obey(self, line: bytes | str) -> dict[str, Any]:
        """One order and its answer."""
        try:
            order = json.loads(line)
            if not isinstance(order, dict):
                raise BadArgument("expected a JSON object")
            return {"ok": True, **self._done(order.pop("do", ""), order)}
        except (SimError, TypeError, ValueError) as error:
            return {"ok": False, "error": str(error)}

    def _done(self, verb: str, order: dict[str, Any]) -> dict[str, Any]:
        cellar = self._cellar
        switches: Mapping[str, Callable[..., None]] = {
            "fault": cellar.fault, "wire": cellar.wire, "unwire": cellar.unwire, "load": cellar.load,
            "vanish": cellar.vanish, "heat": cellar.heat,
        }  # fmt: skip
        if verb in switches:
            switches[verb](**order)
            return {}
        match verb:
            case "clear":
                return {"cleared": cellar.clear(**order)}
            case "truth":
                return self._truth()
            case "faults":
                return self._faults()
            case _:
                known = ", ".join((*switches, "clear", "truth", "faults"))
                raise BadArgument(f"{verb!r} is no order; expected one of {known}")

    def _truth(self) -> dict[str, Any]:
        told = self._cellar.truth()
        values = {name: {"value": one.value, "step": one.step, "also": sorted(one.also)} for name, one in told.items()}
        return {"now": instant_text(self._cellar.live.now_ms()), "values": values}

    def _faults(self) -> dict[str, Any]:
        active = self._cellar.bus.book.active(self._cellar.live.now_ms())
        rows = [
            {"code": one.fault.code, "form": one.fault.form, "met": one.met, "struck": one.struck} for one in active
        ]
        mistakes = [wiring.code for wiring in self._cellar.live.site.mistakes(self._cellar.live.now_ms())]
        return {"faults": rows, "wiring": mistakes}
