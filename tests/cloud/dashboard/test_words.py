from agent.domain.faults import FaultCode, Severity
from cloud.dashboard import words


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
