import argparse
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sunspec2.modbus.client as sunspec_client

from agent.domain.signals import PV_POWER, ROOM_TEMPERATURE
from firmware_sim.clock import SimClock, parse_instant
from firmware_sim.errors import BadArgument
from firmware_sim.registers import COILS
from firmware_sim.scenario import load_scenario
from firmware_sim.serve import LiveSite, serve
from firmware_sim.site import Site
from tests.firmware_sim.support import LIVE_MS, ORIGIN, ORIGIN_MS, RawClient, ServedProcess, wait_until

LIVE = ("--live-start", "2026-05-31T09:00:00Z")


def test_a_home_is_read_by_pysunspec2_over_a_socket() -> None:
    with ServedProcess("home-healthy", *LIVE) as served:
        assert served.line["unit_id"] == 1
        device = sunspec_client.SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr="127.0.0.1", ipport=served.port)
        device.scan()
        site = Site(load_scenario("home-healthy"), ORIGIN_MS)
        seen = [site.observe(LIVE_MS + minute * 60_000) for minute in (0, 1, 2)]
        device.models[160][0].read()
        modules = device.models[160][0].groups["module"]
        pv = sum(module.points["DCW"].cvalue for module in modules[:2])
        assert any(observed is not None and abs(observed[PV_POWER] - pv) < 1.5 for observed in seen)
        device.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_when_asked(number: signal.Signals) -> None:
    with ServedProcess("home-seattle", *LIVE) as served, RawClient(served.port) as client:
        client.words(40000, 2)
        served.process.send_signal(number)
        assert served.process.wait(20) == 0
        assert served.process.stderr is not None
        assert served.process.stderr.read() == ""
        with pytest.raises(ConnectionError):
            RawClient(served.port)


def test_a_boiler_is_read_with_its_holes() -> None:
    with ServedProcess("boiler-healthy", *LIVE) as served, RawClient(served.port, 246) as client:
        assert client.words(0, 7)[0] == 5576
        room = client.words(19, 1)[0] / 10
        seen = Site(load_scenario("boiler-healthy"), ORIGIN_MS).observe(LIVE_MS)
        assert seen is not None
        assert room == pytest.approx(seen[ROOM_TEMPERATURE], abs=0.15)
        assert client.request(bytes([3, 0, 0, 0, 41])) == bytes([0x83, 2])
        assert client.request(bytes([3, 0, 9, 0, 125])) == bytes([0x83, 3])
        assert client.request(bytes([COILS, 0, 56, 0, 1]))[:2] == bytes([1, 1])
        with RawClient(served.port, 1) as stranger:
            assert stranger.request(bytes([3, 0, 0, 0, 1])) == bytes([0x83, 11])


def test_time_runs_sixty_times_as_fast() -> None:
    wall = str(time.time_ns() // 1_000_000)
    options = (*LIVE, "--rate", "60", "--wall-start", wall)
    with ServedProcess("boiler-healthy", *options) as served, RawClient(served.port, 246) as client:

        def minutes() -> int:
            hhmm = client.words(99, 1)[0]
            return hhmm // 100 * 60 + hhmm % 100

        first, started = minutes(), time.monotonic()
        wait_until(lambda: minutes() >= first + 3)
        assert 1.5 < time.monotonic() - started < 10
        real = (time.time_ns() // 1_000_000 - int(wall)) / 1000
        assert abs(minutes() - (11 * 60 + real)) < 2.5


def test_a_device_out_of_reach_refuses_and_returns() -> None:
    out_of_reach = parse_instant("2026-05-31T09:15:00Z")
    with ServedProcess("home-unreachable", "--live-start", "2026-05-31T09:14:50Z", "--rate", "300") as served:

        def refused() -> bool:
            try:
                socket.create_connection(("127.0.0.1", served.port), timeout=5).close()
            except ConnectionRefusedError:
                return True
            return False

        assert out_of_reach > LIVE_MS
        wait_until(refused)
        wait_until(lambda: not refused())
        with RawClient(served.port) as client:
            assert client.words(40000, 2) == [0x5375, 0x6E53]


def test_one_image_serves_a_simulated_second() -> None:
    site = Site(load_scenario("home-seattle"), ORIGIN_MS)
    frozen = LiveSite(site, SimClock(LIVE_MS, time.time_ns() // 1_000_000, 1e-6, floor_ms=ORIGIN_MS))
    assert frozen.image() is frozen.image()
    moving = LiveSite(site, SimClock(LIVE_MS, time.time_ns() // 1_000_000 - 1000, 3600.0, floor_ms=ORIGIN_MS))
    before = moving.image()
    wait_until(lambda: moving.image() is not before)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"origin": "soon"}, "--origin: 'soon' is not an instant"),
        ({"live_start": "2026-04-01T00:00:00Z"}, "--live-start 2026-04-01T00:00:00Z: expected an instant at or behind"),
        ({"rate": 0.0}, "--rate 0: expected more than 0"),
        ({"rate": float("nan")}, "--rate nan: expected more than 0"),
        ({"port": 70000}, "--port 70000: expected 0 to 65535"),
    ],
)
def test_bad_arguments_are_one_clear_line(changes: dict[str, object], problem: str) -> None:
    arguments = {"scenario": "home-seattle", "host": "127.0.0.1", "port": 0, "origin": ORIGIN, "live_start": None}
    arguments |= {"wall_start": None, "rate": 1.0, "json": False}
    with pytest.raises(BadArgument) as caught:
        serve(argparse.Namespace(**(arguments | changes)))
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(("name", "problem"), [("a-file", "Not a directory"), ("a-file/below", "Not a directory")])
def test_names_of_a_line_need_a_folder(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "a-file").write_text("mine")
    words = ["serve", "home-seattle", "--origin", ORIGIN, "--serial", "--serial-dir", str(tmp_path / name)]
    done = subprocess.run(
        [sys.executable, "-m", "firmware_sim", *words], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    folder = tmp_path / name
    assert done.stderr == f"emberwatt-sim: --serial-dir {folder}: cannot be a folder for the line: {problem}\n"
