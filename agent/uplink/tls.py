"""TLS for every carrier: chain, name and dates of the far end are always checked, the dates as well as they can be.

A device without a battery for its clock starts in 1970, when no certificate is valid yet. To refuse the aggregator then
would strand the device for good where the time comes over the same line. So while the clock is known to be wrong, the
chain and the name are verified as ever, only without comparing dates with the wrong clock; instead the certificate must
not have ended before the newest time that is known to have passed. Once the clock is right everything is checked, and a
connection that was made in doubt is made again.
"""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.domain.errors import BadSetup, UplinkUnavailable

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL, see X509_VERIFY_PARAM_set_flags(3); the ssl module has no name for it.
NO_CHECK_TIME: Final = 0x200000


def _always() -> bool:
    return True


def _never_known() -> int:
    return 0


class ClockTrust(msgspec.Struct, frozen=True):
    """Whether the wall clock may judge certificates, and the newest time known to have passed, in ms."""

    clock_trusted: Callable[[], bool] = _always
    floor_ms: Callable[[], int] = _never_known


class TlsFiles(msgspec.Struct, frozen=True):
    """PEM files: who is believed (None: whom the system believes), and our own certificate with its key."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @property
    def names(self) -> str:
        """As error texts name them."""
        files = (self.ca_file, self.cert_file, self.key_file)
        return ", ".join(str(file) for file in files if file) or "system certificates"


class Tls(msgspec.Struct, frozen=True):
    """Makes a context for one connection. `in_doubt` remembers that it was made while the clock was known wrong."""

    files: TlsFiles
    trust: ClockTrust = msgspec.field(default_factory=ClockTrust)

    def context(self) -> "CheckedContext":
        """Raises `BadSetup` for files that cannot be used."""
        context = CheckedContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if self.files.ca_file is None:
                context.load_default_certs()
            else:
                context.load_verify_locations(self.files.ca_file)
            if self.files.cert_file is not None:
                context.load_cert_chain(self.files.cert_file, self.files.key_file)
        except (OSError, ValueError) as error:
            raise BadSetup(self.files.names, f"cannot be used for TLS ({error})") from error
        if not self.trust.clock_trusted():
            context.doubt(self.trust)
        return context


class CheckedContext(ssl.SSLContext):
    """A client's context that, while the clock is wrong, judges the far end's dates itself."""

    _trust: ClockTrust | None = None

    def doubt(self, trust: ClockTrust) -> None:
        """From now on the wall clock is not asked."""
        self._trust = trust
        self.verify_flags |= NO_CHECK_TIME
        self.sslobject_class = _CheckedObject
        self.sslsocket_class = _CheckedSocket

    def check_dates(self, certificate: dict[str, Any] | None) -> None:
        """Raises `ssl.SSLCertVerificationError` for what has ended before a time that has passed."""
        if self._trust is None or not certificate:
            return
        ended_ms = ssl.cert_time_to_seconds(str(certificate["notAfter"])) * 1000
        floor_ms = self._trust.floor_ms()
        if ended_ms < floor_ms:
            raise ssl.SSLCertVerificationError(
                f"certificate verify failed: certificate has expired (it ended {_text(ended_ms)}, "
                f"and it is {_text(floor_ms)} or later)"
            )

    def still_fits(self) -> None:
        """Raises `UplinkUnavailable` when this was made in doubt and the clock is right by now."""
        if self._trust is not None and self._trust.clock_trusted():
            raise UplinkUnavailable("the clock is right now: connecting again, with all dates checked")


class _CheckedObject(ssl.SSLObject):
    def do_handshake(self) -> None:
        super().do_handshake()
        _check(self.context, self.getpeercert())


class _CheckedSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        try:
            _check(self.context, self.getpeercert())
        except ssl.SSLError:
            self.close()
            raise


def _check(context: ssl.SSLContext, certificate: dict[str, Any] | None) -> None:
    if isinstance(context, CheckedContext):
        context.check_dates(certificate)


def _text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
