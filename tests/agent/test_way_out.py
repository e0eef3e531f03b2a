"""The `[uplink]` table: which carrier comes of it, and what cannot be."""

from pathlib import Path

import msgspec
import pytest

from agent.config import load
from agent.domain.errors import BadSetup
from agent.uplink.broker import MqttBroker
from agent.uplink.http import HttpBroker
from agent.way_out import Place, UplinkTable, clock_trust, make_broker
from tests.helpers.uplinks import START_MS


def uplink(folder: Path, text: str) -> UplinkTable:
    path = folder / "site.toml"
    path.write_text(f'[device]\nid = "home-1"\n[uplink]\nhost = "cloud.example.org"\n{text}\n')
    table = load(path).uplink
    assert table is not None
    return table


def settings(folder: Path, text: str) -> dict[str, object]:
    """What the carrier was made with."""
    broker = make_broker(uplink(folder, text), Place("home-1", folder))
    assert isinstance(broker, MqttBroker | HttpBroker)
    made = broker._settings
    return {name: getattr(made, name) for name in type(made).__match_args__}


@pytest.mark.parametrize(
    ("text", "port", "tls"),
    [
        ("", 1883, False),
        ('cafile = "ca.pem"', 8883, True),
        ("tls = true", 8883, True),
        ('carrier = "websocket"', 443, False),
        ('carrier = "websocket"\ntls = true', 443, True),
        ('carrier = "websocket"\nport = 8084\ncafile = "ca.pem"', 8084, True),
    ],
)
def test_mqtt_and_its_usual_ports(tmp_path: Path, text: str, port: int, tls: bool) -> None:
    made = settings(tmp_path, text)
    assert (made["port"], made["tls"] is not None) == (port, tls)
    assert made["websocket"] == ("/mqtt" if "websocket" in text else None)


def test_https_with_what_belongs_to_it(tmp_path: Path) -> None:
    made = settings(
        tmp_path,
        'carrier = "https"\ncafile = "ca.pem"\ncertfile = "me.pem"\nproxy = "http://proxy:3128"\n'
        "poll_interval_s = 30\npoll_wait_s = 20",
    )
    assert (made["port"], made["plain"], made["proxy"], made["poll_s"], made["wait_s"]) == (
        443,
        False,
        "http://proxy:3128",
        30,
        20,
    )
    files = msgspec.to_builtins(made["tls"].files, builtin_types=(Path,), enc_hook=str)  # type: ignore[attr-defined]
    assert files == {"ca_file": str(tmp_path / "ca.pem"), "cert_file": str(tmp_path / "me.pem"), "key_file": None}
    assert settings(tmp_path, 'carrier = "https"')["plain"] is False
    assert settings(tmp_path, 'carrier = "https"\ntls = false')["plain"] is True


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('carrier = "pigeon"', "pigeon"),
        ("port = 0", "uplink.port is 0: expected 1 to 65535"),
        ("poll_interval_s = 0", "uplink.poll_interval_s is 0.0: expected more than 0"),
        ("poll_interval_s = inf", "uplink.poll_interval_s is inf: expected more than 0 and at most 86400"),
        ("flush_interval_s = inf", "uplink.flush_interval_s is inf: expected 1 to 604800"),
        ("report_interval_s = nan", "uplink.report_interval_s is nan: expected 1 to 604800"),
        ("poll_interval_s = nan", "uplink.poll_interval_s is nan: expected more than 0"),
        ("poll_wait_s = 601", "uplink.poll_wait_s is 601.0: expected 0 to 600"),
        ('path = "mqtt"', "uplink.path is 'mqtt': expected a path that starts with /"),
        ('keyfile = "me.key"', "uplink.keyfile is 'me.key': expected a certfile beside it"),
        ('tls = false\ncafile = "ca.pem"', "uplink.tls is False: expected true where certificate files are named"),
        ('carrier = "https"\nusername = "me"', "uplink.username is 'me': https has no passwords"),
        ('carrier = "https"\npassword = "secret"', "uplink.password: https has no passwords"),
    ],
)
def test_what_cannot_be_is_named_with_the_file(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadSetup) as caught:
        uplink(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'site.toml'}: ")
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


class Watch:
    def trusted(self) -> bool:
        return False

    def passed_ms(self) -> int:
        return START_MS


def test_certificates_are_judged_by_whoever_watches_the_clock() -> None:
    trust = clock_trust(Watch())
    assert (trust.clock_trusted(), trust.floor_ms()) == (False, START_MS)
    assert clock_trust(None).clock_trusted()
