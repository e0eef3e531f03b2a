"""Key and certificate are replaced as one, and what is damaged is named."""

import os
import ssl
import stat
from pathlib import Path

import pytest

from agent.domain.errors import BadSetup
from agent.identity import keys
from agent.identity.files import About, IdentityFiles, Pair
from cloud.identity import authority as ca
from tests.helpers.identities import now_ms

ABOUT = About("site-01", "https://a.example.org:8443", 1, 3, 2)
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def files(tmp_path: Path) -> IdentityFiles:
    return IdentityFiles(tmp_path / "state")


def test_a_pair_is_read_as_it_was_written(files: IdentityFiles) -> None:
    assert files.about() is files.pair() is files.ca_text() is files.pending_key() is None
    files.write_pending_key(KEY)
    assert files.pending_key() == KEY
    files.write_pair(Pair(ABOUT, CERTIFICATE, KEY))
    assert files.about() == ABOUT
    assert files.pair() == Pair(ABOUT, CERTIFICATE, KEY)
    assert files.pending_key() is None
    files.write_ca(CERTIFICATE)
    assert files.ca_text() == CERTIFICATE


def test_keys_are_nobody_elses_to_read(files: IdentityFiles) -> None:
    files.write_pending_key(KEY)
    assert stat.S_IMODE(files.pending.stat().st_mode) == 0o600
    files.write_pair(Pair(ABOUT, CERTIFICATE, KEY))
    assert stat.S_IMODE(files.device.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700
    assert [each.name for each in files.folder.iterdir()] == ["device.pem"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_writes_belongs_to_the_service(files: IdentityFiles) -> None:
    files.folder.parent.mkdir()
    os.chown(files.folder.parent, 12345, 12346)
    files.write_pair(Pair(ABOUT, CERTIFICATE, KEY))
    for path in (files.folder, files.device):
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)


def test_one_file_is_certificate_and_key_for_openssl(files: IdentityFiles) -> None:
    authority, key = ca.make_authority(now_ms()), ca.make_key()
    leaf = ca.issue_device(authority, "site-01", key.public_key(), now_ms(), 10)
    files.write_pair(Pair(ABOUT, ca.pem(leaf), ca.key_pem(key)))
    ssl.create_default_context().load_cert_chain(files.device)
    found = files.pair()
    assert found is not None
    assert keys.is_key(found.key)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not begin with what it is"),
        ("emberwatt {}\n" + CERTIFICATE + KEY, "does not begin with what it is"),
        (CERTIFICATE + KEY, "does not begin with what it is"),
        ("é", "is not a PEM file"),
    ],
)
def test_a_damaged_file_is_named(files: IdentityFiles, text: str, said: str) -> None:
    files.folder.mkdir(parents=True)
    files.device.write_text(text)
    with pytest.raises(BadSetup, match=rf"device.pem: {said}"):
        files.about()


def test_a_file_without_its_key_is_named(files: IdentityFiles) -> None:
    files.write_pair(Pair(ABOUT, CERTIFICATE, ""))
    with pytest.raises(BadSetup, match=r"device.pem: holds no private key"):
        files.pair()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(BadSetup, match=r"ca.pem: cannot be written"):
        IdentityFiles(tmp_path / "state").write_ca(CERTIFICATE)
