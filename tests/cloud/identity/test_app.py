"""Claim and renewal as a device sees them: over HTTPS, with a reason for every refusal."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from agent.domain.identity import IDENTITY_PATH
from agent.identity import keys
from cloud.identity.limits import LimitSettings
from tests.helpers.identities import Holder, Office, office, served_identity


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as opened:
        yield opened


@pytest.fixture
def url(here: Office) -> Iterator[str]:
    with served_identity(here.desk, here.clock, LimitSettings(refusals=5, again_s=30)) as address:
        yield address + IDENTITY_PATH


def send(here: Office, url: str, body: object) -> tuple[int, dict[str, Any], dict[str, str]]:
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    context = ssl.create_default_context(cafile=here.desk.ca_file)
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), context=context, timeout=10) as answer:
            return answer.status, json.load(answer), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read()), dict(error.headers)


def test_claim_and_renewal(here: Office, url: str) -> None:
    holder = Holder("site-01", keys.make_key())
    status, issued, _ = send(here, f"{url}/claim", holder.claim(here.token("site-01")))
    assert (status, issued["device"]) == (200, "site-01")
    holder.certificate = issued["certificate"]
    assert here.desk.identity_of(holder.der) == "site-01"
    status, issued, _ = send(here, f"{url}/renew", holder.renewal(keys.make_key()))
    assert (status, issued["device"]) == (200, "site-01")
    assert len(here.rows("site-01")) == 2


def test_the_authority_is_there_for_whoever_has_its_fingerprint(here: Office, url: str) -> None:
    context = ssl.create_default_context(cafile=here.desk.ca_file)
    with urllib.request.urlopen(f"{url}/ca", context=context, timeout=10) as answer:
        assert answer.read().decode() == here.desk.ca_pem()


@pytest.mark.parametrize(
    ("leaf", "body", "status", "code"),
    [
        ("claim", b"", 400, "bad_request"),
        ("claim", b"[" * 5000, 400, "bad_request"),
        ("claim", b"\xff\xfe", 400, "bad_request"),
        ("claim", {"token": 1, "csr": ""}, 400, "bad_request"),
        ("claim", {"token": "x"}, 400, "bad_request"),
        ("claim", {"token": "x", "csr": ""}, 403, "token_unknown"),
        ("claim", {"token": "x" * 20_000, "csr": ""}, 413, "too_large"),
        ("renew", {"csr": "", "certificate": "", "signature": ""}, 400, "bad_request"),
    ],
)
def test_what_is_refused_says_why(here: Office, url: str, leaf: str, body: object, status: int, code: str) -> None:
    found, answer, _ = send(here, f"{url}/{leaf}", body)
    assert (found, answer["error"]["code"]) == (status, code)
    assert answer["error"]["message"]


def test_whoever_guesses_has_to_wait(here: Office, url: str) -> None:
    token = here.token("site-01")
    for _ in range(5):
        assert send(here, f"{url}/claim", {"token": "guess", "csr": ""})[0] == 403
    status, answer, headers = send(here, f"{url}/claim", Holder("site-01", keys.make_key()).claim(token))
    assert (status, answer["error"]["code"], headers["retry-after"]) == (429, "too_often", "31")
    here.clock.at_ms += 31_000
    assert send(here, f"{url}/claim", Holder("site-01", keys.make_key()).claim(token))[0] == 200


def test_a_store_that_is_away_is_not_the_devices_fault(here: Office, url: str) -> None:
    token = here.token("site-01")
    with here.book._database.write() as connection:
        connection.execute(text("ALTER TABLE identity_claims RENAME TO hidden"))
    for _ in range(6):
        status, answer, headers = send(here, f"{url}/claim", Holder("site-01", keys.make_key()).claim(token))
        assert (status, answer["error"]["code"], headers["retry-after"]) == (503, "away", "30")
