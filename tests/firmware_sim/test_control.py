import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.control import Control
from firmware_sim.errors import PortInUse
from tests.firmware_sim.stand import client, read, signed32, stand

P_GRID = 37113


class Orders:
    """A client of the control socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def __call__(self, **order: Any) -> dict[str, Any]:
        self.writer.write(json.dumps(order).encode() + b"\n")
        answer = json.loads(await asyncio.wait_for(self.reader.readline(), 10))
        assert isinstance(answer, dict)
        return answer


async def test_switches_over_a_socket(tmp_path: Path) -> None:
    path = tmp_path / "control"
    async with stand() as cellar, Control(cellar, path), client(cellar) as reader:
        order = Orders(*await asyncio.open_unix_connection(path))
        right = signed32(await reader.words(P_GRID, 2))
        assert await order(do="wire", code="grid_clamp") == {"ok": True}
        assert signed32(await reader.words(P_GRID, 2)) == -right
        assert await order(do="unwire") == {"ok": True}
        assert await order(do="load", watts=1000, phase=1) == {"ok": True}
        assert signed32(await reader.words(P_GRID, 2)) != right
        assert await order(do="load", watts=0, phase=1) == {"ok": True}
        assert await order(do="fault", code="exception", exception=6, count=2) == {"ok": True}
        assert await reader.ask(read(P_GRID, 2)) == bytes([0x83, 6])
        told = await order(do="faults")
        assert told["faults"] == [{"code": "exception", "form": "", "met": 1, "struck": 1}]
        assert await order(do="clear", code="exception") == {"ok": True, "cleared": 1}
        assert signed32(await reader.words(P_GRID, 2)) == pytest.approx(right, abs=2)
        truth = await order(do="truth")
        assert truth["values"]["grid_power"] == {"value": pytest.approx(-right, abs=1), "step": 1.0, "also": []}
        order.writer.close()
    assert not path.exists()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "Expecting"),
        ("[]", "expected a JSON object"),
        ('{"do": "dance"}', "'dance' is no order; expected one of fault, wire"),
        ('{"do": "fault", "code": "boredom"}', "'boredom' is not a valid BusCode"),
        ('{"do": "load", "watts": -1}', "-1 W: expected 0 to 50000"),
        ('{"do": "load"}', "watts"),
        ('{"do": "vanish", "seconds": 1}', "there is no serial line here"),
        ('{"do": "clear", "code": "x"}', "fault x"),
    ],
)
async def test_what_is_no_order_is_answered_with_what_is_wrong(line: str, problem: str, tmp_path: Path) -> None:
    async with stand() as cellar:
        answer = Control(cellar, tmp_path / "control").obey(line)
        assert answer["ok"] is False
        assert problem in answer["error"]


async def test_a_place_where_nobody_can_listen_is_one_clear_line(tmp_path: Path) -> None:
    async with stand() as cellar:
        with pytest.raises(PortInUse, match="cannot listen: No such file or directory"):
            async with Control(cellar, tmp_path / "nowhere" / "control"):
                pass
