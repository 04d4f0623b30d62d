"""Registers whose truth is known: what is labelled known is never more than what was used.

A meter uses what it uses; its gateway sleeps, holds old totals, tells them rarely, shows zero, or
the register is reset, swapped or goes round. What cannot be told apart from energy is left out
here: a swap by less than the meter could have used since its register last changed, and a zero of
a register that shows no more than that: it may as well have been reset.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.energy.intervals import Mark, Register, judged
from bms.energy.quarters import QUARTER_MS, Course
from bms.energy.register import HOUR_MS

MOST = 400
"""Counts in a quarter hour that the meter can use: its rating."""
SIZE = 10**9
FAR = 2 * MOST * 150
"""More than the meter can use in the longest outage after a zero."""
T0 = QUARTER_MS * 2_000_000
CALM = ["use"] * 6 + ["rest", "outage", "hold"]
KINDS = [*CALM, "reset", "swap", "zero", "spike", "dip"]


@dataclass
class Truth:
    """What was used up to each mark, and what was read."""

    rated: bool
    used: dict[int, int] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    rarely: int = 1
    """At every how many marks its gateway tells its total."""
    plain: bool = True
    """Whether nothing happened to it."""

    @property
    def register(self) -> Register:
        most = Fraction(MOST * 4 * 3, 2)
        return Register(
            SIZE,
            most if self.rated else Fraction(10**7),
            rated=self.rated,
            wraps_in_ms=SIZE * HOUR_MS // (MOST * 4) if self.rated else None,
            own_past=True,
            slack=1000,
        )


@st.composite
def truths(draw: st.DrawFn, rated: bool = True) -> Truth:
    truth = Truth(rated)
    rarely = truth.rarely = draw(st.sampled_from([1, 1, 1, 2, 4, 8]))
    # Near its end, a register that was reset may as well have gone round.
    near = draw(st.booleans())
    ms, used, base, held = T0, 0, 5000 - SIZE if near else -(10**6), None
    until_held = until_zero = 0
    shown_last = 0
    steady = draw(st.integers(0, MOST))
    for at in range(draw(st.integers(2, 300))):
        kind = draw(st.sampled_from(CALM if near else KINDS)) if at % 5 == 4 else "use"
        longest = 900 if at > until_zero else 150  # what is away for over a week is believed
        quarters = draw(st.integers(2, longest)) if kind == "outage" else 1
        ms += quarters * QUARTER_MS
        used += 0 if kind == "rest" else steady * quarters
        if kind not in ("use", "rest", "outage"):
            truth.plain = False
        if kind == "hold":
            until_held = at + draw(st.integers(1, 20))
        elif kind == "reset":
            base = used
        elif kind == "swap":
            base = used - draw(st.sampled_from([10**7, 10**8]))
        total = (used - base) % SIZE
        if kind == "zero" and total > FAR:
            until_zero = at + draw(st.integers(1, 20))
        if held is None or (at % rarely == 0 and at >= until_held):
            held = total
        shown = held
        if at < until_zero:
            shown = 0
        elif kind == "spike":
            shown = SIZE - 1
        elif kind == "dip":
            shown = max(0, shown_last - 1)
        shown_last = shown
        truth.used[ms] = used
        truth.marks.append(Mark(ms, shown))
    return truth


def check(truth: Truth) -> None:
    found = judged(truth.marks, truth.register)
    assert found.back_ms is None
    assert all(part.counts >= 0 for part in found.parts if part.counts is not None)
    # No time is left out: it is known, or missing with a reason.
    ends = [truth.marks[0].ms, *(part.end_ms for part in found.parts)]
    assert [part.start_ms for part in found.parts] == ends[:-1]
    assert ends[-1] == truth.marks[-1].ms
    # What was told late belongs to the time before: sums from the begin are what counts.
    total = 0
    begin = truth.used[truth.marks[0].ms]
    told_late = truth.rarely * MOST  # what was used before the first mark may be told after it
    for part in found.parts:
        total += part.counts or 0
        dips = sum(1 for mark in truth.marks if mark.ms <= part.end_ms)
        assert total <= truth.used[part.end_ms] - begin + dips + told_late
    slots = list(Course().quarters(found.parts))
    for quarter in slots:
        whole = quarter.covered_ms == QUARTER_MS
        assert whole or quarter.label.value == "missing"
    missing = [part for part in found.parts if part.counts is None]
    for part in missing:
        inside = [q for q in slots if part.start_ms <= q.start_ms < part.end_ms - QUARTER_MS]
        assert all(q.covered_ms < QUARTER_MS for q in inside)


@settings(max_examples=150)
@given(truths())
def test_nothing_known_is_more_than_was_used(truth: Truth) -> None:
    check(truth)


@pytest.mark.slow
@settings(max_examples=5_000)
@given(truths())
def test_nothing_known_is_more_than_was_used_by_many(truth: Truth) -> None:
    check(truth)


@settings(max_examples=80)
@given(truths(), st.lists(st.integers(1, 298), max_size=5))
def test_a_register_is_judged_alike_in_parts(truth: Truth, cuts: list[int]) -> None:
    """Going on from any interval's end finds what the whole finds, or says from where to judge
    again."""
    whole = judged(truth.marks, truth.register)
    ends = {part.end_ms for part in whole.parts}
    for cut in cuts:
        known = judged(truth.marks[: cut + 1], truth.register)
        if cut >= len(truth.marks) - 1 or truth.marks[cut].ms not in ends or not known.parts:
            continue
        past = known.pasts[known.parts[-1].end_ms]
        shown = known.parts[-1].shown
        rest = [Mark(truth.marks[cut].ms, shown), *truth.marks[cut + 1 :]]
        after = judged(rest, truth.register, past=past)
        if after.back_ms is None and truth.plain and known.parts == whole.parts[: len(known.parts)]:
            assert after.parts == whole.parts[len(known.parts) :]
