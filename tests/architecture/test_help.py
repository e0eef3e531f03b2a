"""Every program and every command of it shows an example in its help, and each example is one that it takes."""

import argparse
import re
import shlex
from collections.abc import Callable, Iterator, Sequence

import pytest

from agent import __main__ as agent
from cloud import __main__ as cloud
from firmware_sim import __main__ as simulator
from firmware_sim.demo import command as demo

Parser = argparse.ArgumentParser


def walk(parser: Parser) -> Iterator[Parser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from walk(each)


def programs() -> Iterator[tuple[Callable[[Sequence[str]], Parser], Parser]]:
    """Each parser of the programs, and how to make the whole one again for the words of a call."""
    for name, *_ in agent._commands():
        for each in walk(agent._parser([name])):
            yield agent._parser, each
    for name, *_ in cloud.COMMANDS:
        for each in walk(cloud._parser([name])):
            yield cloud._parser, each
    for each in walk(simulator._parser()):
        yield lambda _: simulator._parser(), each


def test_every_help_has_an_example_that_works() -> None:
    without, wrong = set(), set()
    for make, parser in programs():
        program, last = parser.prog.split()[0], parser.prog.split()[-1]
        calls = re.findall(rf"^  ({program} .+)$", parser.epilog or "", re.MULTILINE)
        if not any(last in call.split() for call in calls):
            without.add(parser.prog)
        for call in calls:
            words = shlex.split(call.split(" > ")[0])[1:]
            try:
                make(words).parse_args(words)
            except SystemExit:
                wrong.add(call)
    assert (without, wrong) == (set(), set())


@pytest.mark.parametrize("words", [["--help"], ["demo", "--help"]])
def test_the_demo_shows_examples(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        demo.main(words)
    assert "\n  emberwatt demo --for 120s" in capsys.readouterr().out
