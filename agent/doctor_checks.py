"""What `emberwatt-agent doctor` looks at, one function each: what was found, and what to do about it."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from agent.clock import SystemClock
from agent.config import AgentSettings
from agent.domain.errors import BadSetup, SourceUnavailable, Transient
from agent.domain.signals import Reading
from agent.domain.timeline import EARLIEST_MS
from agent.identity.files import IdentityFiles
from agent.outbox.peek import peek
from agent.parts import make_sources
from agent.ports import Source
from agent.running import JOURNAL
from agent.site_file import in_force
from agent.sources.carrier_tables import AnyTable, OneWireTable, RtuOverTcpTable, TcpTable
from agent.steering.vault import Vault
from agent.way_out import Place, address, make_broker

State = Literal["ok", "warn", "away", "fail"]
_MIB: Final = 2**20
_LEAST_FREE_MIB: Final = 20
_CONNECT_S: Final = 10.0
_SOON_MS: Final = 14 * 86_400_000
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Check:
    """`state`: ok; warn: works, but not for ever; away: may work the next time; fail: a person must put it right."""

    name: str
    state: State
    found: str
    advice: str = ""


def is_running(settings: AgentSettings) -> bool:
    """Whether an agent has the journal open."""
    lock = settings.state / f"{JOURNAL}.lock"
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def check_agent(running: bool) -> Check:
    if running:
        return Check("agent", "ok", "is running")
    return Check("agent", "warn", "is not running", "systemctl start emberwatt-agent")


def check_wishes(settings: AgentSettings) -> Check:
    """What the fleet wishes of this device, and what became of it."""
    kept = Vault(settings.state).load()
    if kept.trial is not None:
        told = f"version {kept.trial.wish.version} of the fleet's is on probation, {kept.good.version} worked last"
        return Check("wishes", "ok", told)
    if kept.judged is not None:
        told = f"version {kept.judged.version} was {kept.judged.state.replace('_', ' ')}: {kept.judged.reason}"
        return Check("wishes", "warn", told, "write another version of the desired twin")
    if kept.good.version:
        return Check("wishes", "ok", f"version {kept.good.version} of the fleet's is in force")
    return Check("wishes", "ok", "the fleet has none, the site file alone holds")


def check_disk(settings: AgentSettings) -> Check:
    """Whether the state folder can be written to, and for how long."""
    folder = settings.state
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as probe:
            probe.write(b"x" * 4096)
            probe.flush()
            os.fsync(probe.fileno())
        free_mib = shutil.disk_usage(folder).free / _MIB
    except OSError as error:
        advice = f"let the agent's user write to {folder}; a card that turned read-only is worn out: replace it"
        return Check("disk", "fail", f"{folder}: {error.strerror}", advice)
    wanted_mib = settings.journal.budget_mib + _LEAST_FREE_MIB
    told = f"{folder}: {free_mib:,.0f} MiB free"
    if free_mib < _LEAST_FREE_MIB:
        return Check("disk", "fail", told, f"make room: the journal may take {settings.journal.budget_mib:g} MiB")
    if free_mib < wanted_mib:
        return Check("disk", "warn", told, f"make room, or set journal.budget_mib below {free_mib:.0f}")
    return Check("disk", "ok", told)


def check_journal(settings: AgentSettings) -> Check:
    path = settings.state / JOURNAL
    if not path.exists():
        return Check("journal", "warn", "there is none yet", "start the agent once")
    try:
        seen = peek(path)
    except BadSetup as problem:
        return Check("journal", "fail", str(problem), problem.hint)
    except Transient as refused:
        return Check("journal", "fail", str(refused), "check the disk and who may write to it")
    told = f"{seen.backlog} of {seen.last} records wait, {seen.size / _MIB:.1f} MiB"
    if path.with_name(f"{JOURNAL}.damaged").exists():
        advice = "the disk may be wearing out; what could be read was saved"
        return Check("journal", "warn", f"{told}; an earlier one was damaged", advice)
    return Check("journal", "ok", told)


def check_clock(settings: AgentSettings) -> Check:
    clock = settings.clock
    if not isinstance(clock, SystemClock):
        return Check("clock", "ok", "simulated, as the site file says")
    if clock.now_ms() < EARLIEST_MS:
        return Check("clock", "fail", "is not set", "timedatectl set-ntp true, or let the network reach a time server")
    kept = clock.disciplined()
    if kept is False:
        return Check("clock", "warn", "is set, but no time server keeps it right", "timedatectl set-ntp true")
    return Check("clock", "ok", "is set" if kept is None else "a time server keeps it right")


def check_certificate(settings: AgentSettings) -> Check:
    """The device's own, where it was claimed; else the files that the site file names."""
    try:
        about = IdentityFiles(settings.state).about()
    except BadSetup as problem:
        return Check("certificate", "fail", str(problem), problem.hint)
    if about is None:
        return _named_files(settings)
    now_ms = settings.clock.now_ms()
    days = (about.not_after_ms - now_ms) / _DAY_MS
    if days <= 0:
        advice = (
            "it renews by itself once it reaches the aggregator; else claim the device again: emberwatt-agent claim"
        )
        return Check("certificate", "fail", f"expired {-days:.0f} days ago", advice)
    if about.not_after_ms - now_ms < _SOON_MS:
        return Check("certificate", "warn", f"expires in {days:.0f} days", f"let the device reach {about.aggregator}")
    return Check("certificate", "ok", f"good for {days:.0f} days")


def _named_files(settings: AgentSettings) -> Check:
    table = settings.uplink
    place = Place(settings.device, settings.path.parent)
    named = [] if table is None else [place.file(name) for name in (table.cafile, table.certfile, table.keyfile)]
    for file in named:
        if file is not None and not os.access(file, os.R_OK):
            return Check("certificate", "fail", f"{file} cannot be read", "name another in [uplink], or put it there")
    if any(named):
        return Check("certificate", "ok", "the files of [uplink] can be read")
    return Check("certificate", "ok", "none is needed")


async def check_devices(settings: AgentSettings, running: bool) -> list[Check]:
    """Each is read once; a line that a running agent has open is left to it."""
    chosen = in_force(settings)
    if not chosen.sources:
        return [Check("devices", "warn", "the site file has none", "emberwatt-agent setup")]
    try:
        made = make_sources(chosen)
    except BadSetup as problem:
        return [Check("devices", "fail", str(problem), problem.hint)]
    tables = {table.name: table for table in chosen.sources}
    return [await _device(tables[source.name], source, chosen.budget_s, running) for source in made]


async def _device(table: AnyTable, source: Source, budget_s: float, running: bool) -> Check:
    name = f"device {source.name}"
    if running and not isinstance(table, TcpTable | RtuOverTcpTable | OneWireTable):
        return Check(name, "ok", "its line belongs to the running agent; emberwatt-agent status says more")
    try:
        async with source, asyncio.timeout(budget_s):
            reading = await source.read()
    except SourceUnavailable as unavailable:
        return Check(name, "away", unavailable.reason, _device_advice(running))
    except TimeoutError:
        return Check(name, "away", f"no answer within {budget_s:g} s", _device_advice(running))
    return _values(name, reading)


def _device_advice(running: bool) -> str:
    advice = "check power, cable, address and unit; emberwatt-agent scan finds devices"
    return f"{advice}; many talk to one client at a time: stop the agent and look again" if running else advice


def _values(name: str, reading: Reading) -> Check:
    good, bad = len(reading.values), [f"{signal} {quality.name.lower()}" for signal, quality in reading.bad.items()]
    if not good:
        return Check(
            name, "fail", "answers, but no value can be used", "another profile may fit: emberwatt-agent setup"
        )
    if bad:
        return Check(name, "warn", f"{good} values; without: {', '.join(sorted(bad))}", "emberwatt-agent setup")
    return Check(name, "ok", f"{good} values")


async def check_uplink(settings: AgentSettings, running: bool) -> Check:
    """A real login; beside a running agent only the way there, or it would be thrown out."""
    table = in_force(settings).uplink
    if table is None:
        return Check("uplink", "warn", "the site file has no [uplink]", "without one nothing leaves this device")
    host, port = address(table)
    try:
        async with asyncio.timeout(_CONNECT_S):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    except TimeoutError:
        return Check("uplink", "away", f"{host}:{port} does not answer", "a firewall may be in the way")
    except OSError as error:
        return Check("uplink", "away", f"{host}:{port}: {error.strerror or error}", "check the network and the name")
    if running:
        return Check("uplink", "ok", f"{host}:{port} can be reached; the running agent is logged in or says why not")
    try:
        async with make_broker(table, Place(settings.device, settings.path.parent)).connect():
            return Check("uplink", "ok", f"{host}:{port} lets {settings.device} in")
    except BadSetup as refused:
        return Check("uplink", "fail", str(refused), refused.hint)
    except Transient as away:
        return Check("uplink", "away", str(away), "look at the broker's log")


def site_check(path: Path, settings: AgentSettings) -> Check:
    count = len(settings.sources)
    return Check("site file", "ok", f"{path}: {settings.device}, {count} device{'' if count == 1 else 's'}")
