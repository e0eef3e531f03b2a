"""Who may use the page: those who know the PIN, and who does not guess for long."""

import hmac
import secrets
from typing import Final

from agent.ports import Clock

_FREE_TRIES: Final = 5
_FIRST_PAUSE_MS: Final = 30_000
_LONGEST_PAUSE_MS: Final = 15 * 60_000
_SESSIONS: Final = 4


class Doorkeeper:
    """Sessions behind a PIN. After `_FREE_TRIES` wrong ones nobody may try for a while, twice as long each time."""

    def __init__(self, pin: str, clock: Clock) -> None:
        self._pin = pin
        self._clock = clock
        self._sessions: dict[str, str] = {}
        self._wrong = 0
        self._closed_until = 0

    def pause_s(self) -> float:
        """For how long nobody may try."""
        return max(0.0, (self._closed_until - self._clock.monotonic_ms()) / 1000)

    def enter(self, pin: str) -> str | None:
        """A new session's secret, or None."""
        if self.pause_s() > 0:
            return None
        if not hmac.compare_digest(pin.strip().encode(), self._pin.encode()):
            self._wrong += 1
            if self._wrong >= _FREE_TRIES:
                pause = min(_LONGEST_PAUSE_MS, _FIRST_PAUSE_MS * 2 ** min(10, self._wrong - _FREE_TRIES))
                self._closed_until = self._clock.monotonic_ms() + pause
            return None
        self._wrong = 0
        session = secrets.token_urlsafe(32)
        self._sessions[session] = secrets.token_urlsafe(16)
        while len(self._sessions) > _SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return session

    def token(self, session: str) -> str | None:
        """What the session's forms must bring along; None when there is no such session."""
        return self._sessions.get(session)

    def leave(self, session: str) -> None:
        self._sessions.pop(session, None)
