"""The folder of the authority: its files, each replaced whole; the key of the authority is never overwritten."""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from agent.domain.errors import BadSetup
from cloud.identity import authority as ca
from cloud.identity.authority import Authority
from cloud.ports import CertificateRow

_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
_SECRET: Final = 0o600
_BROKERS: Final = 0o640
_PUBLIC: Final = 0o644
# The last third of their life is for noticing that renewing them does not work.
_RENEW_LEFT_MS: Final = ca.SERVER_DAYS * ca.DAY_MS // 3


class Folder:
    """Where everything lies. The constructor does no I/O; every call raises `BadSetup` for what cannot be done."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ca_key = path / "ca-key.pem"
        self.ca = path / "ca.pem"
        self.server = path / "server.pem"
        self.aggregator = path / "aggregator.pem"
        self.revoked = path / "crl.pem"
        self.access = path / "acl"
        self.issued = path / "issued.jsonl"

    def exists(self) -> bool:
        """Whether there is an authority."""
        return self.ca_key.exists()

    def create(self, now_ms: int) -> Authority:
        """A new authority, or the one that is there."""
        with _errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        if not self.exists():
            made = ca.make_authority(now_ms)
            with _errors(self.ca_key):
                _write_once(self.ca_key, made.pem + made.key_pem)
        found = self.load()
        self.write(self.ca, found.pem, _PUBLIC)
        return found

    def load(self) -> Authority:
        """The authority."""
        try:
            return ca.load_authority(self.ca_key.read_bytes(), str(self.ca_key))
        except FileNotFoundError as error:
            hint = "emberwatt-cloud identity init --host NAME makes one"
            raise BadSetup(str(self.path), "there is no certificate authority here", hint=hint) from error
        except OSError as error:
            raise BadSetup(str(self.ca_key), f"cannot be read: {error.strerror}") from error

    def refresh(self, authority: Authority, now_ms: int, hosts: Sequence[str] = (), group: str = "") -> list[Path]:
        """Renew what the aggregator shows itself, long before it expires; the files that were written.

        With `hosts` the server's certificate is made for them; without, for those that it has.
        """
        written = []
        present = certificate_in(self.server)
        wanted = list(hosts) or (["localhost", "127.0.0.1"] if present is None else ca.hosts_of(present))
        if present is None or sorted(wanted) != sorted(ca.hosts_of(present)) or _is_old(present, authority, now_ms):
            key = ca.make_key()
            made = ca.issue_server(authority, wanted, key.public_key(), now_ms)
            self.write(self.server, ca.pem(made) + ca.key_pem(key), _BROKERS, group)
            written.append(self.server)
        elif group:
            with _errors(self.server):
                _give_to(self.server, group)
                self.server.chmod(_BROKERS)
        own = certificate_in(self.aggregator)
        if own is None or _is_old(own, authority, now_ms):
            key = ca.make_key()
            certificate = ca.issue_aggregator(authority, key.public_key(), now_ms)
            self.write(self.aggregator, ca.pem(certificate) + ca.key_pem(key), _SECRET)
            written.append(self.aggregator)
        return written

    def revocations(self, authority: Authority) -> x509.CertificateRevocationList | None:
        """The list as it is on the disk."""
        try:
            return ca.read_revocation_list(self.revoked.read_bytes(), authority)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadSetup(str(self.revoked), f"cannot be read: {error.strerror}") from error

    def says(self, entries: x509.CertificateRevocationList | None, serials: set[str], access: str) -> bool:
        """Whether list and rules are on the disk as they would be written."""
        try:
            same = self.access.read_text(encoding="ascii") == access
        except (OSError, UnicodeDecodeError):
            return False
        return same and entries is not None and {f"{entry.serial_number:x}" for entry in entries} == serials

    def write_revocations(self, entries: x509.CertificateRevocationList, access: str) -> None:
        """List and rules; the list last, because it is what a unit that reloads the broker watches."""
        self.write(self.access, access, _PUBLIC)
        self.write(self.revoked, entries.public_bytes(serialization.Encoding.PEM).decode("ascii"), _PUBLIC)

    def note(self, row: CertificateRow) -> None:
        """Write down a certificate that was given out, so that it can be revoked whatever happens to the database."""
        line = msgspec.json.encode(msgspec.structs.replace(row, pem="")) + b"\n"
        with _errors(self.issued), self.issued.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def noted(self) -> list[CertificateRow]:
        """What was written down, without the certificates themselves; no line that a power cut left unfinished."""
        try:
            lines = self.issued.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise BadSetup(str(self.issued), f"cannot be read: {error.strerror}") from error
        rows = []
        for line in lines:
            with suppress(msgspec.DecodeError):
                rows.append(msgspec.json.decode(line, type=CertificateRow))
        return rows

    def write(self, path: Path, text: str, mode: int, group: str = "") -> None:
        """Replace a file whole. Group and mode of one that is there stay as they are."""
        with _errors(path):
            _write_whole(path, text, mode, group)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One program at a time changes the list."""
        with _errors(self.path), (self.path / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def certificate_in(path: Path) -> x509.Certificate | None:
    """The first certificate of a file; None without file or certificate."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        raise BadSetup(str(path), f"cannot be read: {error.strerror}") from error


def check_hosts(hosts: Sequence[str]) -> None:
    """Raises `BadSetup` for what is neither a name as RFC 1123 has it nor an address."""
    for host in hosts:
        if _NAME.fullmatch(host) is None and not ca.is_address(host):
            hint = "for example --host broker.example.org --host 192.0.2.7"
            raise BadSetup("--host", f"{host!r}: expected a name or an address", hint=hint)


def _is_old(certificate: x509.Certificate, authority: Authority, now_ms: int) -> bool:
    end_ms = ca.to_ms(certificate.not_valid_after_utc)
    last = certificate.not_valid_after_utc >= authority.certificate.not_valid_after_utc
    return certificate.issuer != authority.certificate.subject or (end_ms - now_ms < _RENEW_LEFT_MS and not last)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadSetup(str(path), f"cannot be written: {error.strerror or error}") from error


def _write_once(path: Path, text: str) -> None:
    """All of it or nothing, and never over another: a link is not made where there is a file."""
    draft = _draft(path, text, _SECRET)
    try:
        os.link(draft, path)
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _write_whole(path: Path, text: str, mode: int, group: str) -> None:
    draft = _draft(path, text, mode)
    try:
        if path.exists():
            there = path.stat()
            os.chown(draft, -1, there.st_gid)
            draft.chmod(there.st_mode & 0o777)
        if group:
            _give_to(draft, group)
            draft.chmod(mode)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _give_to(path: Path, group: str) -> None:
    try:
        shutil.chown(path, group=group)
    except LookupError as error:
        raise BadSetup("--group", f"there is no group {group!r} on this machine") from error


def _draft(path: Path, text: str, mode: int) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    return Path(name)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
