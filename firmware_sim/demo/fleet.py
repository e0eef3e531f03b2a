"""The demo itself: raise the stage, play, tell what is seen, and judge."""

import fcntl
import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from firmware_sim.clock import instant_text
from firmware_sim.demo import broker, past
from firmware_sim.demo.processes import Processes
from firmware_sim.demo.stage import Login, Timeline, World, cloud_file, free_port, site_file
from firmware_sim.demo.watch import Api, ApiUnavailable, Expectation, Watch
from firmware_sim.errors import BadArgument
from firmware_sim.scenario import Scenario, SiteKind, load_scenario, shipped

BIN = Path(sys.executable).parent
# The simulators need a few seconds to compute where their plants are; the clock starts once they can answer.
LEAD_MS = 10_000
# And an agent needs some until its first reading. What it reads before the clock starts it knows from its past.
HEAD_START_MS = 4_000
START_SECONDS = 90.0
PATIENCE_SECONDS = 120.0
MODBUS_PORT = 502
DAY_MS = 86_400_000


class DemoFailed(Exception):
    """The demo could not be played or its verdict is bad; the text says why."""


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """`duration_s` counts from the moment everything runs, and is longer where the past takes longer to judge; None
    plays until Ctrl-C.
    """

    state: Path
    port: int
    rate: float
    duration_s: float | None
    fresh: bool


def play(settings: DemoSettings) -> None:
    """Play the demo. Raises `BadArgument`, `DemoFailed`, `KeyboardInterrupt` when asked to stop from outside."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _alone(settings.state):
        if settings.fresh:
            _forget(settings.state)
        stage = Stage(settings, World.load(settings.state / "world.json"))
        with Processes(settings.state / "logs") as processes:
            try:
                stage.play(processes)
            finally:
                processes.stop()
                stage.keep()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with _lock_file(folder) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoFailed(f"{folder}: a demo is running there already; stop it or use --state") from None
        yield


def _lock_file(folder: Path) -> TextIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "lock").open("w")
    except FileExistsError:
        raise BadArgument(f"--state {folder}: is a file, expected a folder or a name for one") from None
    except OSError as error:
        raise BadArgument(f"--state {folder}: cannot be a folder for its data: {error.strerror}") from error


def _forget(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != "lock":
            entry.unlink()


def say(text: str) -> None:
    print(text, flush=True)


@dataclass(slots=True)
class Stage:
    """One run: the world, its scenarios, and the clock once it has been set."""

    settings: DemoSettings
    world: World
    scenarios: list[Scenario] = field(default_factory=list)
    timeline: Timeline | None = None

    def play(self, processes: Processes) -> None:
        self.scenarios = [load_scenario(name) for name in shipped()]
        self.world.admit([scenario.name for scenario in self.scenarios])
        self._make_past()
        self.timeline = Timeline(self.world.now_ms, _wall_ms() + LEAD_MS, self.settings.rate)
        say(f"starting {len(self.scenarios)} homes, a broker and the aggregator …")
        modbus = self._start_simulators(processes)
        broker_port, http_port = free_port(), free_port(self.settings.port)
        self._start_broker(processes, broker_port)
        api = self._start_aggregator(processes, broker_port, http_port)
        time.sleep(max(0.0, (self.timeline.wall_ms - HEAD_START_MS - _wall_ms()) / 1000))
        for scenario in self.scenarios:
            self._start_agent(processes, scenario, modbus[scenario.name], broker_port)
        self._announce(api)
        self._watch(processes, api)

    def keep(self) -> None:
        """Remember where the clock stood, so that a second start goes on from there."""
        if self.timeline is not None:
            self.world.now_ms = max(self.world.now_ms, self.timeline.at(_wall_ms()))
        self.world.save(self.settings.state / "world.json")

    def _folder(self, scenario: Scenario) -> Path:
        folder = self.settings.state / "sites" / scenario.name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _make_past(self) -> None:
        still = self.world.past_clock(_wall_ms())
        homes = [(scenario, self._folder(scenario)) for scenario in self.scenarios]
        try:
            past.make(homes, self.world, lambda scenario: site_file(_site(scenario), still, MODBUS_PORT, None))
        except past.PastFailed as error:
            raise DemoFailed(str(error)) from error

    def _start_simulators(self, processes: Processes) -> dict[str, int]:
        assert self.timeline is not None
        for scenario in self.scenarios:
            command = [str(BIN / "emberwatt-sim"), "serve", scenario.name, "--json", "--port", "0"]
            command += ["--origin", instant_text(self.world.origin_ms)]
            command += ["--live-start", instant_text(self.timeline.live_ms)]
            command += ["--wall-start", str(self.timeline.wall_ms), "--rate", str(self.timeline.rate)]
            processes.start(f"home {scenario.name}", command)
        return {scenario.name: self._port_of(processes, f"home {scenario.name}") for scenario in self.scenarios}

    def _port_of(self, processes: Processes, name: str) -> int:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for line in processes.tail(name, 20).splitlines():
                if line.startswith("{"):
                    return int(json.loads(line)["port"])
            _check(processes)
            time.sleep(0.05)
        raise DemoFailed(f"{name} did not listen within {START_SECONDS:.0f} s: {processes.tail(name)}")

    def _start_broker(self, processes: Processes, port: int) -> None:
        program = broker.mosquitto()
        say(f"{'Mosquitto' if program else 'embedded broker'} on 127.0.0.1:{port}")
        folder = self.settings.state / "broker"
        processes.start("broker", broker.prepare(folder, port, self.world.passwords, program))

    def _start_aggregator(self, processes: Processes, broker_port: int, http_port: int) -> Api:
        assert self.timeline is not None
        folder = self.settings.state / "cloud"
        folder.mkdir(exist_ok=True)
        password = self.world.passwords[broker.AGGREGATOR]
        _write(folder / "cloud.toml", cloud_file(self.timeline, broker_port, http_port, password))
        processes.start("aggregator", [BIN / "emberwatt-cloud", "serve", "--config", folder / "cloud.toml"])
        api = Api(f"http://127.0.0.1:{http_port}")
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                api.get("health")
            except ApiUnavailable:
                _check(processes)
                time.sleep(0.1)
            else:
                return api
        raise DemoFailed(f"the aggregator did not answer within {START_SECONDS:.0f} s: {processes.tail('aggregator')}")

    def _start_agent(self, processes: Processes, scenario: Scenario, modbus_port: int, broker_port: int) -> None:
        assert self.timeline is not None
        folder = self._folder(scenario)
        login = Login(broker_port, self.world.passwords[scenario.name])
        _write(folder / "site.toml", site_file(_site(scenario), self.timeline, modbus_port, login))
        processes.start(f"agent {scenario.name}", [BIN / "emberwatt-agent", "run", "--config", folder / "site.toml"])

    def _announce(self, api: Api) -> None:
        assert self.timeline is not None
        say("")
        say(f"  fleet page   {api.base}/")
        say(f"  API          {api.base}/api/v1/docs")
        say(f"  logs, data   {self.settings.state}/")
        say(f"  clock        {instant_text(self.timeline.live_ms)} and {self.timeline.rate:g} times as fast as life")
        say("")

    def _watch(self, processes: Processes, api: Api) -> None:
        """Tell what is seen until the time is up; then judge."""
        assert self.timeline is not None
        watch = Watch(api, [scenario.name for scenario in self.scenarios], interactive=sys.stdout.isatty())
        duration = self.settings.duration_s
        deadline = None if duration is None else time.monotonic() + duration
        while deadline is None or time.monotonic() < deadline or self._waits(watch, deadline):
            _check(processes)
            watch.show(self.timeline.at(_wall_ms()))
            self.keep()
            time.sleep(1.0)
        self._judge(watch)

    def _waits(self, watch: Watch, deadline: float) -> bool:
        """Whether the time is up but a slow machine has not sent and shown all of the past yet."""
        return time.monotonic() < deadline + PATIENCE_SECONDS and bool(self._found(watch)[2])

    def _found(self, watch: Watch) -> tuple[list[Expectation], list[Expectation], list[str]]:
        """What was injected, what of it is due by now, and what is not as it should be."""
        assert self.timeline is not None
        now_ms = self.timeline.at(_wall_ms())
        expected = [want for scenario in self.scenarios for want in _expectations(scenario, self.world.origin_ms)]
        due = [want for want in expected if want.latest_ms <= now_ms]
        return expected, due, watch.problems(due, self.world.origin_ms, now_ms)

    def _judge(self, watch: Watch) -> None:
        expected, due, problems = self._found(watch)
        for want in expected:
            if want not in due:
                say(f"not due yet: {want.code} at {want.device}, expected by {instant_text(want.latest_ms)}")
        if problems:
            raise DemoFailed("\n  ".join(["the demo is not as it should be:", *problems]))
        say(f"all {len(due)} injected faults were found, and the data of all {len(self.scenarios)} sites arrived")


def _site(scenario: Scenario) -> dict[str, Any]:
    heating = scenario.kind is SiteKind.BOILER
    return {
        "device": scenario.name,
        "name": scenario.title,
        "latitude": scenario.place.latitude,
        "longitude": scenario.place.longitude,
        "timezone": scenario.zone.key,
        "source": "heating" if heating else "inverter",
        "profile": "samson-trovis-557x" if heating else "sunspec",
        "unit": scenario.unit_id,
    }


def _expectations(scenario: Scenario, origin_ms: int) -> Iterator[Expectation]:
    for want in scenario.expectations:
        start_ms, slack_ms = want.start.at_ms(origin_ms, scenario.zone), want.tolerance_min * 60_000
        yield Expectation(scenario.name, want.code, start_ms - slack_ms, start_ms + slack_ms)


def _check(processes: Processes) -> None:
    """Raises `DemoFailed` when a part has ended by itself."""
    for name, code in processes.dead().items():
        raise DemoFailed(f"{name} ended with status {code}:\n{processes.tail(name, 8)}")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
