"""Who is at the other end of a TLS connection, where the application can see it."""

import asyncio
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

# In the `state` of an ASGI scope: the client's certificate in DER, or None.
PEER: Final = "peer_certificate"
FIRST_S: Final = 30.0


class PeerProtocol(H11Protocol):
    """uvicorn's protocol, which keeps the certificate of its connection for the requests that come over it.

    Nobody has shown a certificate before the first request, so whoever does not make one within `first_s` is left.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        first_s: float = FIRST_S,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._first_s = first_s

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The handshake is done by now."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        state: dict[str, Any] = {**self.app_state, PEER: None if tls is None else tls.getpeercert(True)}
        self.app_state = state
        self._first = self.loop.call_later(self._first_s, self._leave_the_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """See the base."""
        self._first.cancel()
        super().connection_lost(exc)

    def _leave_the_silent(self) -> None:
        # None before the first request, whatever the base declares.
        if vars(self)["cycle"] is None:
            self.transport.close()
