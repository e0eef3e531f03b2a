"""The wizard from the first question to the written file against the simulator's own sites and wiring mistakes."""

import json
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.clock import SimulatedClock
from firmware_sim.clock import parse_instant
from tests.helpers.browser import browser_page, chromium
from tests.helpers.programs import Program, run, wait_for
from tests.helpers.served_site import ServedSite, served_site
from tests.helpers.setup_pages import Shooter, press, shows, submit
from tests.helpers.terminal import Terminal

pytestmark = pytest.mark.journey

RATE = 30.0
MORNING, MORNING_AT = "2026-01-12T00:00:00Z", "2026-01-13T06:10:00Z"
DAY, DAY_AT = "2026-05-01T00:00:00Z", "2026-05-01T12:30:00Z"


def clock_at(instant: str) -> SimulatedClock:
    return SimulatedClock(parse_instant(instant), time.time_ns() // 1_000_000, RATE)


def site_file(folder: Path, clock: SimulatedClock) -> Path:
    path = folder / "site.toml"
    path.write_text(
        '[device]\nid = "mill-lane-4"\n\n[site]\nname = "Mill Lane 4"\n\n'
        f"[clock]\norigin_ms = {clock.origin_ms}\nstarted_ms = {clock.started_ms}\nrate = {clock.rate}\n"
    )
    return path


@pytest.fixture
def boiler(tmp_path: Path) -> Iterator[tuple[ServedSite, Path]]:
    clock = clock_at(MORNING_AT)
    with served_site("boiler-healthy", "luxtronik", clock, MORNING, tmp_path) as site:
        yield site, site_file(tmp_path, clock)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[ServedSite, Path]]:
    clock = clock_at(DAY_AT)
    with served_site("home-healthy", "sungrow-sh", clock, DAY, tmp_path) as site:
        yield site, site_file(tmp_path, clock)


def add(terminal: Terminal, served: ServedSite, name: str) -> None:
    terminal.answer("Address of a device", served.address)
    terminal.answer("Profile (? lists them):")
    while terminal.expect_one("(y/N)", "Call it:")[0] != "Call it:":
        terminal.say("n")
    terminal.say(name)
    terminal.answer("Enter to go on")
    terminal.answer("Read again?", "n")


def prove_heat(terminal: Terminal, served: ServedSite, outdoor: str) -> None:
    terminal.answer("Prove it now?", "y")
    terminal.answer("How warm is it outside", outdoor)
    terminal.expect("Ask for heat")
    terminal.expect("Then press Enter.")
    served.order("heat", room=28)
    terminal.say()


def test_exchanged_flow_and_return_are_found_put_right_and_proven(boiler: tuple[ServedSite, Path]) -> None:
    served, site = boiler
    served.order("wire", code="flow_return_exchanged")
    with Terminal("agent", ["setup", "--config", site]) as terminal:
        terminal.expect("1 of 4")
        add(terminal, served, "heating")
        prove_heat(terminal, served, "3")
        terminal.expect("flow and return sensors are exchanged", 60)
        terminal.answer("Put this right in the site file?", "y")
        prove_heat(terminal, served, "3")
        shown = terminal.expect("write the site file", 60)
        assert "flow_temperature is right" in shown
        assert "return_temperature is right" in shown
        terminal.answer("Replace it?", "y")
        terminal.expect("Written:")
        assert terminal.ended() == 0
    correct = tomllib.loads(site.read_text())["source"][0]["correct"]
    assert correct == {"exchange": [["flow_temperature", "return_temperature"]]}
    report = json.loads((site.parent / "state" / "proof.json").read_text())
    assert report["right"] is True
    done = run("agent", "read", "--config", site, "--json")
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)["heating"]["values"]
    assert values["flow_temperature"] > values["return_temperature"]


def test_a_meter_that_the_inverter_computes_with_is_put_right_at_the_inverter(home: tuple[ServedSite, Path]) -> None:
    served, site = home
    served.order("wire", code="scale", factor=10.0, of="grid")
    with Terminal("agent", ["setup", "--config", site]) as terminal:
        add(terminal, served, "inverter")
        prove_load(terminal, served)
        shown = terminal.expect("Prove it now?", 60)
        assert "grid_power, load_power is 10 times too large" in shown
        assert "in the device's own menu" in shown
        assert "Put this right" not in shown
        served.order("unwire")
        terminal.say("y")
        prove_load(terminal, served, asked=True)
        assert "grid_power is right" in terminal.expect("write the site file", 60)


def prove_load(terminal: Terminal, served: ServedSite, *, asked: bool = False) -> None:
    if not asked:
        terminal.answer("Prove it now?", "y")
    terminal.answer("How many watts", "2000")
    terminal.answer("three phases?", "n")
    for _ in range(2):
        terminal.expect("Switch the load on. Then press Enter.")
        served.order("load", watts=2000)
        terminal.say()
        terminal.expect("Switch the load off. Then press Enter.")
        served.order("load", watts=0)
        terminal.say()


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")
def test_heating_on_a_phone(boiler: tuple[ServedSite, Path], tmp_path: Path) -> None:
    served, site = boiler
    served.order("wire", code="outdoor_room_exchanged")
    arguments: list[str | Path] = ["setup", "--config", site, "--page", "127.0.0.1:0", "--pin", "271828"]
    with Program("agent", arguments, tmp_path / "page.log") as program, browser_page(400, 800) as page:
        wait_for("the address", lambda: "PIN 271828" in program.said())
        page.size(400, 800, mobile=True)
        page.goto(program.said().split()[0])
        shoot = Shooter(page, tmp_path)
        submit(page, "[name=pin]", "271828")
        submit(page, "[name=where]", served.address)
        shows(page, "Luxtronik")
        shoot("heat-found")
        press(page, "Add it")
        press(page, "Read the devices")
        shows(page, "flow temperature")
        shoot("heat-read")
        press(page, "Prove that they are right")
        shows(page, "How warm is it outside")
        page.ask("document.querySelector('[name=outdoor]').value = '3'")
        shoot("heat-prepare")
        press(page, "Begin")
        shows(page, "Ask for heat")
        shoot("heat-ask")
        served.order("heat", room=28)
        press(page, "Heat is asked for")
        shows(page, "seconds more")
        shoot("heat-wait")
        shows(page, "Outdoor and room sensors are exchanged", 60)
        shoot("heat-verdict")
        press(page, "Put it right in the site file")
        shows(page, "Corrected. Prove it again")
        shoot("heat-corrected")
        press(page, "Write the site file")
        shows(page, "exchange")
        page.ask("document.querySelector('[name=replace]').click()")
        press(page, "Write it")
        shows(page, "Written")
        assert page.complaints() == []
    assert tomllib.loads(site.read_text())["source"][0]["correct"]["exchange"] == [
        ["outdoor_temperature", "room_temperature"]
    ]
