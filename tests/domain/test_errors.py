"""One error root, sorted by what the caller does."""

import pytest

from agent.domain.errors import (
    BadInput,
    BadMessage,
    BadSetup,
    EmberwattError,
    SourceUnavailable,
    Transient,
    UplinkUnavailable,
    expected_error,
)


@pytest.mark.parametrize(
    ("error", "parent"),
    [
        (SourceUnavailable("inverter", "no answer"), Transient),
        (UplinkUnavailable("refused"), Transient),
        (BadMessage("cut off", damaged=True), BadInput),
        (BadSetup("site.toml", "no such field"), EmberwattError),
    ],
)
def test_errors_are_of_their_kind_and_one_line(error: EmberwattError, parent: type[EmberwattError]) -> None:
    assert isinstance(error, parent)
    assert isinstance(error, EmberwattError)
    assert "\n" not in str(error)


def test_errors_carry_their_facts() -> None:
    source = SourceUnavailable("inverter", "no answer")
    assert (source.source, source.reason, str(source)) == ("inverter", "no answer", "inverter: no answer")
    message = BadMessage("cut off", damaged=True)
    assert (message.reason, message.damaged) == ("cut off", True)
    assert not BadMessage("wrong").damaged
    setup = BadSetup("site.toml", "no such field", hint="look it up")
    assert (setup.where, setup.problem, setup.hint) == ("site.toml", "no such field", "look it up")
    assert str(setup) == "site.toml: no such field"


def test_of_several_errors_the_first_is_told_unless_one_was_not_on_purpose() -> None:
    first, second = BadSetup("broker", "refuses"), Transient("away")
    nested = BaseExceptionGroup("tasks", [BaseExceptionGroup("inner", [first]), second])
    assert expected_error(nested) is first
    assert expected_error(BaseExceptionGroup("tasks", [first, ValueError("a bug")])) is None
    assert expected_error(BaseExceptionGroup("tasks", [KeyboardInterrupt()])) is None
