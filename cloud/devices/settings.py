"""What the aggregator's file may say about the listener for devices."""

from typing import Annotated

import msgspec

_Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class DevicesTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where devices come in over HTTPS. File names are relative to the aggregator's file.

    Without `certfile` the listener uses the certificate and the authority of `[identity]`. `insecure_loopback` does
    without TLS and believes every name; only an address of this machine is taken then.
    """

    host: str = "0.0.0.0"
    port: _Port = 8443
    certfile: str | None = None
    keyfile: str | None = None
    cafile: str | None = None
    insecure_loopback: bool = False
