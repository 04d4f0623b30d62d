"""Intervals that another instrument measured, beside what the register says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bms.core.readings import Label
from bms.energy.demand import peaks
from bms.ledger.entered.entering import Author, correct, withdraw
from bms.ledger.entered.entries import EntryKind
from tests.ledger.support import METER, START, Books, at, check_months, check_stream, site_of

ME = Author("ops", "because", at(60 * 24 * 300))


def told(
    books: Books,
    counts: Sequence[int | None],
    *,
    meter: str = METER,
    minute: float = 0,
    step: float = 15,
    **data: Any,
) -> int:
    with books.ledger.transaction():
        return books.ledger.enter(
            meter,
            EntryKind.INTERVALS,
            at(minute),
            at(minute) + timedelta(minutes=step * len(counts)),
            {
                "step_ms": int(step * 60_000),
                "scale": "1/100",
                "counts": list(counts),
                "label": Label.MEASURED.value,
                **data,
            },
            who="ops",
            why="because",
            now=at(0),
        )


def test_intervals_are_measured_and_have_demand(tmp_path: Path) -> None:
    with Books(site_of(tmp_path, {"b.hall": {"medium": "electricity"}})) as books:
        told(books, [100, 700, None, 200], meter="b.hall", others={"3": "estimated"})
        books.keep()
        assert books.shown("b.hall") == [(0, 1.0, "measured"), (1, 7.0, "measured"),
                                         (3, 2.0, "estimated")]  # fmt: skip
        (peak,) = peaks(books.slots("b.hall"), ZoneInfo("UTC"), START, at(60))
        assert [peak.peak, peak.start] == [28, at(15)]
        check_stream(books, books.rows())
        check_months(books)


def test_short_intervals_add_up_and_long_ones_are_shared(tmp_path: Path) -> None:
    entries = {f"b.m{n}": {"medium": "electricity"} for n in (5, 30, 60)}
    with Books(site_of(tmp_path, entries)) as books:
        told(books, [10, 20, 31, 40, None, 50], meter="b.m5", step=5)
        told(books, [101, 0], meter="b.m30", step=30)
        told(books, [403], meter="b.m60", step=60)
        books.keep()
        assert books.shown("b.m5") == [(0, 0.61, "measured"), (1, 0.9, "missing")]
        assert books.slots("b.m5")[1][1].covered_ms == 600_000
        shares = [0.5, 0.51, 0, 0]
        assert books.shown("b.m30") == [(i, a, "allocated") for i, a in enumerate(shares)]
        assert sum(slot.counts for _, slot in books.slots("b.m60")) == 403
        check_stream(books, books.rows())


def test_intervals_beside_the_quarter_hours_lose_nothing_over_two_files(tmp_path: Path) -> None:
    """A logger that counts from seven minutes past, exported in two parts."""
    with Books(site_of(tmp_path, {"b.hall": {"medium": "electricity"}})) as books:
        told(books, [15, 15], meter="b.hall", minute=7)
        told(books, [15, 16], meter="b.hall", minute=37)
        books.keep()
        slots = books.slots("b.hall")
        assert [s.covered_ms // 60_000 for _, s in slots] == [8, 15, 15, 15, 7]
        assert sum(s.counts for _, s in slots) == 61
        assert [s.label for _, s in slots[1:4]] == [Label.MEASURED] * 3
        check_stream(books, books.rows())


def test_what_the_register_measured_stays_and_what_it_does_not_know_is_filled(
    tmp_path: Path,
) -> None:
    with Books(site_of(tmp_path, {"b.m": {"rated_kw": 100}})) as books:
        # Allocated from 15 to 75; missing from 90 to 105, where the register jumps.
        books.read([(0, 0), (15, 100), (75, 500), (90, 600), (105, 900_000), (120, 900_100)])
        books.keep()
        number = told(books, [111, 60, 150, 130, 55, 122, 133, 144])
        books.keep()
        assert books.shown() == [
            (0, 1.0, "measured"),
            (1, 0.6, "measured"),
            (2, 1.5, "measured"),
            (3, 1.3, "measured"),
            (4, 0.55, "measured"),
            (5, 1.0, "measured"),
            (6, 1.33, "measured"),
            (7, 1.0, "measured"),
        ]
        # A person's word stands on both; withdrawn, the file shows again, and then the register.
        spec = books.site.metering[METER]
        said = correct(books.site, books.ledger, spec, start=at(15), end=at(30), amount="3",
                       label=Label.CORRECTED, author=ME)  # fmt: skip
        books.keep()
        assert books.shown()[1] == (1, 3.0, "corrected")
        withdraw(books.site, books.ledger, said, ME)
        books.keep()
        assert books.shown()[1] == (1, 0.6, "measured")
        withdraw(books.site, books.ledger, number, ME)
        books.keep()
        assert [row for row in books.shown() if row[2] == "allocated"] == [
            (i, 1.0, "allocated") for i in range(1, 5)
        ]
        assert books.slots()[6][1].covered_ms == 0
        check_stream(books, books.rows())
        check_months(books)


def test_readings_that_come_after_the_file_take_their_quarter_hours(tmp_path: Path) -> None:
    with Books(site_of(tmp_path)) as books:
        told(books, [111] * 8)
        books.keep()
        assert {row[1] for row in books.shown()} == {1.11}
        books.read([(0, 0), (15, 100), (30, 200)])
        books.keep()
        assert [row[1] for row in books.shown()] == [1.0, 1.0, *[1.11] * 6]
        books.read([(45, 300)])
        books.keep()
        assert [row[1] for row in books.shown()] == [1.0, 1.0, 1.0, *[1.11] * 5]
        check_stream(books, books.rows())
        check_months(books)


def test_a_long_interval_across_a_border_is_known_as_one_that_divides_by_a_guess(
    tmp_path: Path,
) -> None:
    site = site_of(tmp_path, {"b.hall": {"medium": "electricity"}})
    with Books(site) as books:
        told(books, [9600, 9600], meter="b.hall", step=24 * 60)
        books.keep()
        spec = site.metering["b.hall"]
        whole = books.ledger.energy_in(spec, at(0), at(48 * 60))
        assert [whole.amount, whole.covered] == [192, 1]
        part = books.ledger.energy_in(spec, at(0), at(36 * 60))
        assert [part.amount, part.covered] == [144, 1]
        border = int(at(36 * 60).timestamp() * 1000)
        (across,) = books.ledger.across(spec.id, border)
        assert [across.amount, across.end_ms - border] == [96, 12 * 3_600_000]
        assert books.ledger.across(spec.id, border - 12 * 3_600_000) == []
