"""`--detector` and `--plot` of a replay: somebody's own detector over a recording, and the picture of it."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.diagnosis.detector_settings import DetectorSettings, detectors_from
from agent.domain.errors import BadSetup


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Both arguments."""
    parser.add_argument(
        "--detector",
        action="append",
        default=[],
        metavar="FILE.py:CLASS",
        help="run this detector as well, or an installed one by its name; may be given several times",
    )
    parser.add_argument("--plot", type=Path, metavar="OUT.png", help="draw signals, findings and scores (extra plot)")


def detectors_for(document: Mapping[str, Any], site: Path | None, given: Sequence[str]) -> tuple[DetectorSettings, ...]:
    """Those of the site file, and those that were asked for. Raises `BadSetup`."""
    folder = str(site.parent) if site is not None else "."
    try:
        configured = detectors_from(document, folder)
    except BadSetup as error:
        raise BadSetup(f"{site}: {error.where}", error.problem, hint=error.hint) from error
    names = {each.name for each in configured}
    asked = []
    for use in given:
        try:
            (one,) = detectors_from({"detector": [{"use": use}]})
        except BadSetup as error:
            raise BadSetup(f"--detector {use}", error.problem) from error
        if one.name in names:
            raise BadSetup(f"--detector {use}", f"the name {one.name!r} is taken already")
        names.add(one.name)
        asked.append(one)
    return (*configured, *asked)
