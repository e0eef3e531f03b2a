import ast
from collections.abc import Iterator
from pathlib import Path

from agent.diagnosis.channel import LOST_MONEY
from agent.domain.faults import FaultCode, Severity
from cloud.dashboard import words
from tests.helpers.syntax import parsed

AGENT = Path(__file__).parents[3] / "agent"
RULES = [
    *AGENT.glob("domain/rules*.py"),
    *AGENT.glob("diagnosis/*.py"),
    AGENT / "learned" / "detector.py",
]
_HOLDS_EVIDENCE = ("evidence", "_evidence", "noted")
_TAKES_EVIDENCE = ("note", "tell", "follow")


def test_every_fault_has_words() -> None:
    for code in FaultCode:
        text = words.FAULT_WORDS[code]
        assert text.label
        assert text.meaning.endswith(".")
        assert text.advice.endswith(".")


def test_labels_tell_faults_apart() -> None:
    assert len({text.label for text in words.FAULT_WORDS.values()}) == len(FaultCode)


def test_what_is_not_known_is_still_said() -> None:
    assert words.fault_words("fan_blocked").label == "Fan blocked"
    assert words.severity_class("catastrophic") == "warning"
    assert words.signal_words("flow_temperature_2") == "Flow 2"
    assert words.signal_words("battery_temperature") == "Battery temperature"


def test_severities_rank() -> None:
    ranks = [words.severity_rank(severity) for severity in (Severity.CRITICAL, Severity.WARNING, Severity.INFO)]
    assert ranks == sorted(ranks)
    assert set(words.SEVERITY_WORDS) == set(Severity)


def told_by_rules() -> set[str]:
    """Every name that the rules and what stands around them give to a number of the evidence.

    Of a name that is put together what stands before the signal's.
    """
    return {name for path in RULES for node in ast.walk(parsed(path)) for name in _names(node)}


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name="seen" | "_evidence"):
            for inner in ast.walk(node):
                match inner:
                    case ast.Dict():
                        yield from _keys(inner)
                    case ast.DictComp(key=key) | ast.Assign(targets=[ast.Subscript(slice=key)]):
                        yield from _text(key)
        case ast.Call(func=ast.Attribute(attr=called), args=arguments) if called in _TAKES_EVIDENCE:
            for argument in arguments:
                yield from _keys(argument)
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=value)
        ) if name in _HOLDS_EVIDENCE and value is not None:
            for inner in ast.walk(value):
                yield from _keys(inner)
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=key)]) if name in _HOLDS_EVIDENCE:
            yield from _text(key)


def _keys(node: ast.AST) -> Iterator[str]:
    for key in node.keys if isinstance(node, ast.Dict) else ():
        if key is not None:
            yield from _text(key)


def _text(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)) | ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            yield text


def test_every_number_of_the_evidence_has_words_and_a_unit() -> None:
    told = told_by_rules()
    assert {"produced_wh", "missing_minutes", "stood_hours", "by_s", "difference_w", "factor_of_", "score"} <= told
    assert told - {*words.EVIDENCE_WORDS, *words.EVIDENCE_OF_A_SIGNAL} == set()
    assert LOST_MONEY in words.EVIDENCE_WORDS


def test_no_words_are_left_of_what_nobody_tells() -> None:
    assert {*words.EVIDENCE_WORDS, *words.EVIDENCE_OF_A_SIGNAL} - told_by_rules() == {LOST_MONEY, "worst_"}
