"""Registers as they are in the field: what is energy, what is missing, what cannot be told."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bms.config.shapes.models import EnergyBoundary
from bms.core.errors import Refused
from bms.core.instants import to_ms
from bms.core.readings import Label, Reading
from bms.energy.demand import peaks
from bms.energy.intervals import Energy, Event
from bms.energy.quarters import Stretch
from bms.historian.records import Batch, Meter
from bms.ledger.conditions import conditions
from bms.ledger.entered.entering import Author, replace_meter
from drivers.points import Quality, Sample
from tests.ledger.support import CENT, METER, START, Books, at, check_months, check_stream, site_of

DAY = 96
ME = Author("ops", "because", at(60 * 24 * 300))


def quarters(count: int, kwh: float, first: float = 0.0) -> list[tuple[float, float]]:
    """Minutes and kWh of a steady register, at `count` + 1 quarter hours."""
    return [(15.0 * i, first + kwh * i) for i in range(count + 1)]


def counts(shown: Iterable[tuple[float, float]]) -> list[tuple[float, int]]:
    return [(minutes, round(100 * kwh)) for minutes, kwh in shown]


def books_of(tmp_path: Path, shown: Iterable[tuple[float, float]], **entry: Any) -> Books:
    """A ledger that followed a register live, quarter hour by quarter hour."""
    books = Books(site_of(tmp_path, {"b.m": entry} if entry else None))
    books.read(counts(shown))
    return books


def live(books: Books, days: float) -> Books:
    """Keep the ledger as a controller does: every quarter hour."""
    for quarter in range(round(days * DAY) + 1):
        books.keep(15 * quarter + 2)
    return books


def whole(books: Books, days: float) -> Energy:
    return books.ledger.energy_in(books.site.metering[METER], START, at(days * 1440))


def peak(books: Books, days: float) -> float | None:
    (found,) = peaks(books.slots(), ZoneInfo("Asia/Shanghai"), START, at(days * 1440))
    return None if found.peak is None else float(found.peak)


def hourly_totals(days: int) -> list[tuple[float, float]]:
    """100 kW, told once an hour at twelve seconds past."""
    return [(15.0 * i, 100.0 * ((15 * i - 0.2) // 60 + 1)) for i in range(days * DAY)]


@pytest.mark.case(
    "E2",
    when="A meter sends its total only once an hour",
    then="Each hour's energy is spread over its hour; the demand is not overstated.",
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_total_once_an_hour_is_spread_over_its_hour(tmp_path: Path, at_once: bool) -> None:
    with books_of(tmp_path, hourly_totals(14 if at_once else 2), rated_kw=160) as books:
        days = 14 if at_once else 2
        books = books.keep(days * 1440) if at_once else live(books, days)
        energy = whole(books, days)
        assert energy.amount == pytest.approx(100 * 24 * days - 25, abs=100)
        assert set(energy.shares) == {Label.ALLOCATED}
        assert {amount for _, amount, _ in books.shown()} == {25.0}
        assert peak(books, days) is None
        if at_once:
            assert max(row.rev for row in books.rows()) == 0
        check_stream(books, books.rows())
        check_months(books)


@pytest.mark.case(
    "E3",
    when="A meter without a rating sends its total only once an hour",
    then="Its 15-minute demand cannot be told, instead of four times too much.",
)
@pytest.mark.parametrize("every", [30, 60, 120, 180])
@pytest.mark.parametrize("at_once", [True, False])
def test_the_demand_of_a_rare_total_cannot_be_told(
    tmp_path: Path, every: int, at_once: bool
) -> None:
    shown = [(15.0 * i, every / 60 * 100.0 * ((15 * i - 0.2) // every + 1)) for i in range(3 * DAY)]
    with books_of(tmp_path, shown) as books:
        books = books.keep(3 * 1440) if at_once else live(books, 3)
        energy = whole(books, 3)
        assert energy.amount == pytest.approx(100 * 24 * 3, abs=2.1 * every / 60 * 100)
        assert set(energy.shares) == {Label.ALLOCATED}
        assert peak(books, 3) is None
        check_stream(books, books.rows())


def test_a_machine_that_runs_now_and_then_keeps_its_demand(tmp_path: Path) -> None:
    """Ten minutes of each hour or so, across quarter hours too: its register is not slow."""
    total, shown = 0.0, []
    runs = {3, 4, 7, 11, 12, 15, 19, 20, 24, 27, 28, 31, 35, 36, 39}
    for i in range(2 * DAY):
        total += 10.0 if i % 40 in runs else 0.0
        shown.append((15.0 * i, total))
    with books_of(tmp_path, shown) as books:
        books.keep(2 * 1440)
        assert whole(books, 2).shares.keys() == {Label.MEASURED}
        assert peak(books, 2) == 40


def test_a_night_without_a_step_is_measured_as_nothing(tmp_path: Path) -> None:
    total, shown = 0.0, []
    for i in range(5 * DAY):
        total += 10.0 if 32 < i % DAY < 72 else 0.0
        shown.append((15.0 * i, total))
    with books_of(tmp_path, shown) as books:
        live(books, 5)
        assert whole(books, 5).shares.keys() == {Label.MEASURED}
        assert max(row.rev for row in books.rows()) == 0


@pytest.mark.case(
    "E4",
    when="A register is round again faster than it is read",
    then="Its energy is missing, because nobody can count the rounds; 'bms check' refuses it.",
)
def test_a_register_that_wraps_faster_than_it_is_read_measures_nothing(tmp_path: Path) -> None:
    shown = [(minutes, kwh % 65.536) for minutes, kwh in quarters(14 * DAY - 1, 75.0)]
    with books_of(tmp_path, shown, register_size=65.536, rated_kw=300) as books:
        books.keep()
        energy = whole(books, 14)
        assert energy.amount is None
        assert energy.covered == 0
        assert "more than once" in energy.problems[0]
        assert len(books.ledger.stretches(METER, 0, 2**61)) == 1


@pytest.mark.case(
    "E5",
    when="A small register goes round, not just from its last to its first digits",
    then="The meter's rating and the time tell that it did, and how much it counted.",
)
def test_a_rollover_is_what_the_rating_and_the_time_allow(tmp_path: Path) -> None:
    shown = [(0.0, 600.0), (15.0, 650.0), (30.0, 44.64), (45.0, 94.64)]
    with books_of(tmp_path, shown, register_size=655.36, rated_kw=250) as books:
        books.keep()
        assert [row[1:] for row in books.shown()] == [
            (50.0, "measured"),
            (50.0, "corrected"),
            (50.0, "measured"),
        ]


@pytest.mark.case(
    "E6",
    when="A register that starts at zero each day loses its link at midnight and is read again "
    "in the evening",
    then="The day has what the register shows, not the little that it is above yesterday.",
)
@pytest.mark.parametrize("rated", [{}, {"rated_kw": 160}])
def test_a_daily_counter_that_lost_its_link_has_counted_its_day(
    tmp_path: Path, rated: dict[str, Any]
) -> None:
    evening = 30.0 + 23 * 60 + 50
    shown = [(0.0, 235.0), (15.0, 237.5), (30.0, 0.0), (evening, 262.1), (evening + 10, 264.0)]
    with books_of(tmp_path, shown, **rated) as books:
        books.keep()
        energy = whole(books, 2)
        assert float(energy.amount or 0) == pytest.approx(264.0 + 2.5)
        assert "stepped back" in energy.problems[0]


def test_a_total_that_returns_is_still_a_jump(tmp_path: Path) -> None:
    """The other side of E6: the rise above where it was is what the meter uses."""
    shown = [*quarters(DAY, 2.5, 5000.0), (1455.0, 0.0), (2895.0, 5000 + 2.5 * 193)]
    with books_of(tmp_path, shown) as books:
        books.keep()
        assert whole(books, 3).amount == 2.5 * 193


UNRATED = "An unrated meter's step is far above all that it ever did"
MISSING = "What it would add is missing, with a question; what was known stays."


@pytest.mark.case("E7", when=UNRATED, then=MISSING)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_total_that_returns_after_nine_days_is_no_energy(tmp_path: Path, at_once: bool) -> None:
    before = quarters(7 * DAY, 1.0, 15_071 - 672)
    gone = [(15.0 * (7 * DAY + 1 + i), 0.0) for i in range(9 * DAY)]
    back = [(15.0 * (16 * DAY + 1 + i), 15_071.0 + 9 * DAY + i) for i in range(10)]
    with books_of(tmp_path, [*before, *gone, *back]) as books:
        books = books.keep(15 * 1440) if at_once else live(books, 15)
        assert any("has stood there since" in text for text in whole(books, 15).problems)
        now = at(15 * 1440)
        assert "b.m:register" in [c.key for c in conditions(books.site, books.ledger, now)]
        books.keep(17 * 1440)
        energy = whole(books, 16)
        assert energy.amount == 672
        assert energy.covered * 16 == 7
        assert len(books.ledger.stretches(METER, 0, 2**61)) == 2
        assert whole(books, 17).amount == 672 + 9
        check_stream(books, books.rows())


@pytest.mark.case("E7", when=UNRATED, then=MISSING)
def test_a_rise_over_an_outage_is_believed_if_it_can_be(tmp_path: Path) -> None:
    def seen(rise: float) -> list[tuple[float, float]]:
        after = 15.0 * 11 * DAY
        return [
            *quarters(3 * DAY, 0.1, 5.0),
            *((after + 15 * i, 5 + 0.1 * 3 * DAY + rise + 0.1 * i) for i in range(3 * DAY)),
        ]

    for rise, known in ((8 * 9.6, True), (8 * 9.6 * 1.9, True), (4731.0, False)):
        folder = tmp_path / str(rise)
        folder.mkdir()
        with books_of(folder, seen(rise)) as books:
            books.keep()
            energy = whole(books, 14)
            rest = 0.1 * (6 * DAY - 1)
            assert float(energy.amount or 0) == pytest.approx(rest + (rise if known else 0))
            assert bool(energy.problems) is not known


@pytest.mark.case("E7", when=UNRATED, then=MISSING)
@pytest.mark.parametrize("after", [10.0, 20.0])
def test_a_history_that_was_rescaled_is_no_energy(tmp_path: Path, after: float) -> None:
    total = 3459.0 + 10.0 * 7 * DAY
    shown = [
        *quarters(7 * DAY, 10.0, 3459.0),
        *((15.0 * (7 * DAY + 1 + i), 2.37 * total + after * i) for i in range(7 * DAY - 1)),
    ]
    with books_of(tmp_path, shown) as books:
        books.keep()
        energy = whole(books, 14)
        assert energy.amount == 10 * 7 * DAY + after * (7 * DAY - 2)
        assert "far more than it ever did" in energy.problems[0]


@pytest.mark.case("E7", when=UNRATED, then=MISSING)
@pytest.mark.parametrize("total", [3.0, 2000.0])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_register_that_shows_wh_for_kwh_is_asked_about(
    tmp_path: Path, total: float, at_once: bool
) -> None:
    begin = 15.0 * 7 * DAY
    shown = [
        *quarters(7 * DAY, 0.25, total),
        *((begin + 15.0 * (1 + i), 1000 * (total + 168 + 0.25 * (1 + i))) for i in range(DAY)),
    ]
    with books_of(tmp_path, shown) as books:
        books = books.keep() if at_once else live(books, 8)
        energy = whole(books, 8)
        assert energy.amount == 168
        assert energy.covered == pytest.approx(7 / 8, abs=0.001)
        assert len(books.ledger.stretches(METER, 0, 2**61)) == 2
        # Told what happened, all of it is known.
        spec = books.site.metering[METER]
        replace_meter(
            books.site, books.ledger, books.history, spec,
            final=str(total + 168), initial=str(1000 * (total + 168)), at=at(begin + 1), author=ME,
        )  # fmt: skip
        books.keep()
        assert whole(books, 8).covered > 0.99


def test_a_new_machine_is_believed_once_it_goes_on(tmp_path: Path) -> None:
    total, shown = 100.0, []
    for i in range(9 * DAY):
        shown.append((15.0 * i, total))
        total += 0.1 if i < 8 * DAY else 25.0
    with books_of(tmp_path, shown) as books:
        live(books, 9)
        energy = whole(books, 9)
        assert float(energy.amount or 0) == pytest.approx(shown[-1][1] - 100)
        assert energy.problems == ()


def test_a_register_that_tells_more_than_its_first_day_is_not_questioned(tmp_path: Path) -> None:
    with books_of(tmp_path, [*quarters(20, 0.1), (315.0, 30.0), (330.0, 30.1)]) as books:
        books.keep()
        assert whole(books, 1).problems == ()


def test_ledgers_of_before_learn_what_registers_do(tmp_path: Path) -> None:
    """What a register did before was not kept: it begins where the older ledger stood."""
    with books_of(tmp_path, quarters(2 * DAY, 1.0)) as books:
        books.keep(1440)
        with books.ledger.transaction():
            books.ledger._rows("UPDATE tip SET past = NULL")
            books.ledger._rows("UPDATE anchor SET past = NULL")
        books.keep(4 * 1440)
        assert whole(books, 2).amount == 2 * DAY
        tip = books.ledger.tip(books.ledger.known(METER) or 0)
        assert tip is not None
        assert tip.anchor.past is not None
        assert tip.anchor.past.begun_ms > to_ms(START)


@pytest.mark.case(
    "E8",
    when="A current transformer is changed at half past two",
    then="The new ratio holds from that quarter hour on, not from that day on",
)
def test_a_ratio_holds_from_its_moment_on(tmp_path: Path) -> None:
    # 40 kW before and after: secondary counts of a transformer 20, then of one of 40.
    change = 26  # 06:30 UTC is 14:30 in Shanghai
    shown = [(15.0 * i, 0.5 * min(i, change) + 0.25 * max(0, i - change)) for i in range(DAY + 1)]
    ratios = [
        {"from": "2020-01-01", "factor": 20},
        {"from": "2026-03-02 14:30", "factor": 40},
    ]
    with books_of(tmp_path, shown, ratios=ratios) as books:
        books.keep()
        assert {amount for _, amount, _ in books.shown()} == {10.0}
        assert whole(books, 1).amount == 960


class Beside:
    """A register and the power beside it, both recorded."""

    def __init__(self, tmp_path: Path, **entry: Any) -> None:
        self.books = books_of(tmp_path, [], **entry)

    def record(
        self, kwh: Iterable[float], kw: Iterable[float], quality: Quality = Quality.GOOD
    ) -> None:
        readings = [Reading(METER, at(15 * i), round(100 * value)) for i, value in enumerate(kwh)]
        powers = [
            Sample("b.m.power", value, quality, at(15 * i + 5 * part))
            for i, value in enumerate(kw)
            for part in range(3)
        ]
        meters = [Meter(METER, "b", CENT)]
        for first in range(0, len(powers), 3000):
            part = powers[first : first + 3000]
            self.books.history.append(Batch(samples=part))
        self.books.history.append(Batch(readings=readings, meters=meters))


def frozen(rate: float = 12.5, days: int = 14, at_day: int = 3) -> list[float]:
    return [500 + rate * min(i, at_day * DAY) for i in range(days * DAY)]


@pytest.mark.case(
    "E9",
    when="A meter's counter is frozen while its power reads 50 kW",
    then="An alarm names the meter, and its energy is missing instead of zero",
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_register_that_stands_while_power_flows_is_frozen(tmp_path: Path, at_once: bool) -> None:
    days = 14 if at_once else 4
    beside = Beside(tmp_path, rated_kw=160)
    beside.record(frozen(days=days), [50.0] * (days * DAY))
    with beside.books as books:
        books = books.keep(days * 1440) if at_once else live(books, days)
        energy = whole(books, days)
        assert energy.amount == 12.5 * 3 * DAY
        assert energy.covered == pytest.approx(3 / days, abs=0.001)
        assert "stands" in energy.problems[0]
        (found,) = conditions(books.site, books.ledger, at(days * 1440))
        assert found.key == "b.m:register"
        assert "although power flows" in found.text
        assert len(books.ledger.stretches(METER, 0, 2**61)) == 1
        check_stream(books, books.rows())


def test_a_register_that_was_frozen_and_catches_up_has_its_energy(tmp_path: Path) -> None:
    for caught_up in (True, False):
        folder = tmp_path / str(caught_up)
        folder.mkdir()
        beside = Beside(folder, rated_kw=160)
        ends = 5 * DAY
        missed = 12.5 * (2 * DAY) if caught_up else 0.0
        shown = frozen(days=5) + [500 + 12.5 * 3 * DAY + missed + 12.5 * i for i in range(DAY)]
        beside.record(shown, [50.0] * len(shown))
        with beside.books as books:
            books.keep(6 * 1440)
            energy = whole(books, 6)
            assert energy.amount == 12.5 * (3 * DAY + DAY - 1) + missed
            assert (energy.problems == ()) is caught_up
            assert ends


@pytest.mark.parametrize(
    ("kw", "quality"),
    [
        (0.0, Quality.GOOD),
        (-40.0, Quality.GOOD),
        (50.0, Quality.BAD),
        (50_000.0, Quality.GOOD),
        (float("nan"), Quality.GOOD),
        (0.001, Quality.GOOD),
    ],
)
def test_power_that_says_nothing_sure_makes_no_energy_missing(
    tmp_path: Path, kw: float, quality: Quality
) -> None:
    """Zero, exported, BAD, in W for kW, no number: a register that stands has used nothing."""
    beside = Beside(tmp_path, rated_kw=160)
    days = 2
    running = [50.0 if kw < 1000 else 50_000.0] * DAY
    beside.record(frozen(days=days, at_day=1), [*running, *[kw] * DAY], quality)
    with beside.books as books:
        books.keep(days * 1440)
        assert whole(books, days).problems == ()
        assert whole(books, days).amount == 12.5 * DAY


def test_a_meter_of_what_is_fed_in_may_stand_while_power_is_drawn(tmp_path: Path) -> None:
    boundary = EnergyBoundary(imports=["grid"], exports=["m"])
    site = site_of(
        tmp_path, equipment={"b.m": "meter", "b.grid": "meter"}, boundaries={"b": boundary}
    )
    beside = Beside.__new__(Beside)
    beside.books = Books(site)
    beside.record(frozen(days=2, at_day=1), [50.0] * (2 * DAY))
    with beside.books as books:
        books.keep(2 * 1440)
        assert whole(books, 2).problems == ()


@pytest.mark.case(
    "E12",
    when="The gateway's clock is 26 hours ahead for a while, and then set back",
    then="What it stamped in that time is set aside, and no energy counts twice",
)
@pytest.mark.parametrize("ahead_h", [1, 5, 26, 100])
@pytest.mark.parametrize("said", [True, False])
def test_a_clock_that_was_ahead_counts_nothing_twice(
    tmp_path: Path, ahead_h: int, said: bool
) -> None:
    ahead = range(40, 84)  # quarter hours
    books = Books(site_of(tmp_path, {"b.m": {"rated_kw": 20}}))
    with books:
        for i in range(125 + 4 * ahead_h):
            minutes = 15.0 * i + (60 * ahead_h if i in ahead else 0)
            reading = Reading(METER, at(minutes), 250 * i)
            meters = [Meter(METER, "b", CENT)]
            alive = at(minutes) if said else None
            books.history.append(Batch(readings=[reading], meters=meters, alive=alive))
            books.keep(minutes + 2)
            if i == 124:
                energy = whole(books, 10)
                if ahead_h > 11:
                    assert energy.amount == 310
                    assert energy.problems == ()
        if ahead_h > 11:
            assert whole(books, 10).amount == 2.5 * i
        else:
            # Part of that time has passed: its readings stay, and one step is far too much.
            assert float(whole(books, 10).amount or 0) == 2.5 * (i - 4 * ahead_h - 1)
            assert len(whole(books, 10).problems) == 1
        check_stream(books, books.rows())
        check_months(books)


def counted_in(shown: list[tuple[float, float]]) -> float:
    return shown[-1][1] - shown[0][1]


STEADY = quarters(10 * DAY, 10.0, 5000.0)


def with_marks(changes: dict[int, float]) -> list[tuple[float, float]]:
    return [(minutes, changes.get(i, kwh)) for i, (minutes, kwh) in enumerate(STEADY)]


ODD: dict[str, list[tuple[float, float]]] = {
    "one count back": with_marks({300: STEADY[299][1] - 0.01}),
    "dips of 0.08": with_marks({i: STEADY[i - 1][1] - 0.08 for i in range(300, 340, 4)}),
    "zero and back": with_marks({300: 0.0}),
    "zero for a day and back": with_marks(dict.fromkeys(range(300, 396), 0.0)),
    "a foreign value and back": with_marks({300: 123.45}),
    "a torn register": with_marks({300: STEADY[300][1] - 655.36}),
    "a spike": with_marks({300: 42_949_672.95}),
    "ten times for two hours": with_marks({i: 10 * STEADY[i][1] for i in range(300, 308)}),
    "off for nine days": [*STEADY[:40], *STEADY[-50:]],
}


@pytest.mark.case(
    "E1",
    when="A register dips, reads zero or something foreign, or is torn, and comes back",
    then="Nothing is invented and nothing lost: the energy is what the register rose by",
)
@pytest.mark.parametrize("rated", [{}, {"rated_kw": 100}])
@pytest.mark.parametrize("name", ODD)
def test_a_register_that_comes_back_counts_what_it_rose_by(
    tmp_path: Path, name: str, rated: dict[str, Any]
) -> None:
    with books_of(tmp_path, ODD[name], **rated) as books:
        books.keep()
        energy = whole(books, 10)
        assert float(energy.amount or 0) == pytest.approx(counted_in(STEADY))
        assert energy.problems == ()
        assert energy.covered == 1


@pytest.mark.case("E1", when="A register of 24 bits goes round", then="It is a rollover")
@pytest.mark.parametrize("rated", [{}, {"rated_kw": 100}])
def test_a_register_of_24_bits_goes_round(tmp_path: Path, rated: dict[str, Any]) -> None:
    size = 167_772.16
    shown = [(minutes, round(kwh + 160_000, 2) % size) for minutes, kwh in STEADY]
    with books_of(tmp_path, shown, register_size=size, **rated) as books:
        books.keep()
        assert float(whole(books, 10).amount or 0) == pytest.approx(counted_in(STEADY))
        assert Label.CORRECTED in whole(books, 10).shares


@pytest.mark.case(
    "E1",
    when="A daily reset, or the exchange of a meter, is told, also late",
    then="The ledger knows the energy across it",
)
def test_resets_that_are_told_are_known(tmp_path: Path) -> None:
    shown = [(minutes, kwh % 960.0) for minutes, kwh in quarters(4 * DAY, 10.0)]
    with books_of(tmp_path, shown, rated_kw=100) as books:
        books.keep()
        assert len(whole(books, 4).problems) == 4
        spec = books.site.metering[METER]
        for day in range(1, 5):
            replace_meter(
                books.site, books.ledger, books.history, spec,
                final="960", initial="0", at=at(1440 * day), author=ME,
            )  # fmt: skip
        books.keep()
        assert whole(books, 4).amount == 960 * 4
        assert whole(books, 4).problems == ()


def test_what_is_missing_of_an_input_is_said_of_the_load(tmp_path: Path) -> None:
    site = site_of(
        tmp_path, {"b.m": {"rated_kw": 100}}, boundaries={"b": EnergyBoundary(imports=["m"])}
    )
    with Books(site) as books:
        books.read([(0, 1000), (15, 1100), (30, 900_000), (45, 900_100)])
        books.keep()
        load = books.ledger.energy_in(site.metering["b.load"], START, at(60))
        assert load.amount == 2
        assert len(load.problems) == 1
        assert "b.m.energy: the register went from 1100 to 900000" in load.problems[0]


def test_a_small_register_that_went_round_has_a_final_reading(tmp_path: Path) -> None:
    with books_of(tmp_path, quarters(10, 60.0, 50.0), register_size=655.36, rated_kw=250) as books:
        books.keep()
        spec = books.site.metering[METER]
        told: dict[str, Any] = {"initial": "0", "author": ME}
        with pytest.raises(Refused, match="had already shown"):
            replace_meter(
                books.site, books.ledger, books.history, spec, final="300", at=at(151), **told
            )
        assert replace_meter(
            books.site, books.ledger, books.history, spec, final="34.64", at=at(160), **told
        )


def test_what_lasts_is_one_stretch_also_after_it_was_judged_again(tmp_path: Path) -> None:
    """A register that may go round unseen: the anchor within it is no end of its trouble."""
    site = site_of(tmp_path, {"b.m": {"register_size": 1000, "rated_kw": 10.6}})
    with Books(site) as books:
        books.read([(0, 50), (10_500, 750)])
        books.keep(10_510)
        books.read([(25_500 + 15 * n, 52_750) for n in range(5)])
        books.keep(25_600)
        books.read([(40_560, 750)])  # it fell: the week before is judged again
        books.keep()
        found = books.ledger.stretches(METER, 0, 2**61)
        edges = [((s.start_ms - to_ms(START)) / 60_000, (s.end_ms - to_ms(START)) / 60_000)
                 for s in found]  # fmt: skip
        assert edges == [(0, 25_500), (25_560, 40_560)]
        assert len({s.reason for s in found}) == 2


@pytest.mark.parametrize(
    ("begin", "end", "left"),
    [
        (0, 100, []),
        (20, 60, [(10, 20), (60, 90)]),
        (10, 60, [(60, 90)]),
        (20, 90, [(10, 20)]),
        (0, 10, [(10, 90)]),
        (90, 100, [(10, 90)]),
    ],
)
def test_of_what_lasts_the_part_that_is_not_judged_again_stays(
    tmp_path: Path, begin: int, end: int, left: list[tuple[int, int]]
) -> None:
    with Books(site_of(tmp_path)) as books, books.ledger.transaction():
        number = books.ledger.number(METER)
        lasting = Stretch(10, 90, Event.FROZEN, Label.MISSING, None, "it stands")
        books.ledger.put_stretches(number, 0, 100, [lasting])
        books.ledger.put_stretches(number, begin, end, [])
        found = books.ledger.stretches(METER, 0, 1000)
        assert [(s.start_ms, s.end_ms) for s in found] == left
        assert {(s.event, s.reason) for s in found} <= {(Event.FROZEN, "it stands")}
