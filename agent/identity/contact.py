"""Asking the aggregator for certificates, over HTTPS that is verified."""

import http.client
import ssl
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec

from agent.domain.errors import BadInput, BadSetup, EmberwattError, UplinkUnavailable
from agent.domain.identity import CA, IDENTITY_PATH, Issued, RefusalBody

_TIMEOUT_S: Final = 30.0
_MAX_ANSWER: Final = 64 * 1024
# What may be different in a while: too many requests, and everything that servers say about themselves.
_LATER: Final = {429, 500, 502, 503, 504}
# X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL.
_DATES: Final = {9, 10}
# What OpenSSL says, by its version, of an answer that is plain HTTP.
_NO_TLS: Final = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}


class Refused(BadSetup):
    """The aggregator does not give a certificate. `code` as in `agent.domain.identity.Refusal`."""

    def __init__(self, where: str, code: str, problem: str, *, hint: str = "") -> None:
        super().__init__(where, problem, hint=hint)
        self.code = code


class Aggregator:
    """One address, `https://host:port`. `now_ms` is what the device's clock shows, for error texts."""

    def __init__(self, url: str, now_ms: int) -> None:
        """Raises `BadInput` for anything else."""
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or parts.path.rstrip("/") or parts.query:
            raise BadInput(f"aggregator {url!r}: expected https://HOST or https://HOST:PORT")
        self.url = url.rstrip("/")
        self.host = parts.hostname
        self._now_ms = now_ms

    def fetch_ca(self) -> str:
        """The certificate of the aggregator's authority, which nobody has vouched for yet.

        Nothing secret is sent and nothing that comes back is believed: whoever calls this compares it with the
        fingerprint that the installer was given, and talks on over a connection that is verified against it.
        """
        stranger = ssl.create_default_context()
        stranger.check_hostname = False
        stranger.verify_mode = ssl.CERT_NONE
        return self._open(urllib.request.Request(self._at(CA)), stranger).decode("ascii", errors="replace")

    def ask(self, path: str, body: object, ca: str) -> Issued:
        """Post `body`. Raises `Refused`, `BadSetup` for a server that is not the one, `UplinkUnavailable`."""
        try:
            context = ssl.create_default_context(cadata=ca)
        except ssl.SSLError as error:
            raise BadSetup("certificate authority", f"cannot be used ({error})") from error
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._at(path), msgspec.json.encode(body), headers, method="POST")
        answer = self._open(request, context)
        try:
            return msgspec.json.decode(answer, type=Issued)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UplinkUnavailable(f"{self.url}: an answer that is no certificate ({error})") from error

    def _at(self, path: str) -> str:
        return f"{self.url}{IDENTITY_PATH}{path}"

    def _open(self, request: urllib.request.Request, context: ssl.SSLContext) -> bytes:
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
        try:
            with opener.open(request, timeout=_TIMEOUT_S) as answer:
                return bytes(answer.read(_MAX_ANSWER))
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from error
        except urllib.error.URLError as error:
            raise self._failure(error.reason) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(error) from error

    def _refusal(self, error: urllib.error.HTTPError) -> EmberwattError:
        try:
            said = msgspec.json.decode(error.read(_MAX_ANSWER), type=RefusalBody).error
        except (msgspec.DecodeError, UnicodeDecodeError, OSError):
            text = f"{self.url} answers {error.code} {error.reason}"
            if error.code in _LATER:
                return UplinkUnavailable(text)
            return BadSetup(self.url, f"answers {error.code} {error.reason}", hint="is this the aggregator's address?")
        if error.code in _LATER:
            return UplinkUnavailable(f"{self.url}: {said.message}")
        return Refused(self.url, said.code, said.message, hint=said.hint)

    def _failure(self, reason: object) -> EmberwattError:
        if isinstance(reason, ssl.SSLError) and reason.reason in _NO_TLS:
            hint = "take the address that came with the code; its port is that of [devices], not that of the pages"
            return BadSetup(self.url, "speaks no HTTPS there", hint=hint)
        if not isinstance(reason, ssl.SSLCertVerificationError):
            return UplinkUnavailable(f"{self.url}: {getattr(reason, 'strerror', None) or reason}")
        hint = "does the address name the host as its certificate does?"
        if reason.verify_code in _DATES:
            shown = datetime.fromtimestamp(self._now_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
            hint = f"this device's clock shows {shown}; is that right?"
        return BadSetup(self.url, f"its certificate is not accepted: {reason.verify_message}", hint=hint)
