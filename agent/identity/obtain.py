"""Claim and renewal, step by step, so that a power cut or a lost answer between any two of them does no harm.

The new key is on the disk before anybody is asked for its certificate: asking again asks for the same one.
"""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.domain.errors import BadSetup
from agent.domain.identity import (
    CLAIM,
    RENEW,
    ClaimCode,
    ClaimRequest,
    Issued,
    RenewRequest,
    fingerprint,
)
from agent.identity import keys
from agent.identity.contact import Aggregator, Refused
from agent.identity.files import About, IdentityFiles, Pair

# Devices that were claimed on the same day do not all come back on the same day.
_RENEW_AT: Final = (0.6, 0.7)


@dataclass(frozen=True, slots=True)
class Trust:
    """How the authority is known: by the claim code, by a fingerprint, or because the installer brought its file."""

    code: ClaimCode | None = None
    fingerprint: str = ""
    file: Path | None = None


def claim(
    files: IdentityFiles, device: str, token: str, aggregator: Aggregator, trust: Trust, rng: random.Random
) -> tuple[Pair, Issued]:
    """The first certificate of a device, or the first after it was set up anew.

    Raises `BadSetup`, `UplinkUnavailable`.
    """
    ca = _authority(aggregator, trust)
    present = files.about()
    key = _next_key(files, "")
    try:
        issued = aggregator.ask(CLAIM, ClaimRequest(token, keys.make_request(key, device)), ca)
    except Refused as refused:
        if present is not None and present.device == device:
            refused.hint = f"{refused.hint}; this device has a certificate in {files.device} already".lstrip("; ")
        raise
    pair = _pair(issued, key, device, ca, aggregator.url, rng)
    files.write_ca(ca)
    files.write_pair(pair)
    return pair, issued


def renew(files: IdentityFiles, url: str, now_ms: int, rng: random.Random) -> Pair:
    """The certificate that follows the present one, for a new key. Raises `BadSetup`, `UplinkUnavailable`.

    The old key vouches for the new one in the request itself, because a certificate that has expired in a long outage
    makes no connection any more.
    """
    present, ca = files.pair(), files.ca_text()
    if present is None or ca is None:
        hint = "the first one comes from a claim code: emberwatt-agent claim SITE.toml --token CODE --aggregator URL"
        raise BadSetup(str(files.folder), "this device has no certificate yet", hint=hint)
    aggregator = Aggregator(url or present.about.aggregator, now_ms)
    key = _next_key(files, present.key)
    request = keys.make_request(key, present.about.device)
    asked = RenewRequest(request, present.certificate, keys.vouch(present.key, request))
    issued = aggregator.ask(RENEW, asked, ca)
    pair = _pair(issued, key, present.about.device, ca, aggregator.url, rng)
    files.write_pair(pair)
    return pair


def _authority(aggregator: Aggregator, trust: Trust) -> str:
    if trust.file is not None:
        try:
            text, where = trust.file.read_text(encoding="ascii"), str(trust.file)
        except (OSError, UnicodeDecodeError) as error:
            raise BadSetup(str(trust.file), f"cannot be read: {error}") from error
    else:
        text, where = aggregator.fetch_ca(), f"{aggregator.url}: its answer"
    der = keys.certificate_der(text, where)
    found = fingerprint(der)
    if trust.fingerprint and trust.fingerprint != found:
        raise _stranger(aggregator, f"expected {trust.fingerprint}, found {found}")
    if trust.code is not None and not trust.code.vouches_for(der):
        raise _stranger(aggregator, f"its fingerprint {found} is not the one of the claim code")
    return text


def _stranger(aggregator: Aggregator, facts: str) -> BadSetup:
    hint = "the address or the claim code is another aggregator's, or somebody stands between; nothing was sent"
    return BadSetup(aggregator.url, f"this is not the aggregator that invited the device: {facts}", hint=hint)


def _next_key(files: IdentityFiles, present: str) -> str:
    waiting = files.pending_key()
    if waiting is not None and waiting != present and keys.is_key(waiting):
        return waiting
    key = keys.make_key()
    files.write_pending_key(key)
    return key


def _pair(issued: Issued, key: str, device: str, ca: str, url: str, rng: random.Random) -> Pair:
    keys.check_issued(issued, key, device, ca)
    lifetime_ms = issued.not_after_ms - issued.not_before_ms
    renew_ms = issued.not_before_ms + round(lifetime_ms * rng.uniform(*_RENEW_AT))
    about = About(device, url, issued.not_before_ms, issued.not_after_ms, renew_ms)
    return Pair(about, issued.certificate, key)
