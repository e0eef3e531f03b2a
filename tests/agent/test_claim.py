"""`emberwatt-agent claim` as an installer runs it."""

import json
from pathlib import Path

import pytest

from agent.__main__ import main
from agent.config import load
from tests.helpers.broker import free_port
from tests.helpers.identities import Office

SITE = '[device]\nid = "site-01"\nstate = "var"\n\n[site]\nname = "Mill Lane 4"\n'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site.toml").write_text(SITE)
    return tmp_path / "site.toml"


def agent(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["claim", *map(str, arguments)])
    return ended.value.code if isinstance(ended.value.code, int) else 1


def code_for(here: Office, device: str = "site-01") -> str:
    return here.desk.invite(device, "anna", again=True).code


def test_one_command_and_the_site_is_ready(
    here: Office, url: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert agent(site, "--token", code_for(here).lower(), "--aggregator", url) == 0
    said = capsys.readouterr().out
    assert "site-01 has a certificate until " in said
    assert "its [uplink] uses them now; the earlier file is site.toml." in said
    uplink = load(site).uplink
    assert uplink is not None
    assert (uplink.host, uplink.port) == ("127.0.0.1", 8883)
    assert (uplink.cafile, uplink.certfile) == ("var/identity/ca.pem", "var/identity/device.pem")
    assert (site.parent / uplink.certfile).exists()
    (backup,) = site.parent.glob("*.bak")
    assert backup.read_text() == SITE


def test_claimed_again_it_says_that_the_file_fits(
    here: Office, url: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert agent(site, "--token", code_for(here), "--aggregator", url) == 0
    assert "its [uplink] uses them already" in capsys.readouterr().out


def test_another_uplink_is_left_alone_and_told(
    here: Office, url: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SITE + '[uplink]\nhost = "mine"\nport = 1884\ncertfile = "other.pem"\n'
    site.write_text(text)
    assert agent(site, "--token", code_for(here), "--aggregator", url) == 0
    said = capsys.readouterr().out
    assert "Write this into" in said
    assert 'certfile = "var/identity/device.pem"' in said
    assert "[uplink] names mine:1884, the aggregator says 127.0.0.1:8883" in said
    assert site.read_text() == text


@pytest.mark.parametrize("carrier", ["https", "websocket"])
def test_a_way_past_the_broker_keeps_its_host_and_port(
    here: Office, url: str, site: Path, capsys: pytest.CaptureFixture[str], carrier: str
) -> None:
    text = SITE + f'[uplink]\nhost = "mine"\ncarrier = "{carrier}"\n'
    site.write_text(text)
    assert agent(site, "--token", code_for(here), "--aggregator", url) == 0
    uplink = load(site).uplink
    assert uplink is not None
    assert (uplink.host, uplink.port, uplink.carrier) == ("mine", None, carrier)
    assert uplink.certfile == "var/identity/device.pem"
    site.write_text(text + 'certfile = "other.pem"\n')
    assert agent(site, "--token", code_for(here), "--aggregator", url) == 0
    written = capsys.readouterr().out.split("Write this into")[1]
    assert 'certfile = "var/identity/device.pem"' in written
    assert "port" not in written
    assert "host" not in written


def test_a_state_elsewhere_is_named_in_full(here: Office, url: str, site: Path, tmp_path: Path) -> None:
    site.write_text(SITE.replace('"var"', f'"{tmp_path.parent / "elsewhere"}"'))
    assert agent(site, "--token", code_for(here), "--aggregator", url) == 0
    uplink = load(site).uplink
    assert uplink is not None
    assert uplink.certfile == str((tmp_path.parent / "elsewhere").resolve() / "identity" / "device.pem")


def test_for_scripts(here: Office, url: str, site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert agent(site, "--token", code_for(here), "--aggregator", url, "--json") == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["device"], first["site_file_changed"]) == ("site-01", True)
    assert agent(site, "--renew", "--json") == 0
    second = json.loads(capsys.readouterr().out)
    assert second["certfile"] == first["certfile"]
    assert agent(site, "--renew") == 0
    assert "site-01 has a new certificate until" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "--token is missing"),
        (["--token", "{code}"], 2, "--aggregator is missing"),
        (["--token", "{code}", "--renew"], 2, "--renew needs no --token"),
        (["--renew"], 2, "this device has no certificate yet"),
        (["--token", "ABC", "--aggregator", "{url}"], 2, "claim code has 3 letters, expected 42"),
        (["--token", "{code}", "--aggregator", "http://x"], 2, "expected https://HOST"),
        (["--token", "{code}", "--aggregator", "{url}", "--ca-fingerprint", "12"], 2, "64 hexadecimal digits"),
        (["--token", "{code}", "--aggregator", "{url}", "--ca-fingerprint", "0" * 64], 2, "not the aggregator that"),
        (["--token", "{code}", "--aggregator", "{url}", "--ca", "no.pem"], 2, "no.pem: cannot be read"),
        (["--token", "{other}", "--aggregator", "{url}"], 2, "not for a device called site-01"),
        (["--token", "{code}", "--aggregator", "{nobody}"], 1, "Connection refused"),
    ],
)
def test_every_mistake_is_one_line(
    here: Office,
    url: str,
    site: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    names = {
        "{code}": code_for(here),
        "{other}": code_for(here, "site-02"),
        "{url}": url,
        "{nobody}": f"https://127.0.0.1:{free_port()}",
    }
    assert agent(site, *(names.get(each, each) for each in arguments)) == status
    heard = capsys.readouterr().err.splitlines()
    assert heard[0].startswith("emberwatt-agent: ")
    assert said in heard[0]
    assert len(heard) <= 2
    assert site.read_text() == SITE
