"""What each step of a register was: energy, a rollover, or something that nobody can tell. Pure.

A step is judged by the time since the register last *changed*, not since it was last looked at:
by what the meter can pass in that time, by what the register did before, and by the power beside
it. Many gateways send a total once an hour, or go on showing the last one for days while a meter
is not there.

- A rise that cannot have been since the last look but can since the last change is energy of all
  that time; one that cannot even be that makes all that time missing.
- A register that does nothing but stand and step, regularly, tells its total rarely. Its steps
  are spread over that time, also where a quarter hour could have carried them, and nothing is
  said of the time since the last one.
- A register that fell is not believed while it stands: its meter may not be there.
- A register that stands while power flows is frozen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from math import gcd
from typing import Final, NamedTuple

from bms.core.instants import DAY_MS
from bms.core.readings import Label
from bms.energy.account import Account, Judged
from bms.energy.register import (
    HOUR_MS,
    ROLLOVER_LOW,
    Doubt,
    Event,
    Interval,
    Mark,
    Past,
    Register,
)
from bms.texts.messages import msg

RUN_NEW: Final = 3
RUN_LIVE: Final = 5
"""So many steps in a row, each after a time in which the register stood, show that it tells its
total rarely: three while it was never seen otherwise, five once it was. A pump that runs for ten
minutes of each hour also crosses a quarter hour by the fifth time, and changes twice in a row."""
STEADY: Final = 4
"""Those steps are regular if the times between them differ by no more than a quarter."""
COARSE_COUNTS: Final = 10
"""Smaller steps are the register's own resolution."""
LIVELY: Final = 2
"""So many changes in a row end that."""
LASTING_MS: Final = 75 * 60_000
LASTING_SHARE: Final = 4
"""A rise that is like nothing before is a new load if the register goes on like that for the next
looks, at a quarter of its rate at least. A swapped or rescaled register makes one step that is far
above what follows."""
RESCALED: Final = (10, 100, 1000, 10_000, 1_000_000)
"""A register that shows its total times one of these has changed its unit: kWh became Wh."""


def steps(
    marks: Sequence[Mark],
    skipped: Mapping[int, str],
    register: Register,
    past: Past | None = None,
) -> Judged:
    """The intervals between believed marks; `skipped` says where others were left out between.

    `past` is that at the first mark; None: the register begins there.
    """
    walk = _Walk(marks, skipped, register, past)
    at = 1
    while at < len(marks):
        at = walk.plain(at)
        if at < len(marks):
            at = walk.step(at)
            if walk.parts:
                walk.pasts[walk.parts[-1].end_ms] = walk.past()
    if walk.parts:
        walk.pasts[walk.parts[-1].end_ms] = walk.past()
    return Judged(walk.parts, walk.pasts, walk.back_ms)


class _Run(NamedTuple):
    """Steps in a row, each after a time in which the register stood."""

    at: int
    """The mark from which they are judged again if they are regular."""
    past: Past
    gaps: tuple[int, ...]
    rises: tuple[int, ...]


class _Walk(Account):
    """Judges the marks of a register one after the other."""

    def __init__(
        self,
        marks: Sequence[Mark],
        skipped: Mapping[int, str],
        register: Register,
        past: Past | None,
    ) -> None:
        super().__init__(marks, skipped, register, past)
        self.run: _Run | None = None

    def plain(self, at: int) -> int:
        """Take the rises that are like those before, as almost all are; the first that is not."""
        marks, register, most = self.marks, self.register, self.most
        start, shown, by_hand = marks[at - 1]
        if by_hand or self.since != start or self.doubt or self.cadence or self.alone:
            return at
        longest = min(HOUR_MS, (register.wraps_in_ms or 2 * HOUR_MS) - 1)
        skipped, parts, first = self.skipped, self.parts, at
        rate = register.most_per_h
        above, below = (1, 0) if rate is None else (rate.numerator, rate.denominator * HOUR_MS)
        day = start // DAY_MS if parts else -1
        for at in range(first, len(marks)):
            ms, counts, manual = marks[at]
            step, span = counts - shown, ms - start
            if (
                step <= 0
                or manual
                or span > longest
                or step * HOUR_MS > most * span
                or (step - 1) * below > above * span
                or ms in skipped
            ):
                break
            parts.append(Interval(start, ms, step, Label.MEASURED, counts))
            if ms // DAY_MS != day:
                day = ms // DAY_MS
                self.since, self.live = ms, LIVELY
                self.pasts[ms] = self.past()
            start, shown = ms, counts
        else:
            at = len(marks)
        self.since = start
        if at > first:
            self.live = LIVELY
        return at

    def step(self, at: int) -> int:
        """Judge one mark; the next one to look at."""
        before, mark = self.marks[at - 1], self.marks[at]
        if mark.ms == before.ms:
            return at + 1
        span = mark.ms - before.ms
        if self.register.may_wrap(span):
            self._wrapped(before, mark)
        elif mark.counts < before.counts:
            self._back(before, mark)
        elif mark.counts == before.counts:
            self._stand(before, mark)
        else:
            return self._rise(at, before, mark)
        return at + 1

    # --- what a mark can be ------------------------------------------------------------------

    def _wrapped(self, before: Mark, mark: Mark) -> None:
        assert self.register.size is not None
        self.unknown(
            before.ms,
            mark,
            Event.WRAPS,
            msg(
                "the register goes round at {size} counts, and may have done so more than once "
                "in {minutes:.0f} min",
                size=self.register.size,
                minutes=(mark.ms - before.ms) / 60000,
            ),
        )
        if mark.counts != before.counts:
            self.since = mark.ms

    def _back(self, before: Mark, mark: Mark) -> None:
        register = self.register
        for start in dict.fromkeys((before.ms, self.since)):
            span = mark.ms - start
            known = (register.size or 0) - before.counts + mark.counts
            if register.rolled_over(before.counts, mark.counts, span) and self.usual(
                known, span, mark.ms
            ):
                reason = msg(
                    "the register rolled over from {before} to {after} counts",
                    before=before.counts,
                    after=mark.counts,
                )
                self.known(start, mark, known, Label.CORRECTED, reason, Event.ROLLOVER)
                self.since = mark.ms
                return
        reset = mark.counts <= ROLLOVER_LOW * before.counts and not register.at_its_end(
            before.counts, mark.counts
        )
        reason = msg(
            "the register stepped back from {before} to {after} counts",
            before=before.counts,
            after=mark.counts,
        )
        self.unknown(before.ms, mark, Event.RESET if reset else Event.QUARANTINE, reason)
        self.since, self.doubt, self.alone = mark.ms, Doubt.FELL, 0
        if not self.register.own_past:
            self.doubt = Doubt.NONE

    def _stand(self, before: Mark, mark: Mark) -> None:
        if self.doubt is Doubt.FELL:
            reason = msg(
                "the register fell to {counts} counts and has stood there since", counts=mark.counts
            )
            self.unknown(before.ms, mark, Event.FROZEN, reason)
        elif self.doubt is Doubt.FROZEN:
            self.unknown(before.ms, mark, Event.FROZEN, _frozen(mark))
        else:
            if self.cadence:
                reason = msg("this register tells its total rarely; it has not told it since")
                self.unknown(before.ms, mark, None, reason)
            else:
                self.known(before.ms, mark, 0, Label.MEASURED)
            self._look_beside(before, mark)

    def _look_beside(self, before: Mark, mark: Mark) -> None:
        """Once in each hour that the register stands, ask the power beside it."""
        power = self.register.power
        stands_ms = mark.ms - self.since - 2 * self.cadence
        hour, last = ((m.ms - self.register.ask_ms) // HOUR_MS for m in (mark, before))
        if power is None or stands_ms < HOUR_MS or hour == last:
            return
        first = self.since  # nothing was asked of its first hour
        if stands_ms >= 2 * HOUR_MS:
            first = max(first, mark.ms - max(HOUR_MS, mark.ms - before.ms))
        if power(first, mark.ms, self.most) is None:
            return
        self.cut(first)
        begin = self.parts[-1].end_ms if self.parts else self.marks[0].ms
        self.unknown(begin, mark, Event.FROZEN, _frozen(mark))
        self.doubt = Doubt.FROZEN

    def _rise(self, at: int, before: Mark, mark: Mark) -> int:
        step, span, stood = mark.counts - before.counts, mark.ms - before.ms, self.since < before.ms
        fits = self.can(step, span, mark.ms)
        if self.cadence and self._rarely(before, mark, step):
            return at + 1
        first_look = self.begun == before.ms == self.since
        start = before.ms
        if stood and (not fits or self.doubt is Doubt.FELL or self._caught_up(mark, step)):
            start = self.since
        frozen = self.doubt is Doubt.FROZEN and start < before.ms
        fits = (fits and start == before.ms) or (
            self.can(step, mark.ms - start, mark.ms) and (not frozen or self._caught_up(mark, step))
        )
        if not fits and self._new_load(at, before, mark):
            fits, start = True, before.ms
        if not fits:
            self._leapt(start, mark, before.counts)
            return at + 1
        self.known(start, mark, step, Label.MEASURED)
        again = self._count_alone(at, mark, step, stood, first_look)
        if again is not None:
            return again
        self.note_rate(step, mark.ms - self.since)
        self.since, self.doubt = mark.ms, Doubt.NONE
        return at + 1

    def _rarely(self, before: Mark, mark: Mark, step: int) -> bool:
        """Judge the step of a register that tells its total rarely; whether it still does."""
        if self.begun == self.since == before.ms:
            reason = msg("nobody knows since when: this register tells its total rarely")
            self.unknown(before.ms, mark, Event.GAP, reason)
            self.since = mark.ms
            return True
        if self.since == before.ms:
            self.live = min(LIVELY, self.live + 1)
            if self.live == LIVELY:
                self.cadence = self.alone = 0
                return False
            if self.can(step, mark.ms - before.ms, mark.ms):
                self.known(before.ms, mark, step, Label.ALLOCATED)
                self.since, self.doubt = mark.ms, Doubt.NONE
            else:
                self._leapt(before.ms, mark, before.counts)
            return True
        self.live = 0
        start = max(self.since, self._border(mark.ms - self.cadence))
        if not self.can(step, mark.ms - start, mark.ms):
            start = self.since
        if self.can(step, mark.ms - start, mark.ms):
            if start > self.since:
                nothing = Mark(start, before.counts)
                self.known(self.since, nothing, 0, Label.MEASURED)
                self.pasts[start] = self.past()
            self.known(start, mark, step, Label.ALLOCATED)
            self.note_rate(step, mark.ms - start)
            self.since, self.doubt = mark.ms, Doubt.NONE
        else:
            self._leapt(self.since, mark, before.counts)
        return True

    def _border(self, ms: int) -> int:
        """The last mark at or before an instant."""
        at = bisect_right(self.marks, ms, key=lambda mark: mark.ms)
        return self.marks[at - 1].ms if at else self.since

    def _caught_up(self, mark: Mark, step: int) -> bool:
        """Whether a register that was frozen now shows all that the power says."""
        if self.doubt is not Doubt.FROZEN:
            return False
        power = self.register.power
        expected = None if power is None else power(self.since, mark.ms, self.most)
        return (
            expected is not None
            and 2 * step >= expected
            and self.can(step, mark.ms - self.since, mark.ms)
        )

    def _new_load(self, at: int, before: Mark, mark: Mark) -> bool:
        """Believe a rise like no other before if the register goes on like that."""
        step, span = mark.counts - before.counts, mark.ms - before.ms
        if self.doubt is Doubt.LEAPT or not self.register.plausible(step, span):
            return False
        slack = self.register.slack
        if before.counts > 0 and any(
            0 <= mark.counts - factor * before.counts <= factor + slack for factor in RESCALED
        ):
            return False
        after = [m for m in self.marks[at + 1 : at + 7] if m.ms <= mark.ms + LASTING_MS]
        if len(after) < 2 or any(m.counts < mark.counts for m in after):
            return False
        rise, length = after[-1].counts - mark.counts, after[-1].ms - mark.ms
        return step * length <= LASTING_SHARE * rise * span

    def _leapt(self, start_ms: int, mark: Mark, shown: int) -> None:
        minutes = (mark.ms - start_ms) / 60000
        if self.doubt is Doubt.LEAPT:
            reason = msg(
                "the register rises by far more than before its step: its unit or its ratio may "
                "be another one since"
            )
            self.unknown(start_ms, mark, Event.DOUBT, reason)
            self.since, self.alone, self.run = mark.ms, 0, None
            return
        if self.register.plausible(mark.counts - shown, mark.ms - start_ms):
            reason = msg(
                "the register went from {before} to {after} counts in {minutes:.0f} min: far more "
                "than it ever did",
                before=shown,
                after=mark.counts,
                minutes=minutes,
            )
        else:
            reason = msg(
                "the register went from {before} to {after} counts in {minutes:.0f} min: more "
                "than the meter's rating allows",
                before=shown,
                after=mark.counts,
                minutes=minutes,
            )
        self.unknown(start_ms, mark, Event.QUARANTINE, reason)
        self.since, self.alone, self.run, self.doubt = mark.ms, 0, None, Doubt.LEAPT
        if not self.register.own_past:
            self.doubt = Doubt.NONE

    # --- registers that tell their total rarely ----------------------------------------------

    def _count_alone(
        self, at: int, mark: Mark, step: int, stood: bool, first_look: bool
    ) -> int | None:
        """Note whether a rise came after the register had stood; where to judge again from."""
        if not self.register.own_past:
            return None
        if not (stood or first_look):
            self.live, self.alone, self.run = min(LIVELY, self.live + 1), 0, None
            return None
        gap = () if first_look else (mark.ms - self.since,)
        if self.alone == 0:
            self.alone, self.run_ms = 1, self.since
            begin = at - 1
            while begin > 0 and self.marks[begin].ms > self.since:
                begin -= 1
            if self.marks[begin].ms == self.since:
                past = self.past()._replace(alone=0)
                self.run = _Run(begin, past, gap, (step,))
            return None
        self.alone += 1
        if self.run is not None:
            gaps, rises = (*self.run.gaps, *gap), (*self.run.rises, step)
            self.run = self.run._replace(gaps=gaps, rises=rises)
        if self.alone < (RUN_LIVE if self.live else RUN_NEW):
            return None
        if self.run is None:
            self.reach(self.run_ms)
            return None
        run, self.run, self.alone = self.run, None, 0
        if not _regular(run):
            return None
        self.cut(run.past.since_ms)
        self.resume(run.past._replace(cadence_ms=max(run.gaps), live=0))
        return run.at + 1


def _frozen(mark: Mark) -> str:
    return msg("the register stands at {counts} counts although power flows", counts=mark.counts)


def _regular(run: _Run) -> bool:
    """Whether steps come at regular times, or are all of one size: then they are not its own."""
    least, most = min(run.gaps), max(run.gaps)
    if min(run.rises) < COARSE_COUNTS:
        return False
    return (most - least) * STEADY <= most or max(run.rises) <= 2 * gcd(*run.rises)
