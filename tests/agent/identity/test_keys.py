"""Keys made here; answers that do not fit the key are not kept."""

import pytest
from cryptography import x509

from agent.domain.errors import BadSetup, UplinkUnavailable
from agent.domain.identity import Issued
from agent.identity import keys
from cloud.identity import authority as ca
from tests.helpers.identities import now_ms

NOW_MS = now_ms()


def issued(authority: ca.Authority, device: str, key: str) -> Issued:
    certificate = ca.issue_device(authority, device, keys._load(key).public_key(), NOW_MS, 10)
    return Issued(device, ca.pem(certificate), authority.pem, NOW_MS, NOW_MS + 1)


def test_every_key_is_another_and_its_request_is_signed_by_it() -> None:
    one, two = keys.make_key(), keys.make_key()
    assert one != two
    request = x509.load_pem_x509_csr(keys.make_request(one, "site-01").encode())
    assert request.is_signature_valid
    assert request.public_key() == keys._load(one).public_key()
    assert request.public_key() != keys._load(two).public_key()
    assert "PRIVATE" not in keys.make_request(one, "site-01")


def test_an_answer_for_this_key_and_device_is_good() -> None:
    authority, key = ca.make_authority(NOW_MS), keys.make_key()
    keys.check_issued(issued(authority, "site-01", key), key, "site-01", authority.pem)


def test_any_other_answer_is_not() -> None:
    authority, other, key = ca.make_authority(NOW_MS), ca.make_authority(NOW_MS), keys.make_key()
    cases = {
        "another key": issued(authority, "site-01", keys.make_key()),
        "not for site-01": issued(authority, "site-02", key),
        "not the one that is believed": issued(other, "site-01", key),
        "cannot be used": Issued("site-01", "nonsense", "", 0, 0),
    }
    for said, answer in cases.items():
        with pytest.raises(UplinkUnavailable, match=said):
            keys.check_issued(answer, key, "site-01", authority.pem)


def test_what_is_no_key_and_no_certificate_is_seen() -> None:
    assert keys.is_key(keys.make_key())
    assert not keys.is_key("nonsense")
    assert not keys.is_key(keys.make_request(keys.make_key(), "site-01"))
    with pytest.raises(BadSetup, match="here: holds no certificate"):
        keys.certificate_der("nonsense", "here")
