"""What the authority signs, judged by OpenSSL as broker and devices do."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from agent.domain.errors import BadSetup
from agent.domain.wire import is_device_id
from cloud.identity import authority as ca
from cloud.ports import RevokedRow
from tests.helpers.identities import DAY_MS, now_ms

NOW_MS = now_ms()


@pytest.fixture(scope="module")
def ours() -> ca.Authority:
    return ca.make_authority(NOW_MS)


def verdict(tmp_path: Path, ours: ca.Authority, certificate: x509.Certificate, *options: str) -> str:
    (tmp_path / "ca.pem").write_text(ours.pem)
    (tmp_path / "leaf.pem").write_text(ca.pem(certificate))
    command = ["openssl", "verify", "-x509_strict", "-CAfile", str(tmp_path / "ca.pem"), *options]
    done = subprocess.run([*command, str(tmp_path / "leaf.pem")], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_devices_certificate_logs_in_and_can_be_no_server(tmp_path: Path, ours: ca.Authority) -> None:
    leaf = ca.issue_device(ours, "site-01", ca.make_key().public_key(), NOW_MS, 365)
    assert ": OK" in verdict(tmp_path, ours, leaf, "-purpose", "sslclient")
    assert "unsuitable certificate purpose" in verdict(tmp_path, ours, leaf, "-purpose", "sslserver")


def test_a_servers_certificate_is_for_its_hosts_and_logs_in_nowhere(tmp_path: Path, ours: ca.Authority) -> None:
    hosts = ["broker.example.org", "192.0.2.7", "2001:db8::7"]
    leaf = ca.issue_server(ours, hosts, ca.make_key().public_key(), NOW_MS)
    assert ca.hosts_of(leaf) == hosts
    assert ": OK" in verdict(tmp_path, ours, leaf, "-purpose", "sslserver", "-verify_hostname", "broker.example.org")
    assert ": OK" in verdict(tmp_path, ours, leaf, "-purpose", "sslserver", "-verify_ip", "192.0.2.7")
    assert "hostname mismatch" in verdict(tmp_path, ours, leaf, "-verify_hostname", "other.example.org")
    assert "unsuitable certificate purpose" in verdict(tmp_path, ours, leaf, "-purpose", "sslclient")


def test_a_clock_at_the_images_date_can_check_a_server(tmp_path: Path, ours: ca.Authority) -> None:
    leaf = ca.issue_server(ours, ["localhost"], ca.make_key().public_key(), NOW_MS)
    at = str(int(datetime(2011, 1, 1, tzinfo=UTC).timestamp()))
    assert ": OK" in verdict(tmp_path, ours, leaf, "-attime", at)


def test_another_authority_vouches_for_nothing_of_ours(tmp_path: Path, ours: ca.Authority) -> None:
    other = ca.make_authority(NOW_MS)
    assert other.certificate.subject != ours.certificate.subject
    leaf = ca.issue_device(ours, "site-01", ca.make_key().public_key(), NOW_MS, 365)
    assert ": OK" not in verdict(tmp_path, other, leaf)


def test_no_device_can_have_the_aggregators_name(ours: ca.Authority) -> None:
    leaf = ca.issue_aggregator(ours, ca.make_key().public_key(), NOW_MS)
    (name,) = [str(each.value) for each in leaf.subject]
    assert name == ca.AGGREGATOR
    assert not is_device_id(name)


def test_no_certificate_outlives_the_authority(ours: ca.Authority) -> None:
    late_ms = ca.to_ms(ours.certificate.not_valid_after_utc) - DAY_MS
    for leaf in (
        ca.issue_device(ours, "site-01", ca.make_key().public_key(), late_ms, 365),
        ca.issue_server(ours, ["localhost"], ca.make_key().public_key(), late_ms),
    ):
        assert leaf.not_valid_after_utc == ours.certificate.not_valid_after_utc


def test_a_revoked_one_is_refused_and_its_neighbour_not(tmp_path: Path, ours: ca.Authority) -> None:
    gone, stays = (ca.issue_device(ours, name, ca.make_key().public_key(), NOW_MS, 9) for name in ("gone", "stays"))
    rows = [RevokedRow(f"{gone.serial_number:x}", "gone", NOW_MS, "")]
    text = ca.revocation_list(ours, rows, NOW_MS, None).public_bytes(ca.serialization.Encoding.PEM)
    (tmp_path / "crl.pem").write_bytes(text)
    options = ("-crl_check", "-CRLfile", str(tmp_path / "crl.pem"))
    assert "certificate revoked" in verdict(tmp_path, ours, gone, *options)
    assert ": OK" in verdict(tmp_path, ours, stays, *options)


def test_lists_of_one_second_are_in_order_and_none_is_from_the_future(ours: ca.Authority) -> None:
    before = None
    for number in range(1, 6):
        entries = ca.revocation_list(ours, [], NOW_MS, before)
        assert entries.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == number
        assert before is None or entries.last_update_utc > before.last_update_utc
        assert ca.to_ms(entries.last_update_utc) < NOW_MS
        before = entries


def test_only_a_list_of_our_own_is_read(ours: ca.Authority) -> None:
    rows = [RevokedRow("ab12", "site-01", NOW_MS // 1000 * 1000, "stolen")]
    pem = ca.serialization.Encoding.PEM
    text = ca.revocation_list(ours, rows, NOW_MS, None).public_bytes(pem)
    found = ca.read_revocation_list(text, ours)
    assert found is not None
    assert [(row.serial, row.revoked_ms) for row in ca.revoked_rows(found)] == [("ab12", rows[0].revoked_ms)]
    assert ca.read_revocation_list(text, ca.make_authority(NOW_MS)) is None
    assert ca.read_revocation_list(b"nonsense", ours) is None


def test_an_authority_is_loaded_with_its_own_key_only(ours: ca.Authority) -> None:
    assert ca.load_authority((ours.pem + ours.key_pem).encode(), "x").certificate == ours.certificate
    other = ca.make_authority(NOW_MS)
    with pytest.raises(BadSetup, match=r"x: the key does not belong"):
        ca.load_authority((ours.pem + other.key_pem).encode(), "x")
    for text in (b"", ours.pem.encode(), b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(BadSetup, match="holds no certificate and key"):
            ca.load_authority(text, "x")
