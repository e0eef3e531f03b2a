"""Invite, claim, renew, revoke: what the desk gives out, what it refuses, and what it can be asked twice."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.domain.errors import BadInput, BadSetup
from agent.domain.identity import ClaimRequest, RenewRequest, read_claim_code
from agent.identity import keys
from cloud.identity import authority as ca
from cloud.identity.broker import Broker
from cloud.identity.settings import IdentityTable
from cloud.ports import IdentityRefused
from tests.helpers.identities import DAY_MS, Holder, Office, holder_of, office

HOUR_MS = 3_600_000


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as opened:
        yield opened


def refused(action: object, *arguments: object) -> str:
    assert callable(action)
    with pytest.raises(IdentityRefused) as caught:
        action(*arguments)
    return caught.value.code


def test_an_invited_device_gets_a_certificate_that_says_who_it_is(here: Office) -> None:
    invitation = here.desk.invite("site-01", "anna")
    assert invitation.expires_ms == here.clock.at_ms + 7 * DAY_MS
    code = read_claim_code(invitation.code)
    assert code.vouches_for(here.authority.der)
    holder = Holder("site-01", keys.make_key())
    issued = here.desk.claim(holder.claim(code.token))
    holder.take(issued)
    assert issued.not_after_ms - issued.not_before_ms == pytest.approx(365 * DAY_MS, abs=2000)
    assert issued.ca == here.desk.ca_pem() == here.desk.ca_file.read_text()
    assert here.desk.identity_of(holder.der) == "site-01"
    keys.check_issued(issued, holder.key, "site-01", issued.ca)


def test_the_code_itself_is_kept_nowhere(here: Office, tmp_path: Path) -> None:
    token = here.token("site-01")
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert token.encode() not in kept
    assert b"site-01" in kept


def test_a_code_works_once_and_the_same_key_may_ask_again(here: Office) -> None:
    token = here.token("site-01")
    first, second = Holder("site-01", keys.make_key()), Holder("site-01", keys.make_key())
    issued = here.desk.claim(first.claim(token))
    assert refused(here.desk.claim, second.claim(token)) == "token_used"
    assert here.desk.claim(first.claim(token)) == issued
    assert len(here.rows("site-01")) == 1


def test_codes_that_do_not_fit_are_refused_and_stay_good(here: Office) -> None:
    token = here.token("site-01", hours=1)
    neighbour = Holder("site-02", keys.make_key())
    assert refused(here.desk.claim, neighbour.claim(token)) == "wrong_device"
    assert refused(here.desk.claim, ClaimRequest(token, "nonsense")) == "bad_request"
    assert refused(here.desk.claim, neighbour.claim("0" * 16)) == "token_unknown"
    here.clock.at_ms += HOUR_MS
    assert refused(here.desk.claim, Holder("site-01", keys.make_key()).claim(token)) == "token_expired"
    here.clock.at_ms -= 1
    assert here.desk.claim(Holder("site-01", keys.make_key()).claim(token)).device == "site-01"


def test_small_letters_are_the_same_code(here: Office) -> None:
    token = here.token("site-01")
    assert here.desk.claim(Holder("site-01", keys.make_key()).claim(f" {token.lower()}\n")).device == "site-01"


def test_a_code_for_any_new_device_takes_nobodys_place(here: Office) -> None:
    here.claim("site-01")
    free = here.token("")
    assert refused(here.desk.claim, Holder("site-01", keys.make_key()).claim(free)) == "wrong_device"
    assert here.desk.claim(Holder("site-02", keys.make_key()).claim(free)).device == "site-02"


def test_a_place_is_taken_again_only_on_purpose(here: Office) -> None:
    old = here.claim("site-01")
    with pytest.raises(BadInput, match="had a certificate before") as caught:
        here.desk.invite("site-01", "anna")
    assert caught.value.hint == "emberwatt-cloud identity reclaim site-01"
    token = here.token("site-01", again=True)
    assert here.desk.identity_of(old.der) == "site-01"
    new = Holder("site-01", keys.make_key())
    new.take(here.desk.claim(new.claim(token)))
    assert refused(here.desk.identity_of, old.der) == "revoked"
    assert here.desk.identity_of(new.der) == "site-01"
    found = here.folder.revocations(here.authority)
    assert found is not None
    gone = [row.serial for row in here.rows("site-01") if row.revoked_ms is not None]
    assert [row.serial for row in ca.revoked_rows(found)] == gone


@pytest.mark.parametrize("device", ["Site 01", "x", "a/b", "#", "identity", ca.AGGREGATOR])
def test_some_names_are_nobodys(here: Office, device: str) -> None:
    with pytest.raises(BadInput, match="expected 3 to 40 of a-z"):
        here.desk.invite(device, "anna")
    if device == "identity":
        assert refused(here.desk.claim, Holder(device, keys.make_key()).claim(here.token(""))) == "wrong_device"


def test_identity_of_tells_why_not(here: Office, tmp_path: Path) -> None:
    good = here.claim("site-01")
    assert here.desk.identity_of(good.der) == "site-01"
    assert refused(here.desk.identity_of, b"") == "unreadable"
    assert refused(here.desk.identity_of, here.authority.der) == "not_a_device"
    old = holder_of(here, "site-02", issued_ms=here.clock.at_ms - 20 * DAY_MS, days=10)
    assert refused(here.desk.identity_of, old.der) == "expired"
    (tmp_path / "other").mkdir()
    with office(tmp_path / "other") as elsewhere:
        assert refused(here.desk.identity_of, elsewhere.claim("site-01").der) == "unknown_issuer"
    here.desk.revoke("site-01", "stolen")
    assert refused(here.desk.identity_of, good.der) == "revoked"


def test_a_renewal_gives_a_new_key_and_leaves_the_old_one_good(here: Office) -> None:
    holder = here.claim("site-01")
    here.clock.at_ms += 240 * DAY_MS
    key = keys.make_key()
    issued = here.desk.renew(holder.renewal(key))
    keys.check_issued(issued, key, "site-01", issued.ca)
    assert issued.not_after_ms - here.clock.at_ms == pytest.approx(365 * DAY_MS, abs=2000)
    assert here.desk.identity_of(holder.der) == "site-01"
    assert [(row.via, row.replaced_ms) for row in here.rows("site-01")] == [
        ("renewal", None),
        ("claim", here.clock.at_ms),
    ]


def test_a_renewal_whose_answer_was_lost_gives_the_same_certificate(here: Office) -> None:
    holder, key = here.claim("site-01"), keys.make_key()
    issued = here.desk.renew(holder.renewal(key))
    here.clock.at_ms += 300 * DAY_MS
    assert here.desk.renew(holder.renewal(key)) == issued
    assert len(here.rows("site-01")) == 2
    here.clock.at_ms += 100 * DAY_MS
    later = here.desk.renew(holder.renewal(key))
    assert later.not_after_ms > issued.not_after_ms + 300 * DAY_MS


def test_after_thirteen_months_without_a_line_it_renews(here: Office) -> None:
    holder = here.claim("site-01")
    here.clock.at_ms += 395 * DAY_MS
    assert refused(here.desk.identity_of, holder.der) == "expired"
    after = Holder("site-01", keys.make_key())
    after.take(here.desk.renew(holder.renewal(after.key)))
    assert here.desk.identity_of(after.der) == "site-01"


def test_the_grace_has_an_end(here: Office) -> None:
    holder = here.claim("site-01")
    here.clock.at_ms += 730 * DAY_MS - HOUR_MS
    before = holder.renewal(keys.make_key())
    here.clock.at_ms += 2 * HOUR_MS
    with pytest.raises(IdentityRefused, match="more than 365 days ago") as caught:
        here.desk.renew(before)
    assert caught.value.code == "expired"
    here.clock.at_ms -= 2 * HOUR_MS
    assert here.desk.renew(before).device == "site-01"


def test_what_was_replaced_long_ago_renews_no_more(here: Office) -> None:
    """A copy of the card that somebody made once is worth nothing a month after the device renewed."""
    copy = here.claim("site-01")
    here.desk.renew(copy.renewal(keys.make_key()))
    here.clock.at_ms += 29 * DAY_MS
    assert here.desk.renew(copy.renewal(keys.make_key())).device == "site-01"
    here.clock.at_ms += 2 * DAY_MS
    with pytest.raises(IdentityRefused, match="was replaced on") as caught:
        here.desk.renew(copy.renewal(keys.make_key()))
    assert (caught.value.code, caught.value.hint) == ("replaced", "emberwatt-cloud identity reclaim site-01")


def test_a_revoked_device_does_not_renew(here: Office) -> None:
    holder, key = here.claim("site-01"), keys.make_key()
    here.desk.renew(holder.renewal(key))
    here.desk.revoke("site-01", "stolen")
    for asked in (holder.renewal(key), holder.renewal(keys.make_key())):
        assert refused(here.desk.renew, asked) == "revoked"


def test_a_renewal_needs_the_old_key_the_old_certificate_and_a_new_key(here: Office) -> None:
    holder, neighbour = here.claim("site-01"), here.claim("site-02")
    good = holder.renewal(keys.make_key())
    request = keys.make_request(keys.make_key(), "site-01")
    wrong: dict[str, list[RenewRequest]] = {
        "bad_request": [
            msgspec.structs.replace(good, signature=keys.vouch(neighbour.key, good.csr)),
            msgspec.structs.replace(good, csr=request),
            msgspec.structs.replace(good, csr="\ud800"),
            holder.renewal(holder.key),
        ],
        "wrong_device": [msgspec.structs.replace(good, certificate=neighbour.certificate)],
        "unreadable": [msgspec.structs.replace(good, certificate="\ud800")],
        "not_a_device": [msgspec.structs.replace(good, certificate=here.desk.ca_pem())],
    }
    for code, asked in wrong.items():
        assert [refused(here.desk.renew, each) for each in asked] == [code] * len(asked)
    assert len(here.rows("site-01")) == 1


def test_a_database_from_yesterday_knows_no_certificate_of_today_and_believes_it(here: Office) -> None:
    """The signature is what counts; only revocations have to be remembered."""
    today = holder_of(here, "site-01", issued_ms=here.clock.at_ms, days=365)
    assert here.desk.identity_of(today.der) == "site-01"
    assert here.desk.renew(today.renewal(keys.make_key())).device == "site-01"


def test_a_revocation_outlives_the_database(here: Office, tmp_path: Path) -> None:
    holder = here.claim("site-01")
    here.desk.revoke("site-01", "stolen")
    for file in tmp_path.glob("fleet.db*"):
        file.unlink()
    with office(tmp_path) as restored:
        assert refused(restored.desk.identity_of, holder.der) == "revoked"
        restored.desk.write_list()
        found = restored.folder.revocations(restored.authority)
        assert found is not None
        assert len(list(found)) == 1


def test_what_was_issued_after_the_backup_can_still_be_revoked(here: Office, tmp_path: Path) -> None:
    holder, key = here.claim("site-01"), keys.make_key()
    here.desk.renew(holder.renewal(key))
    for file in tmp_path.glob("fleet.db*"):
        file.unlink()
    with office(tmp_path) as restored:
        assert restored.desk.identity_of(holder.der) == "site-01"
        assert len(restored.desk.revoke("site-01", "stolen")) == 2
        assert refused(restored.desk.identity_of, holder.der) == "revoked"
        assert refused(restored.desk.renew, holder.renewal(key)) == "revoked"


def test_a_renewal_after_a_restore_gives_a_whole_certificate(here: Office, tmp_path: Path) -> None:
    holder, key = here.claim("site-01"), keys.make_key()
    here.desk.renew(holder.renewal(key))
    for file in tmp_path.glob("fleet.db*"):
        file.unlink()
    with office(tmp_path) as restored:
        assert restored.desk.remember() == 2
        keys.check_issued(restored.desk.renew(holder.renewal(key)), key, "site-01", restored.desk.ca_pem())


def test_the_broker_is_told_only_what_is_new(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with office(tmp_path, broker=Broker(("touch", str(told)))) as here:
        assert here.desk.settle() == []
        assert not told.exists()
        here.claim("site-01")
        assert here.desk.settle() == []
        assert not told.exists()
        here.book.revoke("site-01", "by another program", here.clock.at_ms)
        here.desk.settle()
        assert told.exists()
        told.unlink()
        here.folder.access.write_text("changed by hand")
        here.desk.settle()
        assert told.exists()
        assert "deny" in here.folder.access.read_text()


def test_who_is_revoked_is_in_list_and_rules(here: Office) -> None:
    here.claim("site-01")
    here.claim("site-02")
    here.desk.revoke("site-01", "stolen")
    assert "user site-01\ntopic deny #" in here.folder.access.read_text()
    assert "site-02" not in here.folder.access.read_text()
    here.claim("site-01", again=True)
    assert "site-01" not in here.folder.access.read_text()


def test_revoking_nobody_is_a_mistake_and_withdrawing_an_invitation_is_not(here: Office) -> None:
    with pytest.raises(BadInput, match="site-01 never had a certificate"):
        here.desk.revoke("site-01", "")
    token = here.token("site-01")
    assert here.desk.revoke("site-01", "") == []
    assert refused(here.desk.claim, Holder("site-01", keys.make_key()).claim(token)) == "token_unknown"


def test_a_broker_that_cannot_be_told_keeps_no_device_waiting(tmp_path: Path) -> None:
    with office(tmp_path, broker=Broker(pid_file=tmp_path / "nobody.pid")) as here:
        here.claim("site-01")
        assert here.claim("site-01", again=True).device == "site-01"
        with pytest.raises(BadSetup, match=r"nobody.pid: the broker cannot be told"):
            here.desk.revoke("site-01", "stolen")
        assert here.rows("site-01")[0].revoked_ms is not None


def test_lifetime_grace_and_broker_are_settings(tmp_path: Path) -> None:
    table = IdentityTable(lifetime_days=10, grace_days=5, broker_host="b.example.org", broker_port=1, invite_hours=2)
    with office(tmp_path, table=table) as here:
        assert here.desk.invite("site-09", "anna").expires_ms == here.clock.at_ms + 2 * HOUR_MS
        token = here.token("site-01")
        holder = Holder("site-01", keys.make_key())
        issued = here.desk.claim(holder.claim(token))
        holder.take(issued)
        assert (issued.broker_host, issued.broker_port) == ("b.example.org", 1)
        here.clock.at_ms += 15 * DAY_MS + HOUR_MS
        assert refused(here.desk.renew, holder.renewal(keys.make_key())) == "expired"


def test_the_aggregators_own_certificates_are_renewed_in_time(here: Office) -> None:
    before = here.folder.server.read_text(), here.folder.aggregator.read_text()
    assert here.desk.refresh() == []
    here.clock.at_ms += (ca.SERVER_DAYS * 2 // 3 - 1) * DAY_MS
    assert here.desk.refresh() == []
    here.clock.at_ms += 3 * DAY_MS
    assert here.desk.refresh() == [here.folder.server, here.folder.aggregator]
    assert here.folder.server.read_text() != before[0]
    assert here.folder.aggregator.read_text() != before[1]
    assert here.desk.refresh() == []
