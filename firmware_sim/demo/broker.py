"""The demo's broker: Mosquitto where it is installed, an embedded one otherwise. Loopback only, with passwords."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

AGGREGATOR = "aggregator"

_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
persistence true
persistence_location {folder}/
autosave_interval 5
max_queued_messages 0
log_type error
log_type warning
{user}"""

# Each device writes and reads under its own name only; the aggregator sees all of them.
_ACL = f"""\
pattern readwrite ew/1/%u/#
user {AGGREGATOR}
topic readwrite ew/1/#
"""


def mosquitto() -> str | None:
    """Where Mosquitto is, if it is installed; Debian keeps it out of a user's PATH."""
    return shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


def prepare(folder: Path, port: int, passwords: Mapping[str, str], program: str | None) -> list[str]:
    """Write the broker's files and give the command that runs it: `program`, or without one the embedded broker."""
    folder.mkdir(parents=True, exist_ok=True)
    if program is None:
        _write_hashes(folder / "passwords", passwords)
        return [sys.executable, "-m", "firmware_sim.demo.broker", str(port), str(folder / "passwords")]
    # Started by root it would become the user `mosquitto`, who may not read a private folder.
    user = "user root\n" if os.geteuid() == 0 else ""
    (folder / "acl").write_text(_ACL)
    (folder / "mosquitto.conf").write_text(_MOSQUITTO.format(port=port, folder=folder.resolve(), user=user))
    table = folder / "passwords"
    table.write_text("".join(f"{user}:{word}\n" for user, word in passwords.items()))
    for name in ("acl", "passwords"):
        (folder / name).chmod(0o600)
    subprocess.run([str(Path(program).parents[1] / "bin" / "mosquitto_passwd"), "-U", str(table)], check=True)
    return [program, "-c", str(folder / "mosquitto.conf")]


def _write_hashes(path: Path, passwords: Mapping[str, str]) -> None:
    from pwdlib.hashers.argon2 import Argon2Hasher  # comes with the embedded broker, whose file format this is

    # The words are random and new each time, so the cheapest hash is as good as any.
    hasher = Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1)
    path.write_text("".join(f"{user}:{hasher.hash(word)}\n" for user, word in passwords.items()))
    path.chmod(0o600)


async def _serve(port: int, passwords: str) -> None:
    from amqtt.broker import Broker

    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.FileAuthPlugin": {"password_file": passwords}},
        }
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await broker.start()
    await stop.wait()
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))
