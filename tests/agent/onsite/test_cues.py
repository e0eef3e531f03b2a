"""What a person is asked, in which order, and what is made of their answers."""

from agent.onsite.cues import HEAT_S, HOLD_S, QUIET_S, Cues, ProofPlan


def walk(plan: ProofPlan) -> tuple[list[str], Cues]:
    cues, now_ms, asked = Cues(plan, 0), 0, []
    while (cue := cues.now(now_ms)) is not None:
        if cue.button:
            asked.append(cue.says)
            cues.press(now_ms)
        now_ms += 1000
        assert now_ms < 3_600_000
    return asked, cues


def test_one_phase_is_switched_twice() -> None:
    asked, cues = walk(ProofPlan(watts=1800))
    assert len(asked) == 4
    assert [step.watts for step in cues.steps] == [1800, -1800, 1800, -1800]
    assert cues.steps[0].at_ms == QUIET_S * 1000
    assert cues.steps[1].at_ms - cues.steps[0].at_ms == HOLD_S * 1000


def test_three_phases_are_switched_once_each() -> None:
    asked, cues = walk(ProofPlan(phases=3))
    assert [step.phase for step in cues.steps] == [1, 1, 2, 2, 3, 3]
    assert "phase 3" in asked[4]


def test_heat_is_asked_for_and_watched() -> None:
    asked, cues = walk(ProofPlan(load=False, heat=True))
    assert len(asked) == 1
    assert cues.heat_on_ms == QUIET_S * 1000
    assert cues.now(round((QUIET_S + HEAT_S - 1) * 1000)) is not None


def test_a_press_too_early_or_too_late_counts_for_nothing() -> None:
    cues = Cues(ProofPlan(), 0)
    cues.press(5)
    assert cues.steps == []
    _, cues = walk(ProofPlan())
    cues.press(10**9)
    assert len(cues.steps) == 4


def test_how_much_is_over_only_grows() -> None:
    cues, seen = Cues(ProofPlan(load=False, heat=True), 0), []
    for second in range(0, 300, 5):
        cue = cues.now(second * 1000)
        if cue is None:
            break
        seen.append(cue.done)
        if cue.button:
            cues.press(second * 1000)
    assert seen == sorted(seen)
    assert seen[0] == 0.0
    assert 0.9 < seen[-1] < 1.0
