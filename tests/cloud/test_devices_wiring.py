"""What the aggregator's file says about devices, and what comes of it."""

import random
from pathlib import Path

import pytest

from agent.domain.errors import BadSetup
from cloud.clock import SystemClock
from cloud.config import load
from cloud.devices_wiring import devices_if_any
from cloud.identity_wiring import folder_of
from cloud.ingest.subscriber import Subscriber, SubscriberSettings
from cloud.store.database import Database
from cloud.store.writer import SqlFleetWriter
from tests.helpers.pki import Pki


def works(folder: Path, text: str, *, authority: bool = False) -> list[str]:
    """The names of what would be run."""
    path, clock = folder / "cloud.toml", SystemClock()
    path.write_text(text)
    loaded = load(path)
    if authority:
        keys = folder_of(loaded)
        keys.refresh(keys.create(clock.now_ms()), clock.now_ms(), ["localhost"])
    with Database(loaded.database_url, clock) as database:
        subscriber = Subscriber(SubscriberSettings("127.0.0.1"), SqlFleetWriter(database), clock, random.Random(1))
        with devices_if_any(loaded, database, clock, subscriber) as doors:
            assert len(subscriber.also) == (1 if doors else 0)
            return [name for name, _ in doors]


def test_without_the_table_there_is_no_listener(tmp_path: Path) -> None:
    assert works(tmp_path, "") == []


def test_on_loopback_nothing_more_is_needed(tmp_path: Path) -> None:
    text = '[devices]\nhost = "127.0.0.1"\nport = 0\ninsecure_loopback = true\n'
    assert works(tmp_path, text) == ["door", "devices"]
    with pytest.raises(BadSetup, match="without TLS only an address of this machine"):
        works(tmp_path, text.replace("127.0.0.1", "0.0.0.0"))


def test_without_an_authority_nobody_could_be_let_in(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="there is no authority that signs certificates") as caught:
        works(tmp_path, '[devices]\nhost = "127.0.0.1"\nport = 0\n')
    assert caught.value.hint == "emberwatt-cloud identity init"


def test_with_an_authority_its_own_files_are_used_or_those_that_are_named(tmp_path: Path) -> None:
    text = '[devices]\nhost = "127.0.0.1"\nport = 0\n'
    assert works(tmp_path, text, authority=True) == ["door", "devices"]
    pair = Pki(tmp_path / "pki").issue("cloud")
    own = f'certfile = "{pair.certificate.relative_to(tmp_path)}"\nkeyfile = "{pair.key}"\n'
    assert works(tmp_path, text + own) == ["door", "devices"]
    with pytest.raises(BadSetup, match=r"missing\.pem.*cannot be used for TLS"):
        works(tmp_path, text + 'certfile = "missing.pem"\n')


@pytest.mark.parametrize("line", ["port = 70000", 'port = "many"', "porter = 1", "insecure_loopback = 1"])
def test_a_table_that_cannot_be(tmp_path: Path, line: str) -> None:
    with pytest.raises(BadSetup, match=r"cloud\.toml.*devices"):
        works(tmp_path, f"[devices]\n{line}\n")
