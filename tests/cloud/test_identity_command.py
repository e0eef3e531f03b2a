"""`emberwatt-cloud identity` as an operator runs it."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.domain.identity import read_claim_code
from cloud.__main__ import main
from cloud.config import load
from cloud.identity.folder import Folder
from cloud.store.database import Database
from tests.helpers.identities import Holder, keys, now_ms
from tests.helpers.uplinks import SetClock


class Desk:
    """The command over one folder."""

    def __init__(self, folder: Path, heard: pytest.CaptureFixture[str]) -> None:
        self.file = folder / "cloud.toml"
        self.file.write_text("[identity]\nbroker_port = 8884\n")
        self.heard = heard

    def run(self, *words: str, status: int = 0) -> str:
        """What it says; on stderr where it fails."""
        with pytest.raises(SystemExit) as ended:
            main(["identity", words[0], "--config", str(self.file), *words[1:]])
        said = self.heard.readouterr()
        assert ended.value.code == status, said
        return said.out if status == 0 else said.err

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))

    def claimed(self, device: str) -> Holder:
        """A device that used the code it was given."""
        from cloud.identity_wiring import open_desk

        token = read_claim_code(self.json("reclaim", device)["code"]).token
        clock, loaded = SetClock(now_ms()), load(self.file)
        holder = Holder(device, keys.make_key())
        with Database(loaded.database_url, clock) as database:
            holder.take(open_desk(loaded, database, clock).claim(holder.claim(token)))
        return holder


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


@pytest.fixture
def made(desk: Desk) -> Desk:
    desk.run("init", "--host", "broker.example.org", "--host", "192.0.2.7")
    return desk


def test_init_makes_everything_once_and_says_what_to_write(desk: Desk) -> None:
    said = desk.run("init", "--host", "broker.example.org")
    folder = Folder(desk.file.parent / "identity")
    assert {each.name for each in folder.path.iterdir()} == {
        ".lock",
        "acl",
        "aggregator.pem",
        "ca-key.pem",
        "ca.pem",
        "crl.pem",
        "server.pem",
    }
    assert 'certfile = "identity/aggregator.pem"' in said
    assert "hosts        broker.example.org" in said
    before = folder.ca_key.read_text()
    again = desk.json("init")
    assert folder.ca_key.read_text() == before
    assert again["hosts"] == ["broker.example.org"]
    assert again["fingerprint"] in said
    assert desk.json("init", "--host", "::1")["hosts"] == ["::1"]


def test_the_lines_it_prints_are_the_aggregators_settings(made: Desk) -> None:
    said = made.run("init")
    _, _, lines = said.partition("file:\n")
    text, _, _ = lines.partition("The broker")
    made.file.write_text(text)
    settings = load(made.file).settings
    assert (settings.broker.host, settings.broker.port) == ("broker.example.org", 8883)
    for name in (settings.broker.cafile, settings.broker.certfile):
        assert (made.file.parent / str(name)).exists()
    assert settings.devices is not None
    assert settings.devices.port == 8443


def test_a_name_that_init_takes_away_is_said_with_the_command_that_gives_it_back(made: Desk) -> None:
    said = made.run("init", "--host", "broker.example.org")
    assert "dropped      192.0.2.7: " in said
    (line,) = (line.strip() for line in said.splitlines() if "identity init" in line)
    words = line.split()
    assert made.json("init", "--host", "broker.example.org")["dropped"] == []
    assert words == [
        *("emberwatt-cloud identity init --host broker.example.org --host 192.0.2.7 --config".split()),
        str(made.file),
    ]
    again = made.json(*words[2:-2])
    assert again["hosts"] == ["broker.example.org", "192.0.2.7"]
    assert "dropped" not in made.run("init")


def test_what_init_prints_fits_the_file_it_was_given(made: Desk) -> None:
    made.file.write_text('[devices]\nhost = "192.0.2.9"\nport = 18443\n')
    said = made.run("init")
    assert '[devices]\nhost = "192.0.2.9"\nport = 18443\n' in said
    assert f"emberwatt-cloud identity broker-config --config {made.file} > /etc/mosquitto" in said
    assert f"identity claim DEVICE --config {made.file}" in made.run("list")


def test_a_claim_code_is_printed_as_a_command(made: Desk) -> None:
    said = made.run("claim", "site-01", "--hours", "2")
    line = next(line for line in said.splitlines() if "emberwatt-agent" in line)
    words = line.split()
    assert words[:2] == ["emberwatt-agent", "claim"]
    assert words[-1] == "https://broker.example.org:8443"
    assert read_claim_code(words[4]).vouches_for(Folder(made.file.parent / "identity").load().der)
    document = made.json("claim", "--any")
    assert document["device"] == ""
    assert len(made.json("list")["invitations"]) == 2


def test_the_life_of_a_device_in_the_list(made: Desk) -> None:
    assert "no device has a certificate yet" in made.run("list")
    assert "expected a device id or --any" in made.run("claim", status=2)
    made.run("claim", "site-01")
    assert "site-01" in made.run("list")
    assert "invited" in made.run("list")
    made.claimed("site-01")
    assert "good " in made.run("list")
    said = made.run("claim", "site-01", status=2)
    assert "had a certificate before" in said
    assert "identity reclaim site-01" in said
    said = made.run("revoke", "site-01", "--reason", "stolen")
    assert "site-01: 1 certificate revoked" in said
    assert "systemctl reload mosquitto" in said
    (row,) = made.json("list")["certificates"]
    assert (row["state"], row["reason"]) == ("revoked", "stolen")
    assert not {"pem", "key", "token"} & row.keys()
    assert "stays good until the code is used" in made.run("reclaim", "site-01")
    made.claimed("site-01")
    assert [row["state"] for row in made.json("list")["certificates"]].count("good") == 1
    assert "deny" not in (made.file.parent / "identity" / "acl").read_text()


def test_revoke_runs_the_reload_that_the_file_names(made: Desk, tmp_path: Path) -> None:
    made.claimed("site-01")
    made.file.write_text(f'[identity]\nreload = ["touch", "{tmp_path / "reloaded"}"]\n')
    assert "systemctl" not in made.run("revoke", "site-01")
    assert (tmp_path / "reloaded").exists()
    made.file.write_text('[identity]\nreload = ["false"]\n')
    said = made.run("revoke", "site-01", status=2)
    assert "identity.reload 'false': ended with status 1" in said


def test_broker_config_names_the_folder_in_full(made: Desk) -> None:
    said = made.run("broker-config", "--listen", "8884")
    assert f"crlfile {made.file.parent / 'identity' / 'crl.pem'}" in said
    assert "listener 8884\n" in said


@pytest.mark.parametrize("words", [("claim", "site-01"), ("list",), ("revoke", "site-01"), ("broker-config",)])
def test_without_an_authority_it_says_how_to_make_one(desk: Desk, words: tuple[str, ...]) -> None:
    said = desk.run(*words, status=2)
    assert "there is no certificate authority here" in said
    assert "identity init --host NAME" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("init", "--host", "https://x"), "--host: 'https://x': expected a name or an address"),
        (("init", "--group", "nobodys-group"), "there is no group 'nobodys-group'"),
        (("claim", "Site 1"), "device 'Site 1': expected 3 to 40 of a-z"),
        (("claim", "site-01", "--any"), "expected a device id or --any"),
        (("claim", "site-01", "--hours", "0"), "'0': expected more than 0"),
        (("claim", "site-01", "--hours", "nan"), "'nan': expected more than 0"),
        (("revoke", "site-01"), "site-01 never had a certificate"),
    ],
)
def test_every_mistake_is_told(made: Desk, words: tuple[str, ...], said: str) -> None:
    assert said in made.run(*words, status=2)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lifetime_days = 0", "lifetime_days"),
        ("grace_days = -1", "grace_days"),
        ("broker_port = 0", "broker_port"),
        ('reload = "x"', "reload"),
        ("nonsense = 1", "nonsense"),
    ],
)
def test_a_bad_setting_is_named(desk: Desk, line: str, said: str) -> None:
    desk.file.write_text(f"[identity]\n{line}\n")
    heard = desk.run("list", status=2)
    assert "cloud.toml" in heard
    assert said in heard
