"""What strangers show is refused with a reason, whatever it is; nothing makes a program fall over."""

import base64
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from agent.identity import keys
from cloud.identity import authority as ca
from cloud.identity import evidence
from cloud.ports import IdentityRefused
from tests.helpers.identities import DAY_MS, now_ms

NOW_MS = now_ms()
OURS = ca.make_authority(NOW_MS)
KEY = keys.make_key()
REQUEST = keys.make_request(KEY, "site-01")
REQUEST_DER = x509.load_pem_x509_csr(REQUEST.encode()).public_bytes(serialization.Encoding.DER)
KEY_HASH = evidence.key_hash(keys._load(KEY).public_key())
DEVICE = ca.issue_device(OURS, "site-01", ca.make_key().public_key(), NOW_MS, 30)
DEVICE_DER = DEVICE.public_bytes(serialization.Encoding.DER)


def code_of(error: pytest.ExceptionInfo[IdentityRefused]) -> str:
    return error.value.code


def request_with(key: object, *names: tuple[x509.ObjectIdentifier, str]) -> str:
    name = x509.Name([x509.NameAttribute(kind, text) for kind, text in names])
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, algorithm)  # type: ignore[arg-type]
    return made.public_bytes(serialization.Encoding.PEM).decode()


def test_a_request_of_the_agent_is_read() -> None:
    found = evidence.read_request(REQUEST)
    assert found.device == "site-01"
    assert found.der == REQUEST_DER


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["rsa", "p384", "ed25519"],
)
def test_keys_of_other_kinds_are_refused(key: object) -> None:
    with pytest.raises(IdentityRefused, match="P-256"):
        evidence.read_request(request_with(key, (NameOID.COMMON_NAME, "site-01")))


@pytest.mark.parametrize(
    "names",
    [
        [],
        [(NameOID.COMMON_NAME, "Site 01")],
        [(NameOID.COMMON_NAME, ca.AGGREGATOR)],
        [(NameOID.COMMON_NAME, "site+01")],
        [(NameOID.COMMON_NAME, "site-01"), (NameOID.COMMON_NAME, "site-02")],
        [(NameOID.COMMON_NAME, "site-01"), (NameOID.ORGANIZATION_NAME, "x")],
        [(NameOID.ORGANIZATION_NAME, "site-01")],
    ],
)
def test_a_request_asks_for_exactly_one_device_id(names: list[tuple[x509.ObjectIdentifier, str]]) -> None:
    with pytest.raises(IdentityRefused, match="expected a common name of 3 to 40"):
        evidence.read_request(request_with(ca.make_key(), *names))


def test_a_request_for_somebody_elses_key_is_refused() -> None:
    """Its own signature is the proof that whoever asks holds the key."""
    broken = bytearray(REQUEST_DER)
    broken[-1] ^= 1
    body = base64.encodebytes(bytes(broken)).decode()
    with pytest.raises(IdentityRefused, match="csr"):
        evidence.read_request(f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n")


@given(st.text())
def test_any_text_is_refused_as_a_request(text: str) -> None:
    with pytest.raises(IdentityRefused) as caught:
        evidence.read_request(text)
    assert code_of(caught) == "bad_request"


# Behind what is signed, some bytes say how the signature is packed, and may do so in two ways: nothing hangs on them.
@given(st.integers(0, len(REQUEST_DER) - 1), st.integers(1, 255))
def test_a_changed_byte_never_changes_what_a_request_says(place: int, change: int) -> None:
    data = bytearray(REQUEST_DER)
    data[place] ^= change
    text = base64.encodebytes(bytes(data)).decode()
    with suppress(IdentityRefused):
        found = evidence.read_request(f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n")
        assert (found.device, evidence.key_hash(found.key)) == ("site-01", KEY_HASH)
        assert place > len(REQUEST_DER) - 80


@given(st.integers(0, len(DEVICE_DER) - 1), st.integers(1, 255))
def test_a_changed_byte_never_changes_what_a_certificate_says(place: int, change: int) -> None:
    data = bytearray(DEVICE_DER)
    data[place] ^= change
    with suppress(IdentityRefused):
        found = evidence.read_certificate(bytes(data))
        assert evidence.device_of(OURS, found) == "site-01"
        assert found.tbs_certificate_bytes == DEVICE.tbs_certificate_bytes


@given(st.binary(max_size=600))
def test_any_bytes_are_refused_as_a_certificate(data: bytes) -> None:
    with pytest.raises(IdentityRefused) as caught:
        evidence.read_certificate(data)
    assert code_of(caught) == "unreadable"


def test_a_certificate_is_read_in_both_shapes() -> None:
    for data in (DEVICE_DER, ca.pem(DEVICE).encode()):
        assert evidence.device_of(OURS, evidence.read_certificate(data)) == "site-01"


def test_only_a_devices_certificate_of_our_own_names_a_device() -> None:
    stranger = ca.issue_device(ca.make_authority(NOW_MS), "site-01", ca.make_key().public_key(), NOW_MS, 30)
    with pytest.raises(IdentityRefused, match="not from this aggregator's authority"):
        evidence.device_of(OURS, stranger)
    for other in (
        OURS.certificate,
        ca.issue_aggregator(OURS, ca.make_key().public_key(), NOW_MS),
        ca.issue_server(OURS, ["localhost"], ca.make_key().public_key(), NOW_MS),
    ):
        with pytest.raises(IdentityRefused) as caught:
            evidence.device_of(OURS, other)
        assert code_of(caught) == "not_a_device"


def test_a_certificate_is_good_in_its_time_only() -> None:
    evidence.check_times(DEVICE, NOW_MS)
    with pytest.raises(IdentityRefused, match="expired on"):
        evidence.check_times(DEVICE, NOW_MS + 31 * DAY_MS)
    with pytest.raises(IdentityRefused, match="valid from"):
        evidence.check_times(DEVICE, NOW_MS - DAY_MS)


def test_only_the_present_key_vouches_for_the_next_one() -> None:
    old = keys.make_key()
    request = evidence.read_request(REQUEST)
    certificate = ca.issue_device(OURS, "site-01", keys._load(old).public_key(), NOW_MS, 30)
    evidence.check_statement(certificate, request, keys.vouch(old, REQUEST))
    for wrong in (keys.vouch(KEY, REQUEST), keys.vouch(old, keys.make_request(old, "site-01")), "", "!!", "AAAA", "é"):
        with pytest.raises(IdentityRefused, match="not by the key of the present certificate"):
            evidence.check_statement(certificate, request, wrong)
