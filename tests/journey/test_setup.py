"""An installer's ten minutes: choose, read, prove, write; in a terminal, and on a phone."""

import json
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.clock import SimulatedClock
from tests.helpers.browser import browser_page, chromium
from tests.helpers.kettle_home import KettleHome, kettle_home
from tests.helpers.programs import Program, run, wait_for
from tests.helpers.setup_pages import Shooter, press, shows, submit
from tests.helpers.terminal import Terminal

pytestmark = pytest.mark.journey

RATE = 20.0


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(1_746_093_600_000, time.time_ns() // 1_000_000, RATE)


@pytest.fixture
def site(tmp_path: Path, clock: SimulatedClock) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(
        '# The mill.\n[device]\nid = "mill-lane-4"\n\n[site]\nname = "Mill Lane 4"  # by the brook\n\n'
        f"[clock]\norigin_ms = {clock.origin_ms}\nstarted_ms = {clock.started_ms}\nrate = {clock.rate}\n"
    )
    return path


@pytest.fixture
def simulator() -> Iterator[str]:
    """The address of a home of the simulator."""
    command = [
        sys.executable,
        "-m",
        "firmware_sim",
        "serve",
        "home-healthy",
        "--origin",
        "2026-05-01T09:00:00Z",
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield f"{told['host']}:{told['port']}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def call_it(terminal: Terminal, name: str = "") -> None:
    """Leave every variant of the profile as it is, then give the name."""
    while terminal.expect_one("(y/N)", "Call it:")[0] != "Call it:":
        terminal.say("n")
    terminal.say(name)


def prove(terminal: Terminal, home: KettleHome) -> None:
    terminal.answer("Prove it now?", "y")
    terminal.answer("How many watts", "2000")
    terminal.answer("three phases?", "n")
    for _ in range(2):
        terminal.expect("Switch the load on. Then press Enter.")
        home.switch(True)
        terminal.say()
        terminal.expect("Switch the load off. Then press Enter.")
        home.switch(False)
        terminal.say()


def test_a_turned_battery_is_found_put_right_and_proven(site: Path, clock: SimulatedClock) -> None:
    with kettle_home(clock, battery_reversed=True) as home, Terminal("agent", ["setup", "--config", site]) as terminal:
        terminal.answer("Address of a device", f"127.0.0.1:{home.port}")
        terminal.expect("Hybrid 10 at 127.0.0.1")
        terminal.answer("Profile (? lists them):")
        call_it(terminal, "inverter")
        terminal.answer("Enter to go on")
        live = terminal.expect("Read again?")
        assert re.search(r"grid_power +-?[\d,]+ W .*\d+: [0-9A-F]{4}", live), live
        terminal.say("n")
        prove(terminal, home)
        terminal.expect("the battery's sign is turned")
        terminal.answer("Put this right in the site file?", "y")
        prove(terminal, home)
        assert "battery_power is right" in terminal.expect("write the site file")
        terminal.answer("Replace it?", "y")
        terminal.expect("Written:")
        assert terminal.ended() == 0
    written = tomllib.loads(site.read_text())
    assert written["source"][0]["correct"] == {"flip": ["battery_power"]}
    assert "# by the brook" in site.read_text()
    assert list(site.parent.glob("site.toml.*.bak"))
    report = json.loads((site.parent / "state" / "proof.json").read_text())
    assert report["right"] is True


def test_a_setup_goes_on_where_it_was_left(site: Path, clock: SimulatedClock) -> None:
    with kettle_home(clock) as home:
        with Terminal("agent", ["setup", "--config", site]) as terminal:
            terminal.answer("Address of a device", f"127.0.0.1:{home.port}")
            terminal.answer("Profile (? lists them):", "sunspec")
            call_it(terminal, "roof")
            terminal.expect("Enter to go on")
        with Terminal("agent", ["setup", "--config", site]) as terminal:
            terminal.expect(f"roof: sunspec at 127.0.0.1:{home.port}")
            terminal.answer("Enter to go on")
            terminal.answer("Read again?", "n")
            terminal.answer("Prove it now?", "n")
            terminal.answer("Replace it?", "n")
            assert terminal.ended() == 2
    assert "source" not in tomllib.loads(site.read_text())


def test_a_new_site_against_the_simulator(tmp_path: Path, simulator: str) -> None:
    site = tmp_path / "site.toml"
    with Terminal("agent", ["setup", "--config", site]) as terminal:
        terminal.answer("at the broker", "No Good")
        terminal.answer("at the broker", "berlin-1")
        terminal.answer("for people")
        terminal.answer("Latitude", "52.45")
        terminal.answer("Longitude", "13.35")
        terminal.answer("Time zone", "Europe/Berlin")
        terminal.answer("Address of a device", simulator)
        terminal.expect("Fronius Symo GEN24")
        terminal.answer("Profile (? lists them):", "sunspec")
        call_it(terminal)
        terminal.answer("Enter to go on")
        terminal.answer("Read again?", "n")
        terminal.answer("Prove it now?", "n")
        terminal.answer("Write ", "y")
        terminal.expect("Written:")
        assert terminal.ended() == 0
    done = run("agent", "read", "--config", site)
    assert done.returncode == 0, done.stderr
    assert "pv_power" in done.stdout


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")
def test_on_a_phone(site: Path, clock: SimulatedClock, tmp_path: Path) -> None:
    log = tmp_path / "page.log"
    arguments: list[str | Path] = ["setup", "--config", site, "--page", "127.0.0.1:0", "--pin", "271828"]
    with (
        kettle_home(clock, grid_reversed=True) as home,
        Program("agent", arguments, log) as program,
        browser_page(400, 800) as page,
    ):
        wait_for("the address", lambda: "PIN 271828" in program.said())
        page.size(400, 800, mobile=True)
        page.goto(program.said().split()[0])
        shoot = Shooter(page, tmp_path)
        submit(page, "[name=pin]", "000000")
        shows(page, "not the PIN")
        submit(page, "[name=pin]", "271828")
        shows(page, "Add a device")
        shoot("choose")
        submit(page, "[name=where]", f"127.0.0.1:{home.port}")
        shows(page, "Hybrid 10")
        shoot("found")
        press(page, "Add it")
        shows(page, "sunspec at")
        press(page, "Read the devices")
        shows(page, "grid power")
        shoot("read")
        press(page, "Prove that they are right")
        shows(page, "How many watts")
        shoot("prepare")
        press(page, "Begin")
        for _ in range(2):
            shows(page, "Switch the load on")
            shoot("switch")
            home.switch(True)
            press(page, "It is on")
            shows(page, "Switch the load off")
            home.switch(False)
            press(page, "It is off")
        shows(page, "grid meter's sign is turned")
        shoot("verdict")
        press(page, "Put it right in the site file")
        shows(page, "Prove again")
        press(page, "Write the site file")
        shows(page, "flip")
        shoot("write")
        page.ask("document.querySelector('[name=replace]').click()")
        press(page, "Write it")
        shows(page, "Written")
        shoot("written")
        # The wrong PIN is answered with 403, which the browser notes.
        assert [each for each in page.complaints() if "/login" not in each] == []
        assert all(address.startswith("http://127.0.0.1") for address in page.requested())
        wide = page.ask("document.documentElement.scrollWidth")
        assert wide <= 400
    assert tomllib.loads(site.read_text())["source"][0]["correct"] == {"flip": ["grid_power"]}
