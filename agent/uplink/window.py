"""What was sent and not yet acknowledged: pure bookkeeping, numbers in, verdicts out."""

from collections import deque
from enum import Enum


class Verdict(Enum):
    """What an acknowledgement meant."""

    NOTHING = "nothing"
    PROGRESS = "progress"
    RESEND = "resend"


class Window:
    """A bounded number of batches on the way, acknowledged in order, sent again from the gap when one was lost.

    `sent` is the highest number sent since the last going back; `acknowledged` what the aggregator has. Times are
    seconds on any clock that does not step.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._flying: deque[tuple[int, float]] = deque()
        self._recover = -1
        self.epoch = b""
        self.acknowledged = 0
        self.sent = 0

    def start(self, epoch: bytes, acknowledged: int) -> None:
        """Begin behind what is acknowledged, with nothing on the way."""
        self.epoch = epoch
        self.acknowledged = acknowledged
        self._recover = -1
        self._back(acknowledged)

    @property
    def free(self) -> bool:
        """Whether another batch may be sent."""
        return len(self._flying) < self._limit

    @property
    def oldest(self) -> float | None:
        """When the batch that waits longest was sent."""
        return self._flying[0][1] if self._flying else None

    def send(self, last: int, now: float) -> None:
        """A batch that ends at `last` leaves now."""
        self._flying.append((last, now))
        self.sent = last

    def handed_over(self, last: int, now: float) -> None:
        """The batch that ends at `last` has left the device: on a slow line that takes long, and is no silence."""
        self._flying = deque((end, now if end == last else sent) for end, sent in self._flying)

    def acknowledge(self, through: int) -> Verdict:
        """The aggregator stands at `through`.

        Lower than before: it was set back, everything behind is sent again. The same as before while something is on
        the way: a batch was lost before those that arrived, and is sent again, once until all that was sent at that
        time is acknowledged, since the others' answers repeat the same number (as in TCP, RFC 6582).
        """
        if through < self.acknowledged:
            self._go_back(through)
            return Verdict.RESEND
        if through == self.acknowledged:
            if not self._flying or through <= self._recover:
                return Verdict.NOTHING
            self._go_back(through)
            return Verdict.RESEND
        self.acknowledged = through
        while self._flying and self._flying[0][0] <= through:
            self._flying.popleft()
        self.sent = max(self.sent, through)
        return Verdict.PROGRESS

    def expire(self) -> None:
        """No answer came in time: send again from the first number that is not acknowledged."""
        self._go_back(self.acknowledged)

    def _go_back(self, through: int) -> None:
        self._recover = max(self.sent, self._recover)
        self.acknowledged = through
        self._back(through)

    def _back(self, through: int) -> None:
        self._flying.clear()
        self.sent = through
