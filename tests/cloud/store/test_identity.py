"""Invitations are used once, certificates follow each other, revocations stay."""

from collections.abc import Iterator

import pytest

from cloud.ports import CertificateRow, ClaimRow, IdentityRefused, RevokedRow
from cloud.store.database import Database
from cloud.store.identity import SqlIdentities
from tests.helpers.uplinks import SetClock


@pytest.fixture
def book(database_url: str) -> Iterator[SqlIdentities]:
    with Database(database_url, SetClock()) as database:
        yield SqlIdentities(database)


def certificate(serial: str, device: str = "site-01", key: str = "k1", issued_ms: int = 10) -> CertificateRow:
    return CertificateRow(serial, device, key, f"PEM {serial}", "claim", issued_ms, 1000)


def invite(book: SqlIdentities, token: str, device: str = "site-01", expires_ms: int = 100) -> None:
    book.invite(ClaimRow(token, device, "anna", 1, expires_ms))


def refusal(book: SqlIdentities, token: str, row: CertificateRow, now_ms: int = 20) -> str:
    with pytest.raises(IdentityRefused) as caught:
        book.redeem(token, row, now_ms)
    return caught.value.code


def test_an_invitation_is_used_once(book: SqlIdentities) -> None:
    invite(book, "t1")
    assert book.redeem("t1", certificate("a"), 20) == certificate("a")
    assert refusal(book, "t1", certificate("b", key="k2")) == "token_used"
    assert [row.serial for row in book.certificates()] == ["a"]
    (used,) = book.invitations()
    assert (used.used_ms, used.serial) == (20, "a")


def test_the_same_key_gets_the_same_certificate_again(book: SqlIdentities) -> None:
    invite(book, "t1")
    book.redeem("t1", certificate("a"), 20)
    assert book.redeem("t1", certificate("b"), 5000).serial == "a"
    assert refusal(book, "t1", certificate("b", device="site-02")) == "token_used"
    book.revoke("site-01", "lost", 30)
    assert refusal(book, "t1", certificate("c")) == "revoked"


def test_what_is_wrong_does_not_use_it_up(book: SqlIdentities) -> None:
    invite(book, "t1")
    assert refusal(book, "t1", certificate("a", device="site-02")) == "wrong_device"
    assert refusal(book, "t1", certificate("a"), 100) == "token_expired"
    assert refusal(book, "nonsense", certificate("a")) == "token_unknown"
    assert book.certificates() == []
    assert book.redeem("t1", certificate("a"), 99).serial == "a"


def test_a_free_invitation_takes_nobodys_place(book: SqlIdentities) -> None:
    for token in ("free1", "free2"):
        invite(book, token, device="")
    book.redeem("free1", certificate("a"), 20)
    assert refusal(book, "free2", certificate("b", key="k2")) == "wrong_device"
    book.revoke("site-01", "", 30)
    assert refusal(book, "free2", certificate("b", key="k2")) == "wrong_device"
    assert book.redeem("free2", certificate("c", device="site-02"), 40).serial == "c"


def test_a_claim_revokes_what_was_before(book: SqlIdentities) -> None:
    invite(book, "t1")
    book.redeem("t1", certificate("a"), 20)
    book.renew("a", certificate("b", key="k2", issued_ms=30), 30)
    invite(book, "t2")
    book.redeem("t2", certificate("c", key="k3", issued_ms=40), 40)
    states = {row.serial: (row.revoked_ms, row.reason) for row in book.certificates("site-01")}
    assert states == {"a": (40, "claimed again"), "b": (40, "claimed again"), "c": (None, "")}
    assert book.is_revoked("a")
    assert not book.is_revoked("c")
    assert book.shut_out() == []


def test_a_newer_invitation_withdraws_the_earlier(book: SqlIdentities) -> None:
    invite(book, "t1")
    invite(book, "free", device="")
    invite(book, "t2")
    assert {row.token for row in book.invitations()} == {"free", "t2"}
    assert book.invitation("t1") is None
    assert refusal(book, "t1", certificate("a")) == "token_unknown"


def test_a_renewal_follows_one_that_is_not_revoked(book: SqlIdentities) -> None:
    invite(book, "t1")
    book.redeem("t1", certificate("a"), 20)
    book.renew("a", certificate("b", key="k2", issued_ms=30), 30)
    found = {row.serial: row.replaced_ms for row in book.certificates("site-01")}
    assert found == {"a": 30, "b": None}
    assert [row.serial for row in book.certificates("site-01")] == ["b", "a"]
    book.revoke("site-01", "stolen", 40)
    with pytest.raises(IdentityRefused, match="revoked"):
        book.renew("b", certificate("c", key="k3"), 50)
    assert book.certificate("c") is None


def test_a_revocation_ends_all_and_withdraws_what_is_open(book: SqlIdentities) -> None:
    invite(book, "t1")
    book.redeem("t1", certificate("a"), 20)
    invite(book, "t2")
    assert [row.serial for row in book.revoke("site-01", "stolen", 30)] == ["a"]
    assert book.revoke("site-01", "again", 31) == []
    assert book.revoked() == [RevokedRow("a", "site-01", 30, "stolen")]
    assert book.invitation("t2") is None
    assert book.invitation("t1") is not None
    assert book.shut_out() == ["site-01"]
    invite(book, "t3")
    book.redeem("t3", certificate("d", key="k4"), 50)
    assert book.shut_out() == []


def test_certificates_of_a_restored_database_are_taken_over_once(book: SqlIdentities) -> None:
    rows = [certificate("a"), certificate("b", key="k2"), certificate("b", key="k2")]
    assert (book.remember(rows), book.remember(rows), book.remember([])) == (2, 0, 0)
    assert [row.serial for row in book.revoke("site-01", "stolen", 30)] == ["a", "b"]


def test_revocations_of_a_restored_database_are_taken_over_once(book: SqlIdentities) -> None:
    rows = [RevokedRow("a", "", 5, "found"), RevokedRow("b", "", 6, "found")]
    assert (book.adopt(rows), book.adopt(rows), book.adopt([])) == (2, 0, 0)
    assert book.is_revoked("b")
    assert book.certificate("b") is None
    assert book.shut_out() == []
