"""One device's life by the commands people type: invited, claimed, at work, revoked, claimed again; after an outage.

The aggregator, Mosquitto with the shipped configuration and the agent are real processes.
"""

import json
import random
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.domain.wire import STATUS, Status, encode_status
from agent.identity.files import About, IdentityFiles, Pair
from cloud.identity import authority as ca
from cloud.identity.folder import Folder
from tests.helpers.broker import MOSQUITTO, free_port
from tests.helpers.histories import write_home_history
from tests.helpers.identities import DAY_MS, now_ms
from tests.helpers.programs import Program, answers, run, wait_for
from tests.helpers.secure_broker import SecureBroker

pytestmark = [pytest.mark.journey, pytest.mark.broker, pytest.mark.skipif(MOSQUITTO is None, reason="no Mosquitto")]

DEVICE = "mill-lane-4"


class Stack:
    """An aggregator with its broker, and the folder of one device."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cloud = folder / "cloud.toml"
        self.site = folder / "home" / "site.toml"
        self.http, self.doors = free_port(), free_port()
        self.site.parent.mkdir()
        self.keys = Folder(folder / "identity")
        self.files = IdentityFiles(self.site.parent / "state")
        self.broker = SecureBroker(folder / "broker", self.keys.path)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.doors}"

    def configure(self) -> None:
        self.cloud.write_text(
            f'[http]\nport = {self.http}\n[devices]\nhost = "127.0.0.1"\nport = {self.doors}\n'
            f'[broker]\nhost = "127.0.0.1"\nport = {self.broker.port}\n'
            'cafile = "identity/ca.pem"\ncertfile = "identity/aggregator.pem"\n'
            f'[identity]\nbroker_host = "127.0.0.1"\nbroker_port = {self.broker.port}\n'
            f'reload_pid = "{self.broker.pid_file}"\n'
        )
        write_home_history(self.site.parent / "home.csv", days=1, seed=3)
        self.site.write_text(f'[device]\nid = "{DEVICE}"\n\n[site]\ntimezone = "Europe/Berlin"\n')

    def identity(self, *words: str) -> str:
        """`emberwatt-cloud identity …`"""
        done = run("cloud", "identity", words[0], "--config", self.cloud, *words[1:])
        assert done.returncode == 0, done.stderr
        return done.stdout

    def claim(self, part: str = "claim") -> str:
        """Invited by one command, claimed by the other, as it was printed."""
        invitation = json.loads(self.identity(part, DEVICE, "--json"))
        assert invitation["aggregator"] == self.url
        words = [self.site, "--token", invitation["code"], "--aggregator", invitation["aggregator"]]
        done = run("agent", "claim", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def drain(self) -> Program:
        words = ["run", "--config", self.site, "--history", self.site.parent / "home.csv", "--until-drained"]
        return Program("agent", words, self.folder / "agent.log")

    def post(self, device: str, certificate: Path | None) -> tuple[int, str]:
        """A status of `device` over HTTPS."""
        context = ssl.create_default_context(cafile=self.keys.ca)
        if certificate is not None:
            context.load_cert_chain(certificate)
        url = f"{self.url}/device/1/{device}/{STATUS}"
        try:
            request = urllib.request.Request(url, encode_status(Status("online")))
            with urllib.request.urlopen(request, context=context, timeout=10) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def sites(self) -> list[str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/api/v1/devices", timeout=10) as answer:
            return [site["device"] for site in json.load(answer)["items"]]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = Stack(tmp_path_factory.mktemp("identity"))
    with ExitStack() as parts:
        made.cloud.write_text("")
        made.identity("init", "--host", "localhost", "--host", "127.0.0.1")
        parts.enter_context(made.broker)
        made.configure()
        cloud = parts.enter_context(Program("cloud", ["serve", "--config", made.cloud], made.folder / "cloud.log"))
        wait_for("the aggregator", lambda: answers(f"http://127.0.0.1:{made.http}/api/v1/health"))
        wait_for("its connection", lambda: ca.AGGREGATOR in made.broker.said())
        yield made
        assert "Traceback" not in cloud.said(), cloud.said()


def test_claimed_at_work_revoked_and_back(stack: Stack) -> None:
    said = stack.claim()
    assert "its [uplink] uses them now" in said
    with stack.drain() as agent:
        wait_for(f"everything to arrive: {agent.said()}", agent.ended)
        assert agent.process is not None
        assert agent.process.returncode == 0, agent.said()
    assert stack.sites() == [DEVICE]
    assert stack.post(DEVICE, stack.files.device) == (200, "")

    assert "1 certificate revoked" in stack.identity("revoke", DEVICE, "--reason", "stolen")
    status, why = stack.post(DEVICE, stack.files.device)
    assert status == 403
    assert "revoked" in why
    stack.files.folder.parent.joinpath("journal.db").unlink()
    with stack.drain() as agent:
        wait_for("the broker to refuse it", lambda: "certificate verify failed" in stack.broker.said())
        assert not agent.ended()
    done = run("agent", "claim", stack.site, "--renew")
    assert done.returncode == 2
    assert "is revoked" in done.stderr

    assert "its [uplink] uses them already" in stack.claim("reclaim")
    with stack.drain() as agent:
        wait_for(f"everything to arrive: {agent.said()}", agent.ended)
        assert agent.process is not None
        assert agent.process.returncode == 0, agent.said()
    assert stack.post(DEVICE, stack.files.device) == (200, "")


@pytest.fixture
def pairs(stack: Stack, tmp_path: Path) -> dict[str, Path]:
    """Certificates that a device might show."""
    authority, now = stack.keys.load(), now_ms()

    def write(name: str, signer: ca.Authority, device: str, issued_ms: int, days: float) -> Path:
        key = ca.make_key()
        certificate = ca.issue_device(signer, device, key.public_key(), issued_ms, days)
        (tmp_path / name).write_text(ca.pem(certificate) + ca.key_pem(key))
        return tmp_path / name

    return {
        "right": write("right.pem", authority, DEVICE, now, 10),
        "expired": write("expired.pem", authority, DEVICE, now - 20 * DAY_MS, 10),
        "another's": write("anothers.pem", authority, "site-02", now, 10),
        "a stranger's": write("strangers.pem", ca.make_authority(now), DEVICE, now, 10),
        "a server's": stack.keys.server,
        "the aggregator's": stack.keys.aggregator,
    }


@pytest.mark.parametrize(
    ("shown", "status", "said"),
    [
        ("right", 200, ""),
        ("none", 401, "a client certificate is needed"),
        ("expired", 403, "expired on"),
        ("another's", 403, f"the certificate is that of site-02, not of {DEVICE}"),
        ("the aggregator's", 403, "not that of a device"),
        ("a server's", 0, ""),
        ("a stranger's", 0, ""),
    ],
)
def test_over_https_a_device_is_who_its_certificate_says(
    stack: Stack, pairs: dict[str, Path], shown: str, status: int, said: str
) -> None:
    """What is not even a device's certificate of this authority ends in the handshake: status 0."""
    found, why = stack.post(DEVICE, pairs.get(shown))
    assert (found, said in why) == (status, True), why


def test_after_thirteen_months_in_the_dark_the_agent_helps_itself(stack: Stack) -> None:
    """Its certificate expired a month ago: neither broker nor HTTPS takes it, and nobody comes by."""
    authority, key, start_ms = stack.keys.load(), ca.make_key(), now_ms() - 395 * DAY_MS
    certificate = ca.issue_device(authority, DEVICE, key.public_key(), start_ms, 365)
    end_ms = start_ms + 365 * DAY_MS
    about = About(DEVICE, stack.url, start_ms, end_ms, start_ms + 240 * DAY_MS)
    stack.files.write_ca(authority.pem)
    stack.files.write_pair(Pair(about, ca.pem(certificate), ca.key_pem(key)))
    site = stack.site.read_text()
    if "[uplink]" not in site:
        stack.site.write_text(
            f'{site}\n[uplink]\nhost = "127.0.0.1"\nport = {stack.broker.port}\n'
            'cafile = "state/identity/ca.pem"\ncertfile = "state/identity/device.pem"\n'
        )
    assert "expired" in stack.post(DEVICE, stack.files.device)[1]
    seed = random.Random(1).randrange(sys.maxsize)
    (stack.files.folder.parent / "journal.db").unlink(missing_ok=True)
    write_home_history(stack.site.parent / "home.csv", days=1, seed=seed)
    with stack.drain() as agent:
        wait_for(f"everything to arrive: {agent.said()}", agent.ended, 60)
        assert agent.process is not None
        assert agent.process.returncode == 0, agent.said()
    after = stack.files.about()
    assert after is not None
    assert after.not_after_ms > now_ms() + 300 * DAY_MS
    assert stack.post(DEVICE, stack.files.device) == (200, "")
