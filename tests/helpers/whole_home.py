"""A whole home and its aggregator as real programs: simulator, broker, aggregator, agent."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt

from agent.domain.wire import TWIN_DESIRED, topic
from tests.helpers.broker import MosquittoBroker, free_port
from tests.helpers.programs import Program, answers, wait_for

DEVICE = "home-1"
_ORIGIN = "2026-05-01T00:00:00Z"


@dataclass
class WholeHome:
    """`site` and `cloud_file` are the two programs' files."""

    folder: Path
    broker: MosquittoBroker
    simulator: Program
    cloud: Program
    agent: Program
    site: Path
    cloud_file: Path
    base: str

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and document of one request to the API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.base}{path}", data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")

    def get(self, path: str) -> Any:
        return self.call("GET", path)[1]

    def twin(self) -> dict[str, Any]:
        """The reported document; empty before the first."""
        doc: dict[str, Any] = self.get(f"/devices/{DEVICE}/twin").get("reported", {}).get("doc", {})
        return doc

    def config(self) -> dict[str, Any]:
        told: dict[str, Any] = self.twin().get("config", {})
        return told

    def desire(self, doc: dict[str, Any]) -> int:
        """Wish for it over the API; its version."""
        version = self.get(f"/devices/{DEVICE}/twin")["desired"]["version"]
        status, answer = self.call("PUT", f"/devices/{DEVICE}/twin/desired?expected={version}", doc)
        assert status == 200, answer
        return int(answer["version"])

    def until_config(self, version: int, *states: str, timeout_s: float = 40.0) -> dict[str, Any]:
        """What is told of that version once it is in one of `states`."""
        told: list[dict[str, Any]] = [{}]

        def settled() -> bool:
            told[0] = self.config()
            return told[0].get("version") == version and told[0].get("state") in states

        self.until(f"version {version} to be {' or '.join(states)}", settled, timeout_s)
        return told[0]

    def until(self, what: str, condition: Callable[[], bool], timeout_s: float = 40.0) -> None:
        """Wait for it; a failure shows what the agent said."""
        try:
            wait_for(what, condition, timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.config()}\n{self.agent.said()[-3000:]}") from error

    def events(self, name: str) -> list[dict[str, Any]]:
        items = self.get(f"/events?device={DEVICE}&limit=500")["items"]
        return [item for item in items if item["name"] == name]

    async def publish_desired(self, payload: bytes) -> None:
        """As somebody might who can write to the broker."""
        async with aiomqtt.Client("127.0.0.1", self.broker.port) as client:
            await client.publish(topic(DEVICE, TWIN_DESIRED), payload, qos=1)


@contextmanager
def whole_home(
    folder: Path, *, interval_s: float = 0.5, probation_s: float = 3.0, https: bool = False
) -> Iterator[WholeHome]:
    """A heating controller that is read, and answered for by the aggregator, over MQTT or HTTPS (without the S)."""
    simulated = ["serve", "boiler-healthy", "--json", "--port", "0", "--origin", _ORIGIN]
    with MosquittoBroker(folder / "broker") as broker, Program("firmware_sim", simulated, folder / "sim.log") as home:
        wait_for("the boiler", lambda: "{" in home.said())
        port, http, door = json.loads(home.said().splitlines()[-1])["port"], free_port(), free_port()
        cloud_file, site = folder / "cloud.toml", folder / "site.toml"
        devices = f'[devices]\nhost = "127.0.0.1"\nport = {door}\ninsecure_loopback = true\n' if https else ""
        cloud_file.write_text(f"[http]\nport = {http}\n[broker]\nport = {broker.port}\n{devices}")
        way = f"port = {broker.port}\n"
        if https:
            way = f'carrier = "https"\ntls = false\nport = {door}\npoll_interval_s = 0.5\n'
        site.write_text(
            f'[device]\nid = "{DEVICE}"\n[poll]\ninterval_s = {interval_s}\n[steering]\nprobation_s = {probation_s}\n'
            f'[[source]]\nname = "heating"\nprofile = "samson-trovis-557x"\nhost = "127.0.0.1"\nport = {port}\n'
            f'unit = 246\n[uplink]\nhost = "127.0.0.1"\n{way}'
        )
        base = f"http://127.0.0.1:{http}/api/v1"
        with Program("cloud", ["serve", "--config", cloud_file], folder / "cloud.log") as cloud:
            wait_for("the aggregator", lambda: answers(f"{base}/health"))
            with Program("agent", ["run", "--config", site], folder / "agent.log") as agent:
                whole = WholeHome(folder, broker, home, cloud, agent, site, cloud_file, base)
                whole.until("the device", lambda: reachable(whole))
                yield whole


def reachable(home: WholeHome) -> bool:
    """Whether the twin says that the heating answers."""
    return home.twin().get("sources", {}).get("heating", {}).get("reachable") is True
