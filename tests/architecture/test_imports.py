"""The walls of the house: who may import whom. An allow-list over the syntax tree, lazy imports included."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.syntax import parsed

ROOT = Path(__file__).parents[2]
OURS = ("agent", "cloud", "firmware_sim")

# Standard library that neither reads a clock nor touches the outside.
PURE = frozenset(
    "__future__ abc array base64 bisect calendar collections contextlib dataclasses datetime decimal difflib enum "
    "fractions functools hashlib heapq itertools json math operator re statistics string struct textwrap types "
    "typing uuid zlib zoneinfo".split()
)

# package → (packages of ours it may import besides itself, other people's packages it may import)
WALLS: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {
    "agent.domain": ((), frozenset({"msgspec"})),
    "agent.ports": (("agent.domain",), frozenset({"msgspec"})),
    "agent.sources": (("agent.domain", "agent.ports"), frozenset({"msgspec", "pymodbus", "serial"})),
    "agent.diagnosis": (("agent.domain", "agent.ports"), frozenset({"msgspec"})),
    "agent.identity": (("agent.domain", "agent.ports"), frozenset({"msgspec", "cryptography"})),
    "agent.learned": (("agent.domain", "agent.ports"), frozenset({"numpy", "ai_edge_litert", "tflite_runtime"})),
    "agent.outbox": (("agent.domain", "agent.ports"), frozenset({"msgspec"})),
    "agent.onsite": (("agent.domain", "agent.ports"), frozenset({"msgspec"})),
    "agent.steering": (("agent.domain", "agent.ports"), frozenset({"msgspec"})),
    "agent.uplink": (("agent.domain", "agent.ports"), frozenset({"msgspec", "aiomqtt", "paho"})),
    "agent": (("agent",), frozenset({"matplotlib", "msgspec"})),
    "cloud.ports": (("agent.domain",), frozenset({"msgspec"})),
    "cloud.identity": (("agent.domain", "cloud.ports"), frozenset({"msgspec", "cryptography", "starlette"})),
    "cloud.access": (("agent.domain", "cloud.ports"), frozenset({"msgspec", "starlette", "jinja2"})),
    "cloud.ingest": (("agent.domain", "cloud.ports"), frozenset({"msgspec", "aiomqtt", "paho"})),
    "cloud.devices": (("agent.domain", "cloud.ports"), frozenset({"msgspec", "starlette", "uvicorn"})),
    "cloud.store": (("agent.domain", "cloud.ports"), frozenset({"msgspec", "sqlalchemy"})),
    "cloud.api": (
        ("agent.domain", "cloud.ports"),
        frozenset({"msgspec", "fastapi", "starlette", "pydantic", "jinja2", "markupsafe"}),
    ),
    "cloud.dashboard": (
        ("agent.domain", "cloud.ports"),
        frozenset({"msgspec", "fastapi", "starlette", "jinja2", "markupsafe"}),
    ),
    "cloud.commands": (("agent.domain", "cloud.ports"), frozenset({"msgspec"})),
    "cloud.fleet": (
        ("agent.domain", "cloud.ports"),
        frozenset({"msgspec", "numpy", "scipy", "polars", "pyarrow", "matplotlib"}),
    ),
    "cloud.incidents": (("agent.domain", "cloud.ports"), frozenset({"msgspec"})),
    "cloud.jobs": (("agent.domain", "cloud.ports"), frozenset({"msgspec"})),
    "cloud.lake": (
        ("agent.domain", "cloud.ports"),
        frozenset({"msgspec", "numpy", "pyarrow", "duckdb", "polars", "pyspark"}),
    ),
    "cloud.training": (
        ("agent.domain", "cloud.ports"),
        frozenset({"msgspec", "numpy", "flatbuffers", "cryptography", "pyarrow"}),
    ),
    "cloud": (
        ("agent.domain", "cloud"),
        frozenset({"msgspec", "fastapi", "starlette", "uvicorn", "polars", "pyarrow", "numpy", "matplotlib"}),
    ),
    "firmware_sim": (("agent.domain.signals",), frozenset({"numpy", "pandas", "pvlib", "pyarrow", "amqtt", "pwdlib"})),
}


def modules() -> Iterator[tuple[str, Path]]:
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def package_of(module: str) -> str:
    """The most specific wall that `module` stands behind."""
    return max((wall for wall in WALLS if within(module, wall)), key=len)


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name comes from"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "__import__",
            "importlib.import_module",
            "import_module",
        }:
            argument = node.args[0]
            yield node.lineno, argument.value if isinstance(argument, ast.Constant) else "<computed>"


def breaches(module: str, tree: ast.AST) -> list[str]:
    wall = package_of(module)
    ours, theirs = WALLS[wall]
    found = []
    for line, name in imports(tree):
        top = name.split(".")[0]
        if top in OURS:
            allowed = any(within(name, package) for package in (wall, *ours))
        elif top in sys.stdlib_module_names:
            allowed = wall != "agent.domain" or top in PURE
        else:
            allowed = top in theirs
        if not allowed:
            found.append(f"{module}:{line} imports {name}")
    return found


@pytest.mark.parametrize(("module", "path"), [pytest.param(m, p, id=m) for m, p in modules()])
def test_every_import_stays_within_its_walls(module: str, path: Path) -> None:
    assert breaches(module, parsed(path)) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("agent.domain.faults", "import asyncio"),
        ("agent.domain.faults", "def f():\n    import time"),
        ("agent.domain.faults", "from agent.ports import Clock"),
        ("agent.sources.poller", "from agent.outbox import sqlite"),
        ("agent.uplink.drain", "import cloud.store"),
        ("agent.app", "import sqlalchemy"),
        ("cloud.api.routes", "from cloud.store import reader"),
        ("cloud.store.reader", "from agent.outbox.sqlite import SqliteOutbox"),
        ("cloud.app", "from agent.config import load"),
        ("firmware_sim.registers", "from agent.sources import decode"),
        ("firmware_sim.registers", "def f():\n    __import__('agent.sources.decode')"),
        ("firmware_sim.registers", "import importlib\nimportlib.import_module(name)"),
        ("firmware_sim.demo", "import agent.app"),
    ],
)
def test_a_breach_is_seen(module: str, source: str) -> None:
    assert breaches(module, ast.parse(source)) != []


def test_the_domain_reads_no_clock() -> None:
    clocks = {"now", "utcnow", "today"}
    for module, path in modules():
        if within(module, "agent.domain"):
            for node in ast.walk(parsed(path)):
                assert not (isinstance(node, ast.Attribute) and node.attr in clocks), f"{module}:{node.lineno}"


def test_packaging_imports_nothing_of_ours() -> None:
    for path in (ROOT / "packaging").rglob("*.py"):
        names = [name for _, name in imports(parsed(path))]
        assert not [name for name in names if name.split(".")[0] in OURS], path
