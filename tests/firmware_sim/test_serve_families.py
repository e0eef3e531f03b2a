"""`emberwatt-sim serve` as a cellar: families, serial lines, RTU over TCP, the control socket."""

import asyncio
import json
import socket
import termios
from pathlib import Path

import pytest

from firmware_sim.__main__ import main
from firmware_sim.families.family import families
from tests.firmware_sim.mbpoll import needs_mbpoll, poll, rtu
from tests.firmware_sim.stand import ask_rtu, crc, port, read
from tests.firmware_sim.support import ORIGIN, RawClient, ServedProcess

LIVE = ("--live-start", "2026-05-01T11:00:00Z")


def test_a_home_is_served_as_another_family() -> None:
    options = ("--as", "huawei-sun2000", "--option", "serial=HV1", "--option", "unit=3")
    with ServedProcess("home-healthy", *LIVE, *options) as served, RawClient(served.port, 3) as client:
        assert (served.line["family"], served.line["unit_id"]) == ("huawei-sun2000", 3)
        assert client.words(30015, 2) == [0x4856, 0x3100]
        assert client.words(32064, 2)[1] > 0


def test_options_choose_among_a_family_s_maps() -> None:
    options = ("--as", "growatt", "--option", "map=b")
    with ServedProcess("home-healthy", *LIVE, *options) as served, RawClient(served.port) as client:
        assert len(client.words(3000, 125, 4)) == 125


def test_a_serial_line_says_its_names(tmp_path: Path) -> None:
    options = ("--as", "eastron-sdm630", "--serial", "--serial-dir", str(tmp_path), "--serial-settings", "19200N1")
    with ServedProcess("home-healthy", *LIVE, *options) as served:
        assert served.line["serial"] == "19200N1"
        by_id = Path(str(served.line["by_id"]))
        assert by_id.parent == tmp_path / "by-id"

        async def ask() -> bytes:
            async with port(Path(str(served.line["tty"])), baud=termios.B19200) as line:
                return await ask_rtu(line, 1, read(52, 2, 4), 5.0)

        frame = asyncio.run(ask())
        assert frame[-2:] == crc(frame[:-2])
    assert not by_id.exists()


@needs_mbpoll
def test_mbpoll_reads_a_served_serial_line() -> None:
    with ServedProcess("boiler-healthy", *LIVE, "--serial") as served:
        (outdoor,) = poll(rtu(str(served.line["by_id"]), baud=19200), 246, "4:int16", 9)
        assert -300 < int(outdoor) < 400


def test_rtu_over_tcp() -> None:
    options = ("--as", "deye-sunsynk", "--framing", "rtu-over-tcp")
    with (
        ServedProcess("home-healthy", *LIVE, *options) as served,
        socket.create_connection(("127.0.0.1", served.port), timeout=10) as line,
    ):
        body = bytes([1]) + read(588, 1)
        line.sendall(body + crc(body))
        frame = line.recv(64)
        assert frame[:3] == bytes([1, 3, 2])
        assert frame[-2:] == crc(frame[:-2])


def test_a_control_socket(tmp_path: Path) -> None:
    path = tmp_path / "control"
    with (
        ServedProcess("home-healthy", *LIVE, "--control", str(path)) as served,
        RawClient(served.port) as client,
        socket.socket(socket.AF_UNIX) as orders,
    ):
        orders.settimeout(10)
        orders.connect(str(path))
        orders.sendall(b'{"do": "fault", "code": "exception", "exception": 10}\n')
        assert json.loads(orders.recv(4096)) == {"ok": True}
        assert client.request(read(40000, 2)) == bytes([0x83, 10])
        orders.sendall(b'{"do": "clear"}\n')
        assert json.loads(orders.recv(4096)) == {"ok": True, "cleared": 1}
        assert client.words(40000, 2) == [0x5375, 0x6E53]
    assert not path.exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--as", "hauwei"), "no such family 'hauwei'; expected one of carlo"),
        (("--as", "nibe-s"), "--as nibe-s: home-healthy is a home, which cannot speak as a nibe-s"),
        (("--option", "colour"), "--option colour: expected KEY=VALUE"),
        (("--option", "colour=red"), "option colour=red: sunspec has no such option; expected one of maker"),
        (("--serial", "--serial-settings", "9601N1"), "serial settings '9601N1': expected like 9600N1"),
        (("--control", "/nowhere/at/all"), "--control /nowhere/at/all: cannot listen"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    options: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "home-healthy", "--origin", ORIGIN, *options]) == 2
    err = capsys.readouterr().err
    assert problem in err
    assert err.count("\n") == 1


def test_families_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["families"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(families())
    assert main(["families", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["goodwe-et"]["unit_id"] == 247
    assert rows["growatt"]["gap_ms"] == 850
    assert rows["growatt"]["options"] == {"map": ["a", "b"]}
    assert "p_grid" in rows["eastron-sdm630"]["tells"]
    assert all(row["sources"] for row in rows.values())
