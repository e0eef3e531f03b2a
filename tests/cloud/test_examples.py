"""Each part of a command shows the examples that are its own."""

import argparse

from cloud.examples import add_examples


def test_a_part_shows_its_own_lines_and_the_command_all() -> None:
    parser = argparse.ArgumentParser(prog="p")
    parts = parser.add_subparsers()
    one, two = parts.add_parser("one"), parts.add_parser("two")
    add_examples(parser, parts.choices, "  p one --onetwo\n  p two\n  p one again\n")
    assert parser.epilog == "example:\n  p one --onetwo\n  p two\n  p one again\n"
    assert one.format_help().endswith("example:\n  p one --onetwo\n  p one again\n")
    assert two.epilog == "example:\n  p two"
