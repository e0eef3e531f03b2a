"""The syntax trees of this project's own files, each read once."""

import ast
import gc
from functools import cache
from pathlib import Path


@cache
def parsed(path: Path) -> ast.Module:
    """The tree of one file.

    Nothing is collected meanwhile: Python before 3.11.8 counts the depth of a finaliser's calls as the parser's own and
    raises `SystemError` (https://github.com/python/cpython/issues/106905).
    """
    gc.disable()
    try:
        return ast.parse(path.read_text(), str(path))
    finally:
        gc.enable()
