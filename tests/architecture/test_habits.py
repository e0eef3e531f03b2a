"""Habits that can be counted: sizes, broad handlers, signal names as strings, mocks."""

import ast
from collections.abc import Iterator
from pathlib import Path

from agent.domain.signals import SIGNALS
from tests.helpers.syntax import parsed

ROOT = Path(__file__).parents[2]
CODE = [path for part in ("agent", "cloud", "firmware_sim") for path in sorted((ROOT / part).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MAX_FUNCTION = 50
MAX_FILE = 400

# The one supervisor per program: it alone may catch everything, because it restarts or reports what failed.
SUPERVISORS: set[str] = {"agent/supervision.py", "agent/diagnosis/detectors.py"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body:
                yield f"{relative(path)}:{node.lineno} {node.name}", (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_functions_can_be_seen_whole() -> None:
    assert [
        f"{name}: {length} lines" for path in CODE for name, length in functions(path) if length > MAX_FUNCTION
    ] == []


def test_files_have_one_subject() -> None:
    lengths = {relative(path): len(path.read_text().splitlines()) for path in CODE}
    assert {name: length for name, length in lengths.items() if length > MAX_FILE} == {}


def test_only_a_supervisor_catches_everything() -> None:
    broad = set()
    for path in CODE:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ExceptHandler):
                caught = "" if node.type is None else ast.unparse(node.type)
                undoes = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
                if not undoes and (
                    node.type is None or {"Exception", "BaseException"} & set(caught.strip("()").split(", "))
                ):
                    broad.add(relative(path))
    assert broad <= SUPERVISORS


def test_a_signal_is_named_in_one_file() -> None:
    found = []
    for path in CODE:
        # A fault and a signal share the name of the inverter's alarm.
        if relative(path) in {"agent/domain/signals.py", "agent/domain/faults.py"}:
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Constant) and node.value in SIGNALS and isinstance(node.value, str):
                found.append(f"{relative(path)}:{node.lineno} {node.value}")
    assert found == []


def test_no_test_replaces_what_it_tests() -> None:
    banned = ("mock." + "patch", "Magic" + "Mock", "Async" + "Mock", "monkeypatch.set" + "attr")
    assert [relative(path) for path in TESTS if any(word in path.read_text() for word in banned)] == []
