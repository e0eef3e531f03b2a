"""The newest lines of the log, kept in memory for whoever asks from afar."""

import logging
from collections import deque
from datetime import UTC, datetime
from typing import Final

_KEPT: Final = 400
_LONGEST: Final = 400


class LogTail(logging.Handler):
    """Put on the root logger; `lines` gives the newest, oldest first."""

    def __init__(self, kept: int = _KEPT) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[str] = deque(maxlen=kept)

    def emit(self, record: logging.LogRecord) -> None:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        text = record.getMessage().replace("\n", " ")
        if record.exc_info is not None and record.exc_info[1] is not None:
            text += f" ({record.exc_info[1]!r})"
        self._lines.append(f"{at} {record.levelname} {record.name}: {text}"[:_LONGEST])

    def lines(self, most: int) -> list[str]:
        return list(self._lines)[-most:]
