"""Hand-computed quarter hours for what people say, formulas, ratios, late readings, calendars."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bms.config.shapes.models import EnergyBoundary
from bms.config.site import MeterSpec
from bms.core.errors import InvalidInput, Refused
from bms.core.instants import local_midnight, to_ms
from bms.core.readings import Label
from bms.energy.demand import peaks
from bms.energy.intervals import Energy
from bms.energy.quarters import QUARTER_MS
from bms.energy.tree import tree
from bms.ledger.conditions import conditions
from bms.ledger.entered.entering import Author, correct, replace_meter, withdraw
from bms.ledger.entered.importing import import_readings
from bms.ledger.posting import Posting
from tests.ledger.support import METER, START, Books, at, check_months, check_stream, site_of

ME = Author("ops", "because", at(60 * 24 * 300))


def hourly(count: int, step: int = 100) -> list[tuple[float, int]]:
    """`count` quarter hours of `step` counts of 0.01 each."""
    return [(15 * i, step * i) for i in range(count + 1)]


def said(books: Books, **options: Any) -> int:
    spec = books.site.metering[options.pop("meter", METER)]
    return correct(
        books.site, books.ledger, spec, label=options.pop("label", Label.CORRECTED), author=ME,
        **options,
    )  # fmt: skip


def test_quarter_hours_are_published_two_minutes_late_and_once(tmp_path: Path) -> None:
    with Books(site_of(tmp_path)) as books:
        books.read(hourly(4))
        books.keep(16.9)
        assert books.rows() == []
        books.keep(17)
        assert books.shown() == [(0, 1.0, "measured")]
        books.keep(17).keep(60 + 2).keep(1000)
        rows = books.rows(page=3)
        assert [(r.rev, float(r.amount), r.label) for r in rows] == [(0, 1.0, Label.MEASURED)] * 4
        assert rows[0].local_date == date(2026, 3, 2)
        assert books.ledger.energy(4, 10) == []


def test_a_correction_stands_on_the_register_and_comes_off_again(tmp_path: Path) -> None:
    with Books(site_of(tmp_path)) as books:
        books.read(hourly(4))
        books.keep()
        number = said(books, start=at(15), end=at(45), amount="5")
        books.keep()
        assert books.shown() == [
            (0, 1.0, "measured"),
            (1, 2.5, "corrected"),
            (2, 2.5, "corrected"),
            (3, 1.0, "measured"),
        ]
        # What the register says in the meantime goes underneath.
        books.read([(22, 190)])
        books.keep()
        assert books.shown()[1] == (1, 2.5, "corrected")
        later = said(books, start=at(30), end=at(60), amount="1.5", label=Label.ESTIMATED)
        books.keep()
        assert [row[1:] for row in books.shown()[1:]] == [
            (2.5, "corrected"),
            (1.07, "estimated"),
            (0.43, "estimated"),
        ]
        withdraw(books.site, books.ledger, later, ME)
        books.keep()
        assert books.shown()[1:] == [
            (1, 2.5, "corrected"),
            (2, 2.5, "corrected"),
            (3, 1.0, "measured"),
        ]
        withdraw(books.site, books.ledger, number, ME)
        books.keep()
        assert [row[1] for row in books.shown()] == [1.0, 1.0, 1.0, 1.0]
        check_stream(books, books.rows())
        check_months(books)
        with pytest.raises(Refused, match="already withdrawn"):
            withdraw(books.site, books.ledger, number, ME)


def test_a_correction_fills_what_nobody_knows_and_is_not_added_to_what_comes_later(
    tmp_path: Path,
) -> None:
    with Books(site_of(tmp_path, {"b.m": {"rated_kw": 100}})) as books:
        books.read([(0, 1000), (15, 1100), (30, 900_000), (45, 900_100)])
        books.keep()
        assert books.shown() == [(0, 1.0, "measured"), (2, 1.0, "measured")]
        said(books, start=at(15), end=at(30), amount="1.25", label=Label.ESTIMATED)
        books.keep()
        assert books.shown()[1] == (1, 1.25, "estimated")
        spec = books.site.metering[METER]
        told: dict[str, Any] = {"final": "12", "initial": "9000", "at": at(20), "author": ME}
        replace_meter(books.site, books.ledger, books.history, spec, **told)
        books.keep()
        # 11.00 to 12.00, and from 9000.00: the register knows, the correction still counts.
        assert books.shown()[1] == (1, 1.25, "estimated")
        entry = books.ledger.entries(METER)[0].number
        withdraw(books.site, books.ledger, entry, ME)
        books.keep()
        assert books.shown()[1] == (1, 1.0, "corrected")
        with pytest.raises(Refused, match="already replaced"):
            replace_meter(books.site, books.ledger, books.history, spec, **told)
        check_stream(books, books.rows())


def test_a_replacement_told_late_revises_and_one_withdrawn_takes_back(tmp_path: Path) -> None:
    with Books(site_of(tmp_path, {"b.m": {"rated_kw": 100}})) as books:
        books.read([*hourly(40), *((600 + 15 * i, 50_000 + 100 * i) for i in range(1, 40))])
        books.keep()
        assert len(books.shown()) == 78  # one quarter hour is quarantined
        alarms = conditions(books.site, books.ledger, at(700))
        assert [a.key for a in alarms] == ["b.m:register"]
        assert "bms meter replace" in alarms[0].text
        spec = books.site.metering[METER]
        number = replace_meter(
            books.site, books.ledger, books.history, spec,
            final="40.5", initial="500.5", at=at(607), author=ME,
        )  # fmt: skip
        books.keep()
        assert books.shown()[40] == (40, 1.0, "corrected")
        assert conditions(books.site, books.ledger, at(700)) == []
        withdraw(books.site, books.ledger, number, ME)
        books.keep()
        assert len(books.shown()) == 79
        assert books.slots()[40][1].covered_ms == 0
        check_stream(books, books.rows())
        check_months(books)


def test_late_readings_redo_their_gap(tmp_path: Path) -> None:
    with Books(site_of(tmp_path)) as books:
        books.read([(0, 0), (15, 100), (60, 400), (75, 500)])
        books.keep()
        assert [row[2] for row in books.shown()] == [
            "measured", "allocated", "allocated", "allocated", "measured",
        ]  # fmt: skip
        books.read([(30, 150), (45, 390)])
        books.keep()
        assert books.shown()[1:4] == [
            (1, 0.5, "measured"),
            (2, 2.4, "measured"),
            (3, 0.1, "measured"),
        ]
        assert max(row.rev for row in books.rows()) == 1
        check_stream(books, books.rows())


def test_a_ratio_is_dated_and_a_change_of_it_revises(tmp_path: Path) -> None:
    entries = {"b.m": {"ratios": [{"from": "2026-03-03", "factor": 2}]}}
    with Books(site_of(tmp_path, entries)) as books:
        books.read(hourly(2 * 96))
        books.keep()
        noon = 64  # local midnight in Shanghai is 16:00 UTC
        assert {row[1] for row in books.shown()[:noon]} == {1.0}
        assert {row[1] for row in books.shown()[noon:]} == {2.0}
    entries = {"b.m": {"ratios": [{"from": "2026-03-03", "factor": 1.5}]}}
    with Books(site_of(tmp_path, entries)) as books:
        books.keep()
        assert {row[1] for row in books.shown()[noon:]} == {1.5}
        revised = [row for row in books.rows() if row.rev]
        assert len(revised) == 2 * 96 - noon
        assert {row.amount for row in revised} == {Fraction(-1, 2)}
        assert {slot.counts for _, slot in books.slots()} == {100}  # the register's own counts
        check_stream(books, books.rows())
        check_months(books)


def test_a_finer_resolution_goes_on_without_a_seam(tmp_path: Path) -> None:
    from decimal import Decimal

    from bms.core.readings import Reading
    from bms.historian.records import Batch, Meter

    with Books(site_of(tmp_path)) as books:
        books.read([(0, 0), (15, 100), (22, 150)])
        books.keep()
        meter = Meter(METER, "b", Decimal("0.001"))
        fine = [Reading(METER, at(m), c) for m, c in ((30, 2005), (45, 3000))]
        books.history.append(Batch(readings=fine, meters=[meter]))
        books.keep()
        assert [row[1] for row in books.shown()] == [1.0, 1.005, 0.995]
        check_stream(books, books.rows())


def test_meters_read_by_hand(tmp_path: Path) -> None:
    entries: dict[str, dict[str, Any]] = {
        "b.water": {"medium": "water", "rated_m3h": 100, "resolution": 1}
    }
    site = site_of(tmp_path, entries)
    file = tmp_path / "readings.csv"
    file.write_text("\ufeffmeter,time,reading,note\nb.water,2026-03-02 08:00,100,\n"
                    "b.water,2026-03-03 08:00,1060,x\n")  # fmt: skip
    with Books(site) as books:
        assert import_readings(site, books.ledger, file, ME)[:2] == (2, 0)
        assert import_readings(site, books.ledger, file, ME)[:2] == (0, 2)
        books.keep()
        assert [row[1:] for row in books.shown("b.water")] == [(10.0, "manual")] * 96
        spec = site.metering["b.water"]
        half = books.ledger.energy_in(spec, at(0), at(12 * 60))
        assert [half.amount, half.covered] == [480, 1]
        assert half.shares == {Label.MANUAL: 480}  # the shape of a day is a guess
        assert books.ledger.energy_in(spec, at(0), at(24 * 60)).covered == 1
        assert spec.medium.unit == "m3"


def test_a_file_of_readings_is_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    entries: dict[str, dict[str, Any]] = {
        "b.water": {"medium": "water", "rated_m3h": 10, "resolution": 1}
    }
    site = site_of(tmp_path, entries)
    file = tmp_path / "readings.csv"
    file.write_text(
        "time,reading,meter\n"
        "2026-03-02 08:00,100,b.water\n"
        "2026-03-02 09:00,90,b.water\n"
        "2026-03-02 10:00,900,b.water\n"
        "2026-03-02 10:00,901,b.water\n"
        "2026-03-02 11:00,100.5,b.water\n"
        "gestern,1,b.water\n"
        "2036-03-02 08:00,1,b.water\n"
        "2026-03-02 08:00,1,b.watr\n"
        "2026-03-02 08:00,-1,b.water\n"
        "x\n"
    )
    with Books(site) as books:
        with pytest.raises(InvalidInput) as caught:
            import_readings(site, books.ledger, file, ME)
        lines = [str(problem) for problem in caught.value.problems]
        expected = [
            ("3:1", "go back from 100 to 90"),
            ("4:1", "more than its rating"),
            ("5:1", "already has 900"),
            ("6:2", "finer than the register"),
            ("7:1", "'gestern' is not a time"),
            ("8:1", "has not come yet"),
            ("9:3", "did you mean 'b.water'"),
            ("10:2", "does not show -1"),
            ("11:1", "too few"),
        ]
        assert len(lines) == len(expected)
        for line, (place, text) in zip(lines, expected, strict=True):
            assert line.startswith(f"readings.csv:{place}"), line
            assert text in line
        assert books.ledger.entries() == []


@pytest.mark.parametrize(
    ("encoding", "rows"),
    [
        ("utf-8", "meter,time,reading\nb.water,2026-03-02 08:00,100\nb.water,2026-03-02 18:00,120"),
        ("utf-8-sig", "meter;time;reading;注\r\nb.water;2026/3/2 8:00;100;\r\n"
         "b.water;2026.3.2 18:00;120;好\r\n"),
        ("gb18030", "\n读数员\tmeter\ttime\treading\n张\tb.water\t2026-3-2 18:00:00\t120\n"
         "张\tb.water\t2026/03/02 8:00\t100\n张\tb.water\t2026/03/02 8:00\t100\n"),
    ],
)  # fmt: skip
def test_a_file_of_readings_as_spreadsheets_write_it(
    tmp_path: Path, encoding: str, rows: str
) -> None:
    """Separators, encodings, dates with the year first; out of order and said twice."""
    site = site_of(tmp_path, {"b.water": {"medium": "water", "rated_m3h": 10, "resolution": 1}})
    file = tmp_path / "readings.csv"
    file.write_bytes(rows.encode(encoding))
    with Books(site) as books:
        assert import_readings(site, books.ledger, file, ME)[0] == 2
        found = sorted((e.start, e.data["value"]) for e in books.ledger.entries())
        zone = ZoneInfo(site.file.zone)
        assert found == [
            (datetime(2026, 3, 2, 8, tzinfo=zone), "100"),
            (datetime(2026, 3, 2, 18, tzinfo=zone), "120"),
        ]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("meter,time,reading,reading\nb.water,2026-03-02 08:00,7,8\n", "two columns reading"),
        ("meter;time;reading\nb.water;2026/3/2;1,234\n", "add --format decimal=point"),
        ("meter,time,reading\nb.water,3/2/2026 8:00,7\n", "add --format dates=dmy"),
        ("meter,time,reading\nb.water,2026/13/2 8:00,7\n", "'2026/13/2 8:00' is not a time"),
    ],
)
def test_what_can_be_mistaken_is_asked_back(tmp_path: Path, text: str, part: str) -> None:
    site = site_of(tmp_path, {"b.water": {"medium": "water", "rated_m3h": 10, "resolution": 1}})
    (tmp_path / "readings.csv").write_text(text)
    with Books(site) as books:
        with pytest.raises(InvalidInput) as caught:
            import_readings(site, books.ledger, tmp_path / "readings.csv", ME)
        (problem,) = caught.value.problems
        assert part in str(problem)
        assert books.ledger.entries() == []


def test_a_time_that_the_clocks_skip_or_show_twice_is_asked_back(tmp_path: Path) -> None:
    site = site_of(tmp_path, {"b.water": {"medium": "water", "rated_m3h": 10, "resolution": 1}},
                   zone="Europe/Berlin")  # fmt: skip
    file = tmp_path / "readings.csv"
    with Books(site) as books:
        file.write_text(
            "meter,time,reading\nb.water,2025-03-30 02:30,1\nb.water,2025-10-26 02:30,2\n"
        )
        with pytest.raises(InvalidInput) as caught:
            import_readings(site, books.ledger, file, ME)
        skipped, twice = (str(problem) for problem in caught.value.problems)
        assert "does not exist" in skipped
        assert "write 2025-10-26 02:30+02:00 or 2025-10-26 02:30+01:00" in twice
        file.write_text(
            "meter,time,reading\nb.water,2025-10-26 02:30+02:00,1\n"
            "b.water,2025-10-26 02:30+01:00,2\n"
        )
        assert import_readings(site, books.ledger, file, ME)[:2] == (2, 0)


HEADER = "meter,time,reading\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("meter\ttime\treading\nb.water\t2026-03-02 09:00\t14.5\nb.water\t2026-03-02T08:00\t10",
         "utf-16"),
        ("备注,读数,表计,时间\n夜班,10,b.water,2026-3-2 8:00\n,14.5,b.water,2026-3-2 9:00\n",
         "gb18030"),
        (HEADER + "b.water,2026-03-02 00:00Z,10\r\n\r\nb.water,2026-03-02 02:00+01:00,14.50\r\n",
         "utf-8"),
    ],
)  # fmt: skip
def test_files_of_other_encodings_and_languages(tmp_path: Path, text: str, encoding: str) -> None:
    site = site_of(tmp_path, {"b.water": {"medium": "water"}})
    file = tmp_path / "readings.csv"
    file.write_bytes(text.encode(encoding))
    with Books(site) as books:
        assert import_readings(site, books.ledger, file, ME)[:2] == (2, 0)
        books.keep()
        assert sum(row[1] for row in books.shown("b.water")) == 4.5
        assert {row[2] for row in books.shown("b.water")} == {"manual"}


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b"PK\x03\x04" + bytes(50), "the workbook is damaged"),
        (HEADER.encode() + b"b.water,2026-03-02 08:00,\xff\xff\n", "not UTF-8"),
        (HEADER.encode("utf-16")[:-1], "not UTF-8"),
        (HEADER.encode() + b'b.water,2026-03-02 08:00,"1,23.4"\n', "write 12345.6"),
        (HEADER.encode() + b"b.water,0001-01-01,1\n", "is before 1990"),
        (HEADER.encode() + b"b.water,9999-12-31 23:59,1\n", "has not come yet"),
        (HEADER.encode() + b"b.fine,2026-03-02 08:00,999999999999999\n", "than any register"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_taken_say_why(tmp_path: Path, body: bytes, part: str) -> None:
    entries: dict[str, dict[str, Any]] = {
        "b.water": {"medium": "water"},
        "b.fine": {"medium": "gas", "resolution": 1e-9},
    }
    site = site_of(tmp_path, entries)
    file = tmp_path / "readings.csv"
    file.write_bytes(body)
    with Books(site) as books:
        with pytest.raises(InvalidInput) as caught:
            import_readings(site, books.ledger, file, ME)
        assert part in "\n".join([str(caught.value), *map(str, caught.value.problems)])
        assert books.ledger.entries() == []


def test_a_final_reading_with_more_digits_than_the_register_tells(tmp_path: Path) -> None:
    """`resolution` in meters.yaml is finer than the device's: what people see on its display."""
    with Books(site_of(tmp_path, {"b.m": {"resolution": 0.001}})) as books:
        books.read([(0, 1000), (15, 1100), (30, 10), (45, 20), (60, 19), (75, 40)])
        books.keep()
        spec = books.site.metering[METER]
        replace_meter(
            books.site, books.ledger, books.history, spec,
            final="12.345", initial="0.005", at=at(20), author=ME,
        )  # fmt: skip
        books.keep()
        # 12.345 - 11 + 0.1 - 0.005; a step back by what the register shows is none.
        assert books.shown() == [
            (0, 1.0, "measured"), (1, 1.44, "corrected"), (2, 0.1, "measured"),
            (3, 0.0, "measured"), (4, 0.2, "measured"),
        ]  # fmt: skip
        check_stream(books, books.rows())
        check_months(books)


def test_numbers_beyond_the_database_are_refused_and_hold_up_nothing(tmp_path: Path) -> None:
    entries = {"b.absurd": {"formula": "1000000000000 * m - 0.0000000000001 * m"}}
    with Books(site_of(tmp_path, entries)) as books:
        books.read(hourly(2))
        books.keep()
        with pytest.raises(InvalidInput, match="too many digits"):
            said(books, start=at(0), end=at(30), amount="99999999999999.000000000001")
        assert [row[1] for row in books.shown()] == [1.0, 1.0]
        assert books.shown("b.absurd") == []  # nothing known


VIRTUAL: dict[str, dict[str, Any]] = {
    "b.m2": {"rated_kw": 1000},
    "b.rest": {"formula": "m - 0.5 * m2"},
    "b.twice": {"formula": "rest + rest"},
}


def test_formulas_are_missing_if_any_input_is(tmp_path: Path) -> None:
    site = site_of(tmp_path, VIRTUAL, equipment={"b.m": "meter", "b.m2": "meter"})
    with Books(site) as books:
        books.read(hourly(6, 300))
        books.read([(0, 0), (15, 101), (30, 202), (90, 606)], "b.m2.energy")
        books.keep(33)
        assert books.shown("b.rest") == [(0, 2.495, "derived"), (1, 2.495, "derived")]
        books.keep()
        assert books.shown("b.rest")[2:] == [(i, 2.495, "allocated") for i in range(2, 6)]
        assert books.shown("b.twice")[0] == (0, 4.99, "derived")
        # One input turns out otherwise: what follows from it does too.
        said(books, meter="b.m2.energy", start=at(0), end=at(15), amount="2")
        books.keep()
        assert books.shown("b.rest")[0] == (0, 2.0, "derived")
        assert books.shown("b.twice")[0] == (0, 4.0, "derived")
        check_stream(books, books.rows())
        check_months(books)


def test_an_input_in_part_is_a_missing_result(tmp_path: Path) -> None:
    site = site_of(tmp_path, VIRTUAL, equipment={"b.m": "meter", "b.m2": "meter"})
    with Books(site) as books:
        books.read(hourly(3))
        books.read([(5, 0), (15, 10), (30, 60), (45, 61)], "b.m2.energy")
        books.keep()
        assert [row[0] for row in books.shown("b.rest")] == [1, 2]
        assert books.slots("b.m2.energy")[0][1].label is Label.MISSING


def test_a_changed_formula_revises_its_history(tmp_path: Path) -> None:
    equipment = {"b.m": "meter", "b.m2": "meter"}
    with Books(site_of(tmp_path, VIRTUAL, equipment=equipment)) as books:
        books.read(hourly(4))
        books.read(hourly(4), "b.m2.energy")
        books.keep()
    changed = VIRTUAL | {"b.rest": {"formula": "m - m2"}}
    with Books(site_of(tmp_path, changed, equipment=equipment)) as books:
        books.keep()
        assert [row[1] for row in books.shown("b.rest")] == [0.0] * 4
        assert [row[1] for row in books.shown("b.twice")] == [0.0] * 4
        check_stream(books, books.rows())


def test_load_is_imports_and_generation_without_exports(tmp_path: Path) -> None:
    boundary = EnergyBoundary(imports=["m"], generation=["pv-1"], exports=["out"])
    equipment = {"b.m": "meter", "b.pv-1": "pv_inverter", "b.out": "meter"}
    site = site_of(tmp_path, None, equipment=equipment, boundaries={"b": boundary})
    with Books(site) as books:
        for meter, step in (("b.m", 300), ("b.pv-1", 200), ("b.out", 50)):
            books.read(hourly(4, step), f"{meter}.energy")
        books.keep()
        assert books.shown("b.load") == [(i, 4.5, "derived") for i in range(4)]
        day = books.ledger.day(site.metering["b.m.energy"], at(0))
        assert day is not None
        assert [day.used, day.register] == [12, 12]


def test_the_tree_tells_what_nobody_meters_apart(tmp_path: Path) -> None:
    entries = {"b.m2": {"parent": "m"}, "b.m3": {"parent": "m"}}
    equipment = {"b.m": "meter", "b.m2": "meter", "b.m3": "meter"}
    site = site_of(tmp_path, entries, equipment=equipment)
    with Books(site) as books:
        for meter, step in (("b.m", 1000), ("b.m2", 300), ("b.m3", 600)):
            books.read(hourly(2 * 96, step), f"{meter}.energy")
        books.keep()

        def energy(spec: MeterSpec) -> Energy:
            return books.ledger.energy_in(spec, at(0), at(60 * 24))

        (root,) = tree(site.metering, energy)
        assert root.residual == Fraction(96 * 100, 100)
        assert not root.impossible
        heavy = tree(site.metering, lambda spec: replace(energy(spec), amount=Fraction(100)))
        assert heavy[0].residual == -100
        assert heavy[0].impossible
        missing = tree(
            site.metering,
            lambda spec: replace(
                energy(spec), amount=None if spec.name == "b.m3" else Fraction(100)
            ),
        )
        assert missing[0].residual is None
        assert not missing[0].impossible


def test_peaks_are_set_by_measured_quarter_hours_only(tmp_path: Path) -> None:
    with Books(site_of(tmp_path)) as books:
        shape = [100, 700, 200]
        marks = [(0, 0)]
        for i in range(96 * 2):
            marks.append((15 * (i + 1), marks[-1][1] + shape[i % 3]))
        marks = [m for m in marks if not 30 <= m[0] <= 60]  # the gap cannot set a peak
        books.read(marks)
        books.keep()
        said(books, start=at(15 * 100), end=at(15 * 101), amount="900", label=Label.ESTIMATED)
        books.keep()
        (peak,) = peaks(books.slots(), ZoneInfo("Asia/Shanghai"), START, at(60 * 24 * 2))
        assert peak.month == "2026-03"
        assert peak.peak == 28  # 7 kWh in a quarter hour
        assert peak.start == at(15 * 7)
        assert peak.filled_pct == pytest.approx(100 * (192 - 4 - 1) / 192)


@pytest.mark.parametrize(
    ("zone", "day", "quarters"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 92),
        ("Europe/Berlin", date(2026, 10, 25), 100),
        ("Asia/Shanghai", date(2024, 2, 29), 96),
    ],
)
def test_days_and_months_are_those_of_the_base(
    tmp_path: Path, zone: str, day: date, quarters: int
) -> None:
    local = ZoneInfo(zone)
    first = local_midnight(day.replace(day=1), local)
    begin = (first - START).total_seconds() / 60
    site = site_of(tmp_path, zone=zone)
    with Books(site) as books:
        books.read([(begin + 15 * i, i) for i in range(-5, 32 * 96)])
        books.keep()
        spec = site.metering[METER]
        edges = [local_midnight(day + timedelta(days=n), local) for n in range(2)]
        found = books.ledger.energy_in(spec, edges[0], edges[1])
        assert [found.amount, found.covered] == [Fraction(quarters, 100), 1]
        same = [row for row in books.rows() if row.local_date == day]
        assert sum(row.amount for row in same) == found.amount
        following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        whole = books.ledger.energy_in(spec, first, local_midnight(following, local))
        months = books.ledger.months((day.year, day.month), (day.year, day.month))
        assert whole.amount == months[0].amount
        assert whole.covered == 1
        assert whole.amount * 100 == (to_ms(whole.end) - to_ms(whole.start)) // QUARTER_MS
        check_months(books)


def test_a_zone_that_changes_recounts_the_months(tmp_path: Path) -> None:
    with Books(site_of(tmp_path)) as books:
        books.read([(15 * i, i) for i in range(-96 * 4, 96)])
        books.keep()
    with Books(site_of(tmp_path, zone="America/New_York")) as books:
        books.keep()
        check_months(books)
        months = {m.month: m.amount for m in books.ledger.months()}
        # Midnight of 1 March in New York is five hours later than in UTC.
        assert months[2] == Fraction(3 * 96 + 20, 100)


def test_bad_corrections_say_what_to_do(tmp_path: Path) -> None:
    with Books(site_of(tmp_path)) as books:
        good = {"start": at(15), "end": at(30), "amount": "1"}
        for change, text in (
            ({"end": at(15)}, "after --from"),
            ({"end": at(31)}, "quarter hours"),
            ({"start": at(15) - timedelta(days=500)}, "at most"),
            ({"end": datetime(2036, 1, 1, tzinfo=UTC)}, "not come yet"),
            ({"amount": "viel"}, "not a number"),
            ({"amount": "-3"}, "does not use"),
            ({"amount": "1e300"}, "no register value"),
            ({"label": Label.MEASURED}, "not given by hand"),
        ):
            with pytest.raises(InvalidInput, match=text):
                said(books, **(good | change))
        spec = books.site.metering[METER]
        bad: dict[str, Any] = {"initial": "0", "at": at(0), "author": ME}
        with pytest.raises(InvalidInput, match="finer"):
            replace_meter(books.site, books.ledger, None, spec, final="1.234", **bad)
        books.read(hourly(4))
        with pytest.raises(Refused, match="had already shown 3"):
            replace_meter(
                books.site, books.ledger, books.history, spec,
                final="1", initial="0", at=at(61), author=ME,
            )  # fmt: skip
        assert books.ledger.entries() == []


def test_two_postings_at_once_post_once(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    with Books(site) as one, Books(site) as other:
        one.read(hourly(200))
        for posting in (one.posting, other.posting) * 3:
            posting.step(at(60 * 24 * 30))
        one.keep()
        assert len(one.rows()) == 200
        Posting(site.metering, other.history, other.ledger).catch_up(at(60 * 24 * 30))
        assert len(other.rows()) == 200
