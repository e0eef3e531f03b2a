"""What a rule can only be sure of late, although it showed before: how long that counts."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class KnowsBegin(Protocol):
    """A rule that, once it finds something wrong, knows since when that has shown.

    Five starts of a burner must have happened before their pace is known, and they did happen: a debounce that began
    only with the fifth would wait twice.
    """

    @property
    def since_ms(self) -> int | None:
        """Since when what fails now has been seen without a break. Asked after a verdict that fails."""
        ...


def knows_begin(rule: object) -> KnowsBegin | None:
    """The rule, if it is one that knows."""
    return rule if isinstance(rule, KnowsBegin) else None
