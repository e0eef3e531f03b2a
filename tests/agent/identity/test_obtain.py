"""Claim and renewal step by step: nothing is lost between two of them, and nobody else is believed."""

import ssl
from pathlib import Path

import pytest

from agent.domain.errors import BadSetup, UplinkUnavailable
from agent.domain.identity import ClaimCode, fingerprint, print_letters, read_claim_code
from agent.identity import keys
from agent.identity.contact import Aggregator, Refused
from agent.identity.files import IdentityFiles, Pair
from agent.identity.obtain import Trust, claim, renew
from tests.helpers.broker import free_port
from tests.helpers.identities import DAY_MS, Office, office, rng, served_identity


@pytest.fixture
def files(tmp_path: Path) -> IdentityFiles:
    return IdentityFiles(tmp_path / "state")


def code_for(here: Office, device: str = "site-01", *, again: bool = False) -> ClaimCode:
    return read_claim_code(here.desk.invite(device, "anna", again=again).code)


def claimed(here: Office, url: str, files: IdentityFiles, code: ClaimCode, trust: Trust | None = None) -> None:
    claim(files, "site-01", code.token, Aggregator(url, here.clock.at_ms), trust or Trust(code), rng())


def renewed(here: Office, files: IdentityFiles, url: str = "") -> None:
    renew(files, url, here.clock.at_ms, rng())


def device_of(here: Office, files: IdentityFiles) -> str:
    pair = files.pair()
    assert pair is not None
    ssl.create_default_context(cafile=files.ca).load_cert_chain(files.device)
    return here.desk.identity_of(ssl.PEM_cert_to_DER_cert(pair.certificate))


def test_a_code_is_all_that_a_device_needs(here: Office, url: str, files: IdentityFiles) -> None:
    claimed(here, url, files, code_for(here))
    assert device_of(here, files) == "site-01"
    assert files.ca_text() == here.desk.ca_pem()
    assert files.pending_key() is None
    about = files.about()
    assert about is not None
    assert (about.device, about.aggregator) == ("site-01", url)
    share = (about.renew_ms - about.not_before_ms) / (about.not_after_ms - about.not_before_ms)
    assert 0.6 <= share <= 0.7


def test_a_lost_answer_costs_nothing(here: Office, url: str, files: IdentityFiles, tmp_path: Path) -> None:
    """The answer came, and the power went before it was on the disk: what is left is the key."""
    code = code_for(here)
    claimed(here, url, files, code)
    pair = files.pair()
    assert pair is not None
    files.device.unlink()
    files.write_pending_key(pair.key)
    claimed(here, url, files, code)
    assert files.pair() == pair
    assert len(here.rows("site-01")) == 1


def test_nobody_else_gets_the_code(here: Office, url: str, files: IdentityFiles, tmp_path: Path) -> None:
    """Somebody between shows an authority of his own: the code never leaves the device."""
    code = code_for(here)
    (tmp_path / "elsewhere").mkdir()
    with office(tmp_path / "elsewhere") as other, served_identity(other.desk, other.clock) as stranger:
        with pytest.raises(BadSetup, match="not the aggregator that invited the device") as caught:
            claimed(other, stranger, files, code)
        assert "nothing was sent" in caught.value.hint
        with pytest.raises(BadSetup, match="not the aggregator that invited the device: expected"):
            claimed(other, stranger, files, code, Trust(fingerprint=fingerprint(here.authority.der)))
        with pytest.raises(BadSetup, match="its certificate is not accepted"):
            claimed(other, stranger, files, code, Trust(code, file=here.desk.ca_file))
    assert files.about() is files.ca_text() is None
    claimed(here, url, files, code)


@pytest.mark.parametrize("way", ["code", "fingerprint", "file"])
def test_the_authority_is_known_in_three_ways(here: Office, url: str, files: IdentityFiles, way: str) -> None:
    code = code_for(here)
    trust = {
        "code": Trust(code),
        "fingerprint": Trust(fingerprint=fingerprint(here.authority.der)),
        "file": Trust(file=here.desk.ca_file),
    }[way]
    claimed(here, url, files, code, trust)
    assert device_of(here, files) == "site-01"


def test_a_file_of_another_authority_is_told(here: Office, url: str, files: IdentityFiles, tmp_path: Path) -> None:
    code = ClaimCode(code_for(here).token, print_letters(b"another"))
    with pytest.raises(BadSetup, match="not the one of the claim code"):
        claimed(here, url, files, code, Trust(code, file=here.desk.ca_file))
    with pytest.raises(BadSetup, match=r"nothing.pem: cannot be read"):
        claimed(here, url, files, code, Trust(code, file=tmp_path / "nothing.pem"))


def test_a_code_used_before_is_told_with_what_is_there(here: Office, url: str, files: IdentityFiles) -> None:
    code = code_for(here)
    claimed(here, url, files, code)
    with pytest.raises(Refused, match="used already") as caught:
        claimed(here, url, files, code)
    assert "has a certificate" in caught.value.hint
    assert device_of(here, files) == "site-01"


def test_every_renewal_has_a_new_key(here: Office, url: str, files: IdentityFiles) -> None:
    claimed(here, url, files, code_for(here))
    seen = set()
    for _ in range(3):
        pair = files.pair()
        assert pair is not None
        seen.add(pair.key)
        here.clock.at_ms += 240 * DAY_MS
        renewed(here, files)
        assert device_of(here, files) == "site-01"
    assert len(seen) == 3


def test_a_renewal_whose_answer_was_lost_ends_with_the_same_certificate(
    here: Office, url: str, files: IdentityFiles
) -> None:
    claimed(here, url, files, code_for(here))
    old = files.pair()
    renewed(here, files)
    new = files.pair()
    assert old is not None
    assert new is not None
    files.write_pair(old)
    files.write_pending_key(new.key)
    renewed(here, files)
    found = files.pair()
    assert found is not None
    assert (found.certificate, found.key) == (new.certificate, new.key)
    assert len(here.rows("site-01")) == 2


class Cut(Exception):
    """The power goes."""


class FilesUntil(IdentityFiles):
    """The power goes at one moment of a renewal."""

    def __init__(self, state: Path, moment: str) -> None:
        super().__init__(state)
        self._moment = moment

    def write_pending_key(self, text: str) -> None:
        self._cut("before the new key is kept")
        super().write_pending_key(text)
        self._cut("before the aggregator is asked")

    def write_pair(self, pair: Pair) -> None:
        self._cut("after its answer")
        super().write_pair(pair)
        if self._moment == "before the new key is put away":
            self.write_key_again(pair.key)
            raise Cut

    def write_key_again(self, key: str) -> None:
        """It is still there where the folder was not written to the disk."""
        super().write_pending_key(key)

    def _cut(self, moment: str) -> None:
        if self._moment == moment:
            raise Cut


@pytest.mark.parametrize(
    "moment",
    [
        "before the new key is kept",
        "before the aggregator is asked",
        "after its answer",
        "before the new key is put away",
    ],
)
def test_whenever_the_power_goes_the_pair_works(here: Office, url: str, files: IdentityFiles, moment: str) -> None:
    claimed(here, url, files, code_for(here))
    with pytest.raises(Cut):
        renewed(here, FilesUntil(files.folder.parent, moment))
    assert device_of(here, files) == "site-01"
    before = files.pair()
    renewed(here, files)
    assert device_of(here, files) == "site-01"
    after = files.pair()
    assert before is not None
    assert after is not None
    assert before.key != after.key
    assert files.pending_key() is None


def test_power_lost_after_the_new_pair_was_written(here: Office, url: str, files: IdentityFiles) -> None:
    """The key that waited is the present one then; the next renewal makes another."""
    claimed(here, url, files, code_for(here))
    pair = files.pair()
    assert pair is not None
    files.write_pending_key(pair.key)
    renewed(here, files)
    after = files.pair()
    assert after is not None
    assert after.key != pair.key


def test_a_waiting_key_that_was_damaged_is_made_anew(here: Office, url: str, files: IdentityFiles) -> None:
    files.folder.mkdir(parents=True)
    files.pending.write_text("-----BEGIN PRIVATE KEY-----\nAAAA")
    claimed(here, url, files, code_for(here))
    assert device_of(here, files) == "site-01"


def test_an_aggregator_that_is_away_leaves_the_pair_as_it_is(here: Office, url: str, files: IdentityFiles) -> None:
    claimed(here, url, files, code_for(here))
    before = files.pair()
    with pytest.raises(UplinkUnavailable):
        renewed(here, files, f"https://127.0.0.1:{free_port()}")
    assert files.pair() == before
    waiting = files.pending_key()
    assert waiting is not None
    renewed(here, files)
    after = files.pair()
    assert after is not None
    assert after.key == waiting


def test_after_thirteen_months_and_not_after_three_years(here: Office, url: str, files: IdentityFiles) -> None:
    claimed(here, url, files, code_for(here))
    here.clock.at_ms += 395 * DAY_MS
    renewed(here, files)
    assert device_of(here, files) == "site-01"
    here.clock.at_ms += 1095 * DAY_MS
    with pytest.raises(Refused, match="more than 365 days ago"):
        renewed(here, files)


def test_without_a_certificate_there_is_nothing_to_renew(here: Office, files: IdentityFiles) -> None:
    with pytest.raises(BadSetup, match="no certificate yet") as caught:
        renewed(here, files)
    assert "--token" in caught.value.hint


def test_a_device_that_is_claimed_again_takes_its_own_place(here: Office, url: str, files: IdentityFiles) -> None:
    claimed(here, url, files, code_for(here))
    old = files.pair()
    assert old is not None
    here.desk.revoke("site-01", "card died")
    with pytest.raises(Refused, match="revoked"):
        renewed(here, files)
    claimed(here, url, files, code_for(here, again=True))
    assert device_of(here, files) == "site-01"
    assert not keys.is_key(old.certificate)
