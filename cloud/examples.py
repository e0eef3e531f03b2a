"""Examples in the help of a command that has parts."""

import argparse
from collections.abc import Mapping


def add_examples(parser: argparse.ArgumentParser, parts: Mapping[str, argparse.ArgumentParser], lines: str) -> None:
    """All lines at the end of the command's help, and its own ones at the end of each part's."""
    parser.epilog = f"example:\n{lines}"
    for name, each in parts.items():
        own = [line for line in lines.splitlines() if name in line.split()]
        each.epilog = "\n".join(["example:", *own])
        each.formatter_class = argparse.RawDescriptionHelpFormatter
