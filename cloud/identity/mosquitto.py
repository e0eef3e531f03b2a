"""What Mosquitto must be told: a listener that knows devices by their certificates, and who may use which topic."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent.domain import wire
from agent.domain.commands import CMD, REPLY
from cloud.identity.authority import AGGREGATOR

PORT: Final = 8883


_LISTENER: Final = """\
# A device logs in with the certificate that the aggregator gave it, and with nothing else.
# Made by: emberwatt-cloud identity broker-config

allow_anonymous false
acl_file {folder}/acl

# A batch of 256 KiB with its topic. What is larger is no message of a device.
max_packet_size 300000

# What may wait for the aggregator while it is busy or a whole fleet comes back at once. Unsaid it is 1000, and what is
# more is dropped unseen.
max_queued_messages 200000

listener {port}
cafile {folder}/ca.pem
certfile {folder}/server.pem
keyfile {folder}/server.pem
tls_version tlsv1.2

# No certificate, one that has expired, or one that is in the list: no connection.
require_certificate true
crlfile {folder}/crl.pem

# Who it is says the certificate, whatever name the device sends; nobody can push another off its connection.
use_identity_as_username true
use_username_as_clientid true
"""

_DEVICES_WRITE: Final = (wire.UP, wire.STATUS, wire.TWIN_REPORTED, f"{CMD}/+/{REPLY}")
_DEVICES_READ: Final = (wire.ACK, wire.TWIN_DESIRED, f"{CMD}/+")


def listener(folder: Path, port: int = PORT) -> str:
    """The part of mosquitto.conf."""
    return _LISTENER.format(folder=folder, port=port)


def access(shut_out: Sequence[str]) -> str:
    """The file of access rules. Devices that are `shut_out` lose at once what they are connected with.

    Mosquitto looks at the list of revoked certificates only when a connection begins; it looks at the rules each time.
    """
    lines = ["# Made by the aggregator: what is changed here by hand does not stay.", "", "# %u is the device."]
    lines += [f"pattern write {wire.topic('%u', leaf)}" for leaf in _DEVICES_WRITE]
    lines += [f"pattern read {wire.topic('%u', leaf)}" for leaf in _DEVICES_READ]
    lines += ["", f"user {AGGREGATOR}"]
    lines += [f"topic read {wire.topic('+', leaf)}" for leaf in _DEVICES_WRITE]
    lines += [f"topic write {wire.topic('+', leaf)}" for leaf in _DEVICES_READ]
    for device in shut_out:
        lines += ["", f"user {device}", "topic deny #"]
    return "\n".join(lines) + "\n"
