"""The folder of the authority: its key is never overwritten, files are replaced whole, for those who must read them."""

import os
import stat
from pathlib import Path

import pytest

from agent.domain.errors import BadSetup
from cloud.identity import authority as ca
from cloud.identity.folder import Folder, certificate_in, check_hosts
from cloud.ports import CertificateRow
from tests.helpers.identities import HOSTS, now_ms

NOW_MS = now_ms()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "identity")
    made.refresh(made.create(NOW_MS), NOW_MS, HOSTS)
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_secret_from_the_first_moment(folder: Folder) -> None:
    assert (mode(folder.ca_key), mode(folder.aggregator), mode(folder.server)) == (0o600, 0o600, 0o640)
    assert mode(folder.ca) == 0o644
    assert "PRIVATE KEY" not in folder.ca.read_text()
    assert sorted(each.name for each in folder.path.iterdir()) == [
        "aggregator.pem",
        "ca-key.pem",
        "ca.pem",
        "server.pem",
    ]


def test_the_authority_is_made_once(folder: Folder) -> None:
    before = {file: file.read_text() for file in (folder.ca_key, folder.ca, folder.server, folder.aggregator)}
    authority = folder.create(NOW_MS)
    assert folder.refresh(authority, NOW_MS, HOSTS) == []
    assert {file: file.read_text() for file in before} == before


def test_what_is_lost_but_the_key_is_made_again(folder: Folder) -> None:
    authority = folder.load()
    folder.ca.unlink()
    folder.server.unlink()
    folder.aggregator.write_text("nonsense")
    assert folder.create(NOW_MS).certificate == authority.certificate
    assert folder.ca.read_text() == authority.pem
    assert folder.refresh(authority, NOW_MS) == [folder.server, folder.aggregator]
    served = certificate_in(folder.server)
    assert served is not None
    assert ca.hosts_of(served) == ["localhost", "127.0.0.1"]


def test_other_hosts_make_another_server_certificate_only(folder: Folder) -> None:
    before = folder.aggregator.read_text()
    assert folder.refresh(folder.load(), NOW_MS, ["b.example.org"]) == [folder.server]
    served = certificate_in(folder.server)
    assert served is not None
    assert ca.hosts_of(served) == ["b.example.org"]
    assert folder.aggregator.read_text() == before


def test_certificates_of_another_authority_are_replaced(folder: Folder, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other")
    authority = other.create(NOW_MS)
    other.server.write_text(folder.server.read_text())
    other.aggregator.write_text(folder.aggregator.read_text())
    assert other.refresh(authority, NOW_MS) == [other.server, other.aggregator]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_group_and_mode_of_a_file_stay(folder: Folder) -> None:
    os.chown(folder.server, -1, 12345)
    folder.server.chmod(0o660)
    folder.refresh(folder.load(), NOW_MS, ["b.example.org"])
    assert (folder.server.stat().st_gid, mode(folder.server)) == (12345, 0o660)
    folder.refresh(folder.load(), NOW_MS, [], "daemon")
    assert folder.server.stat().st_gid == 1
    assert mode(folder.server) == 0o640


def test_an_unknown_group_is_told(folder: Folder) -> None:
    with pytest.raises(BadSetup, match=r"--group: there is no group 'nobodys-group'"):
        folder.refresh(folder.load(), NOW_MS, [], "nobodys-group")


def test_without_an_authority_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="there is no certificate authority here") as caught:
        Folder(tmp_path).load()
    assert "identity init --host" in caught.value.hint
    assert not Folder(tmp_path).exists()


def test_a_broken_key_is_told_and_left_alone(folder: Folder) -> None:
    folder.ca_key.write_text("nonsense")
    for action in (folder.load, lambda: folder.create(NOW_MS)):
        with pytest.raises(BadSetup, match=r"ca-key.pem: holds no certificate and key"):
            action()
    assert folder.ca_key.read_text() == "nonsense"


def test_what_was_issued_is_written_down_and_a_line_cut_short_is_passed_over(folder: Folder) -> None:
    assert folder.noted() == []
    rows = [CertificateRow(serial, "site-01", "k", "PEM", "claim", 1, 2) for serial in ("a", "b")]
    for row in rows:
        folder.note(row)
    assert b"PEM" not in folder.issued.read_bytes()
    with folder.issued.open("ab") as file:
        file.write(b'{"serial": "c", "dev')
    assert [(row.serial, row.pem) for row in folder.noted()] == [("a", ""), ("b", "")]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSetup, match=r"file/identity: cannot be written"):
        Folder(tmp_path / "file" / "identity").create(NOW_MS)


@pytest.mark.parametrize("host", ["", "a b", "https://x", "x/y", "-x", "ä.example.org", "a" * 64, "300.1.1.1/24"])
def test_what_is_no_host_is_told(host: str) -> None:
    with pytest.raises(BadSetup, match="expected a name or an address"):
        check_hosts(["localhost", host])


def test_names_and_addresses_are_hosts() -> None:
    check_hosts(["localhost", "broker.example.org", "192.0.2.7", "2001:db8::1", "xn--hllo-bpa.example"])
