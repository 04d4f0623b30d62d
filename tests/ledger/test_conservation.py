"""Over random lives of a register: nothing invented, nothing lost, every quarter hour labelled."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bms.core.instants import DAY_MS, from_ms, to_ms
from bms.core.readings import Label
from bms.energy.intervals import Mark, intervals
from bms.energy.quarters import QUARTER_MS, anchors_of
from bms.ledger.entered.entering import Author, correct, withdraw
from bms.ledger.entered.entries import EntryKind
from tests.ledger.support import METER, START, Books, check_months, check_stream, site_of

SIZE = 100_000
"""Counts of the register: a small one, so that it rolls over now and then."""
MOST = 400
"""Counts in a quarter hour that the meter can see."""


FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Hundreds of small databases: nothing here is about the disk."""


class Life:
    """What a register truly did, and what of it was read."""

    def __init__(self) -> None:
        self.ms = to_ms(START)
        self.shown = 50
        self.readings: list[tuple[int, int]] = [(self.ms, self.shown)]
        self.late: list[tuple[int, int]] = []
        self.replacements: list[tuple[int, int, int]] = []


@st.composite
def lives(draw: st.DrawFn) -> Life:
    life = Life()
    for _ in range(draw(st.integers(1, 40))):
        what = draw(
            st.sampled_from(
                ["read"] * 8 + ["odd", "outage", "jump", "swap", "told", "late", "twice", "reset"]
            )
        )
        step = QUARTER_MS
        if what == "odd":
            step = draw(st.integers(1, 3_000_000))
        elif what == "outage":
            step = draw(st.sampled_from([2, 5, 96, 700, 1000])) * QUARTER_MS
        used = draw(st.integers(0, 300)) * max(1, step // QUARTER_MS)
        life.ms += step
        if what == "jump":
            life.readings.append((life.ms, draw(st.sampled_from([0, SIZE - 1, life.shown // 2]))))
            continue
        if what == "told":
            final = life.shown + used
            initial = draw(st.integers(0, SIZE // 2))
            if final < SIZE:
                life.replacements.append((life.ms, final, initial))
                life.shown = initial
                continue
        if what == "swap":
            life.shown = draw(st.integers(0, SIZE - 1))
        elif what == "reset":
            life.shown = 0
        else:
            life.shown = (life.shown + used) % SIZE
        (life.late if what == "late" else life.readings).append((life.ms, life.shown))
        if what == "twice":
            life.readings.append(life.readings[-1])
    return life


LIFE = {"life": lives(), "cuts": st.lists(st.integers(0, 40), max_size=4), "order": st.randoms()}


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(**LIFE)
def test_the_ledger_conserves_the_register(life: Life, cuts: list[int], order: Random) -> None:
    live(life, cuts, order)


@pytest.mark.slow
@settings(max_examples=600, suppress_health_check=list(HealthCheck))
@given(**LIFE)
def test_the_ledger_conserves_many_registers(life: Life, cuts: list[int], order: Random) -> None:
    live(life, cuts, order)


def live(life: Life, cuts: list[int], order: Random) -> None:
    """Let a register live, with restarts and kills, and audit the books at the end."""
    with TemporaryDirectory(dir=FAST) as folder:
        site = site_of(
            Path(folder),
            {"b.m": {"register_size": SIZE / 100, "rated_kw": MOST / 100 * 4 / 1.5}},
        )
        readings = life.readings
        borders = sorted({0, len(readings), *(c for c in cuts if c < len(readings))})
        late = list(life.late)
        told = list(life.replacements)
        order.shuffle(late)
        for first, last in pairwise(borders):
            with Books(site) as books:  # each part in a separate life: a restart in between
                minutes = [((ms - to_ms(START)) / 60_000, n) for ms, n in readings[first:last]]
                books.read(minutes)
                if order.random() < 0.5 and late:
                    ms, counts = late.pop()
                    books.read([((ms - to_ms(START)) / 60_000, counts)])
                now = START + timedelta(milliseconds=readings[last - 1][0] - to_ms(START))
                # Killed between any two commits: every step is one.
                for _ in range(order.choice([0, 1, 2, 5, 50])):
                    if not books.posting.step(now + timedelta(minutes=order.choice([0, 2, 30]))):
                        break
        with Books(site) as books:
            books.read([((ms - to_ms(START)) / 60_000, counts) for ms, counts in late])
            for ms, final, initial in told:
                with books.ledger.transaction():
                    books.ledger.enter(
                        METER,
                        EntryKind.REPLACEMENT,
                        START + timedelta(milliseconds=ms - to_ms(START)),
                        START + timedelta(milliseconds=ms - to_ms(START)),
                        {"final": str(final / 100), "initial": str(initial / 100)},
                        who="t",
                        why="t",
                        now=START,
                    )
            books.keep()
            check_books(books)
            correct_at_random(books, order)
            books.keep()
            check_books(books)


def correct_at_random(books: Books, rng: Random) -> None:
    """People correct parts of it, and take some of that back."""
    last = books.slots()[-1][0] if books.slots() else to_ms(START)
    count = (last - to_ms(START)) // QUARTER_MS + 1
    author = Author("t", "t", from_ms(last) + timedelta(days=1))
    for _ in range(rng.randrange(4)):
        first = rng.randrange(count)
        length = rng.randrange(1, 40)
        number = correct(
            books.site,
            books.ledger,
            books.site.metering[METER],
            start=from_ms(to_ms(START) + first * QUARTER_MS),
            end=from_ms(min(last + QUARTER_MS, to_ms(START) + (first + length) * QUARTER_MS)),
            amount=str(rng.randrange(100_000) / 1000),
            label=Label.ESTIMATED,
            author=author,
        )
        if rng.random() < 0.5:
            books.keep()
        if rng.random() < 0.3:
            withdraw(books.site, books.ledger, number, author)


def check_books(books: Books) -> None:
    """Slots sum to the register's differences of everything that is not missing, exactly."""
    rows = books.rows()
    check_stream(books, rows)
    check_months(books)
    tip = books.ledger.tip(books.ledger.known(METER) or 0)
    if tip is None:
        return
    marks = [Mark(*found) for found in books.history.counts(METER, 0, 2**61)]
    # The register's part: what stands beneath corrections, and what was never corrected.
    beneath = books.ledger.beneath(books.ledger.known(METER) or 0, 0, 2**61)
    part = {ms: slot.counts for ms, slot in books.slots()} | {
        ms: raw[0] for ms, raw in beneath.items()
    }
    corrected = [s for _, s in books.slots() if s.label is Label.ESTIMATED]
    assert len(corrected) == len(beneath)
    total = sum(part.values()) + tip.anchor.opened.counts
    # What the ledger itself says was lost, jumped or replaced, and nothing else.
    steps = 0
    changes = {}
    for entry in books.ledger.entries(METER, EntryKind.REPLACEMENT):
        changes[to_ms(entry.start)] = entry.data
    ordered = [(m.ms, m.counts, m.counts) for m in marks if m.ms not in changes]
    for ms, data in changes.items():
        ordered.append((ms, round(float(data["final"]) * 100), round(float(data["initial"]) * 100)))
    ordered.sort()
    stretches = {s.end_ms: s for s in books.ledger.stretches(METER, 0, 2**61)}
    before = None
    skipping = [(s.start_ms, s.end_ms) for s in stretches.values()]
    for ms, ends, begins in ordered:
        # What ends a stretch was judged itself: a step over a long silence begins where the
        # register last changed, which may be before the end of a stretch that was lost.
        judged = ms in changes or ms in stretches
        if not judged and any(start < ms < end for start, end in skipping):
            continue
        if before is not None:
            found = stretches.get(ms)
            if found is None or found.label is not Label.MISSING:
                step = ends - before
                if found is not None and found.label is Label.CORRECTED and step < -1:
                    step += SIZE  # rolled over
                elif step == -1:
                    steps += 0
                    before = begins + 1 if ms not in changes else begins
                    continue
                assert step >= 0, (ms, ends, before)
                steps += step
        before = begins
    assert total == steps, (total, steps)


@pytest.mark.parametrize("every", [1, 3, 7])
def test_windows_of_any_size_find_the_same(every: int) -> None:
    marks = [Mark(to_ms(START) + i * 700_000, i * i) for i in range(300)]
    whole, _, tip = anchors_of(intervals(marks), None, lambda _a, _b: None, DAY_MS)
    begin, found = None, []
    for at in range(0, 299, every):
        quarters, _, begin = anchors_of(
            intervals(marks[at : at + every + 1]), begin, lambda _a, _b: None, DAY_MS
        )
        found += quarters
    assert found == whole
    assert begin == tip
