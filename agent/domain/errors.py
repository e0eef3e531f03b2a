"""One error root; its children are sorted by what the caller does about them.

* `Transient`: try again later.
* `BadInput`: drop this one input, keep it aside where it can be, and go on.
* `BadSetup`: stop and tell a person.

An error carries its facts as attributes. Its text is one line that names what was wrong and what was expected.
"""


class EmberwattError(Exception):
    """Root of every error this project raises on purpose.

    `hint` says in one sentence what a person can do about it; it may be empty.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Transient(EmberwattError):
    """It may work next time: a device that does not answer, a broker that is away."""


class SourceUnavailable(Transient):
    """A device gave no usable answer. `source` is its configured name."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason


class UplinkUnavailable(Transient):
    """The broker or the aggregator cannot be reached now. `retry_after_s`: it asks not to be tried again before."""

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BadInput(EmberwattError):
    """One input is unusable; the others are not."""


class BadMessage(BadInput):
    """A message on the wire that breaks the contract.

    `damaged` is true when the bytes were changed on the way (checksum, truncation), so that sending again helps.
    """

    def __init__(self, reason: str, *, damaged: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.damaged = damaged


class BadSetup(EmberwattError):
    """Configuration, profile, file or database that a person must put right.

    `where` names the file and, where known, the line or field.
    """

    def __init__(self, where: str, problem: str, *, hint: str = "") -> None:
        super().__init__(f"{where}: {problem}", hint=hint)
        self.where = where
        self.problem = problem


def expected_error(group: BaseExceptionGroup[BaseException]) -> EmberwattError | None:
    """The first error in `group`, which several tasks raised at once; None where one of them was not on purpose."""
    expected, rest = group.split(EmberwattError)
    if expected is None or rest is not None:
        return None
    leaf: BaseException = expected
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    return leaf if isinstance(leaf, EmberwattError) else None
