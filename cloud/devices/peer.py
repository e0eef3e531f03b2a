"""Who is at the other end of a TLS connection, where the application can see it."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

# In the `state` of an ASGI scope: the client's certificate in DER, or None.
PEER: Final = "peer_certificate"


class PeerProtocol(H11Protocol):
    """uvicorn's protocol, which keeps the certificate of its connection for the requests that come over it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The handshake is done by now."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        state: dict[str, Any] = {**self.app_state, PEER: None if tls is None else tls.getpeercert(True)}
        self.app_state = state
