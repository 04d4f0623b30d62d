from bms.alarms import advance
from bms.core.decisions import Condition, Severity
from bms.texts.messages import msg
from tests.control.engine.parts import at

PROOF = Condition("b.ch-1:proof", Severity.CRITICAL, msg("no run status"))


def test_an_alarm_is_raised_once_and_cleared_once() -> None:
    active, events = advance({}, [PROOF], at(0))
    assert [(e.kind, e.key, e.text, e.time) for e in events] == [
        ("raised", PROOF.key, PROOF.text, at(0))
    ]
    active, events = advance(active, [PROOF], at(1))
    assert events == ()
    assert active[PROOF.key].since == at(0)
    active, events = advance(active, [], at(2))
    assert [(e.kind, e.text, e.time) for e in events] == [("cleared", PROOF.text, at(2))]
    assert active == {}


def test_a_new_text_is_a_change_of_the_same_alarm() -> None:
    active, _ = advance({}, [PROOF], at(0))
    worse = Condition(PROOF.key, Severity.LIFE_SAFETY, msg("on fire"))
    active, events = advance(active, [worse], at(5))
    assert [(e.kind, e.severity, e.text) for e in events] == [
        ("changed", Severity.LIFE_SAFETY, "on fire")
    ]
    assert active[PROOF.key].since == at(0)


def test_of_two_conditions_with_one_key_the_more_severe_counts_in_any_order() -> None:
    mild = Condition(PROOF.key, Severity.NORMAL, msg("hm"))
    assert advance({}, [mild, PROOF], at(0)) == advance({}, [PROOF, mild], at(0))
    active, events = advance({}, [mild, PROOF], at(0))
    assert active[PROOF.key].severity is Severity.CRITICAL
    assert len(events) == 1
