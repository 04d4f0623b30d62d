"""Files as people have them, from their bytes to the quarter hours of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bms.core.errors import InvalidInput
from bms.energy.demand import peaks
from bms.ledger.entered.entering import Author
from bms.ledger.entered.errors import NotTaken
from bms.ledger.entered.importing import Imported, import_readings
from bms.ledger.files.kept import declared_format
from tests.ledger.files.corpus import (
    espi_reading,
    green_button,
    nem12,
    put,
    quarter_hours,
    workbook,
)
from tests.ledger.support import Books, at, check_months, check_stream, site_of

ME = Author("ops", "because", at(60 * 24 * 300))
METERS: dict[str, dict[str, Any]] = {
    "b.hall-a": {"medium": "electricity", "title": "Hall A"},
    "b.hall-b": {"medium": "electricity", "title": {"zh": "二号厂房", "en": "Hall B"}},
    "b.water": {"medium": "water", "resolution": 0.001},
}


def wall(year: int, month: int, day: int) -> datetime:
    """A day as it stands in files, which know no zones."""
    return datetime(year, month, day)  # noqa: DTZ001


DAY = wall(2026, 3, 2)


class Room(Books):
    """A site with three meters that nobody polls; times are of Berlin unless said otherwise."""

    def __enter__(self) -> Room:
        return self

    def __init__(self, directory: Path, zone: str = "Europe/Berlin") -> None:
        super().__init__(site_of(directory, METERS, zone=zone))
        self._directory = directory

    def take(
        self,
        body: str | bytes,
        formats: str = "",
        name: str = "readings.csv",
        **meters: str,
    ) -> Imported:
        pairs = dict(pair.split("=") for pair in formats.split())
        named = {key.replace("__", "/").replace("_", " "): m for key, m in meters.items()}
        path = put(self._directory, body, name)
        try:
            found = import_readings(self.site, self.ledger, path, ME, declared_format(pairs, named))
        except NotTaken as error:
            print(*error.problems, sep="\n")
            raise
        self.keep()
        check_stream(self, self.rows())
        check_months(self)
        return found

    def refused(self, body: str | bytes, formats: str = "", **meters: str) -> NotTaken:
        with pytest.raises(NotTaken) as caught:
            self.take(body, formats, **meters)
        assert self.ledger.entries() == []
        return caught.value

    def local(self, meter: str = "b.hall-a") -> list[tuple[str, float, str]]:
        """Quarter hours by the base's clock: start, amount, label."""
        zone = ZoneInfo(self.site.bases["b"].zone)
        return [
            (f"{datetime.fromtimestamp(ms / 1000, zone):%m-%d %H:%M}", float(slot.amount),
             slot.label.value)
            for ms, slot in self.slots(meter) if slot.covered_ms
        ]  # fmt: skip


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with Room(tmp_path) as made:
        yield made


def asked(error: NotTaken) -> list[str]:
    return [question.key for question in error.questions]


@pytest.mark.case(
    "F1 NEM12",
    when="A utility sends interval data as NEM12",
    then="It is recognised; each channel is asked for once; intervals are in market time",
)
def test_nem12(room: Room) -> None:
    values = [str(n / 8) for n in range(96)]
    error = room.refused(nem12(values))
    assert asked(error) == ["meters"]
    assert "--meter '6123456789/E1=METER'" in str(error.problems[0])
    found = room.take(nem12(values), **{"6123456789/E1": "b.hall-a"})
    assert found[:2] == (96, 0)
    assert found.kind == "NEM12"
    # Midnight of market time, UTC+10, is three in the afternoon in Berlin.
    assert room.local()[:3] == [
        ("03-01 15:00", 0.0, "measured"),
        ("03-01 15:15", 0.125, "measured"),
        ("03-01 15:30", 0.25, "measured"),
    ]
    assert sum(amount for _, amount, _ in room.local()) == sum(range(96)) / 8
    # The next file is taken without questions, and the same one changes nothing.
    assert room.take(nem12(values))[:2] == (0, 96)


def test_nem12_units_qualities_and_holes(room: Room) -> None:
    values = ["1500"] * 48
    values[3] = ""
    body = nem12(values, quality="V", step=30, unit="Wh").replace(
        "900\n", "400,1,2,A,,\n400,3,47,S14,32,\n400,48,48,N,,\n900\n"
    )
    found = room.take(body, **{"6123456789/E1": "b.hall-a"})
    assert found.added == 46
    assert found.series[0].estimated == 44
    assert room.local()[:6] == [
        ("03-01 15:00", 0.75, "allocated"),
        ("03-01 15:15", 0.75, "allocated"),
        ("03-01 15:30", 0.75, "allocated"),
        ("03-01 15:45", 0.75, "allocated"),
        ("03-01 16:00", 0.75, "estimated"),
        ("03-01 16:15", 0.75, "estimated"),
    ]
    assert [(str(why), len(lines)) for why, lines in found.left.lines.items()] == [
        ("cells without a value", 2)
    ]


def test_reactive_channels_are_left_alone(room: Room) -> None:
    extra = "200,6123456789,E1Q1,2,Q1,N1,METSER123,KVARH,15,\n300,20260302" + ",1" * 96 + ",A,,,,\n"
    body = nem12(["1"] * 96).replace("900\n", extra + "900\n")
    found = room.take(body, **{"6123456789/E1": "b.hall-a"})
    assert found.added == 96
    assert [str(why) for why in found.left.lines] == ["column '6123456789/Q1 [KVARH]'"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("900\n", ""), "ends without its record 900"),
        ((",A,,,2026", ",,,2026"), None),
        (("300,20260302,", "300,20260302,1.34E+03,"), "this day has no 96 values"),
        ((",0.25,", ",x,"), "'x' is not a number"),
        ((",0.25,", ",2.5E-01,"), "'2.5E-01' is not a number"),
        (("300,20260302", "300,20261302"), "'20261302' is not a day"),
        (("KWH,15", "KWH,7"), "no length of an interval"),
        (("NEM12", "NEM13"), "'NEM13' is not taken"),
        (("900\n", "950,x\n900\n"), "'950' is no record of NEM12"),
        (("200,", "500,"), "no record 200 before"),
    ],
)
def test_nem12_that_is_wrong_says_where(
    room: Room, change: tuple[str, str], message: str | None
) -> None:
    body = nem12(["0.25"] * 96).replace(*change, 1)
    if message is None:
        assert room.take(body, **{"6123456789/E1": "b.hall-a"}).added == 96
        return
    error = room.refused(body, **{"6123456789/E1": "b.hall-a"})
    assert message in str(error.problems[0]), error.problems


@pytest.mark.case(
    "F2 Green Button",
    when="A utility gives Green Button XML",
    then="Intervals are taken in the unit and zone that it names; estimated ones stay estimated",
)
def test_green_button(room: Room) -> None:
    start = 1772380800  # 2026-03-01 16:00 UTC
    readings = "".join(espi_reading(start + 900 * n, 1500 + n) for n in range(4))
    readings += espi_reading(start + 3600, 2000, quality=8)
    found = room.take(green_button(readings), **{"Hall A/forward": "b.hall-a"})
    assert found.kind == "Green Button"
    assert room.local() == [
        ("03-01 17:00", 1.5, "measured"),
        ("03-01 17:15", 1.501, "measured"),
        ("03-01 17:30", 1.502, "measured"),
        ("03-01 17:45", 1.503, "measured"),
        ("03-01 18:00", 2.0, "estimated"),
    ]
    assert room.take(green_button(readings))[:2] == (0, 5)


def test_green_button_multipliers_and_other_units(room: Room) -> None:
    reading = espi_reading(1772380800, 2, duration=3600)
    room.take(green_button(reading, multiplier=3), **{"Hall A/forward": "b.hall-a"})
    assert sum(row[1] for row in room.local()) == 2.0
    with pytest.raises(NotTaken, match="has 1 problem"):
        room.take(green_button(reading, uom=73))
    with pytest.raises(NotTaken) as caught:
        room.take(green_button(reading, uom=169))
    expected = "'uom 169' of 'Hall A/forward' is no unit that is known"
    assert expected in str(caught.value.problems[0])


def test_green_button_registers(room: Room) -> None:
    reading = espi_reading(1772380800, 5_000_000, duration=0) + espi_reading(
        1772380800 + 86400, 5_024_000, duration=0
    )
    body = green_button(reading).replace("Behaviour>4<", "Behaviour>3<")
    assert room.take(body, **{"Hall A/forward": "b.hall-a"}).added == 2
    assert sum(row[1] for row in room.local()) == pytest.approx(24)


@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE lolz [<!ENTITY lol "lol">]><feed>espi&lol;</feed>',
        '<!DOCTYPE feed SYSTEM "file:///etc/passwd"><feed>espi IntervalBlock</feed>',
        "<feed>espi" + "<a>" * 5000,
        "<feed xmlns='http://naesb.org/espi'><entry>",
    ],
)
def test_hostile_xml_is_refused(room: Room, body: str) -> None:
    error = room.refused(body)
    assert error.problems


@pytest.mark.case(
    "F3 one column per meter",
    when="A file has one column per meter",
    then="Columns named like meters are taken, others asked for once or left alone",
)
def test_one_column_per_meter(room: Room) -> None:
    body = "Time,Hall A (kWh),Main 2 [Wh],Temperature (°C),Demand kW,Spare\n" + quarter_hours(
        DAY, 96, lambda n, t: f"{t:%Y-%m-%d %H:%M},{n % 7}.5,{n % 5}000,21.5,{n % 9},"
    )
    error = room.refused(body)
    assert asked(error) == ["meters", "stamp"]
    assert [question.about for question in error.questions] == ["Main 2 [Wh]", ""]
    assert "--format stamp=start / --format stamp=end" in str(error.problems[0])
    found = room.take(body, "stamp=start", **{"Main 2 [Wh]": "b.hall-b"})
    assert found[:2] == (192, 0)
    assert room.local("b.hall-a")[:2] == [
        ("03-02 00:00", 0.5, "measured"),
        ("03-02 00:15", 1.5, "measured"),
    ]
    assert room.local("b.hall-b")[1] == ("03-02 00:15", 1.0, "measured")
    assert {str(why) for why in found.left.lines} == {
        "column 'Temperature (°C) [°C]'",
        "column 'Demand kW [kW]'",
        "column 'Spare'",
    }
    assert room.take(body)[:2] == (0, 192)
    other = body.replace("03-02", "03-03").replace("2026-03-02", "2026-03-03")
    assert room.take(other, name="march-3.csv")[:2] == (192, 0)


@pytest.mark.case(
    "F4 intervals",
    when="A file has the energy of each quarter, half or whole hour, stamped by start or end",
    then="Each amount is put into its own time; which end a time is, is asked once",
)
@pytest.mark.parametrize("step", [5, 15, 30, 60])
def test_intervals_by_start_or_end(room: Room, step: int) -> None:
    count = 1440 // step
    body = "Time,Hall A consumption (kWh)\n" + quarter_hours(
        DAY, count, lambda n, t: f"{t:%Y-%m-%d %H:%M},{1 + n % 3}", step
    )
    assert asked(room.refused(body)) == ["meters", "stamp"]
    found = room.take(body, "stamp=end", **{"Hall A consumption (kWh)": "b.hall-a"})
    assert found.added == count
    first = DAY - timedelta(minutes=max(step, 15))
    assert room.local()[0][0] == f"{first:%m-%d %H:%M}"
    assert sum(row[1] for row in room.local()) == pytest.approx(
        sum(1 + n % 3 for n in range(count))
    )
    inner = {row[2] for row in room.local()[1:-1]}
    assert inner == ({"measured"} if step <= 15 else {"allocated"})


@pytest.mark.parametrize(
    ("times", "stamp"),
    [
        ("Period end", "end"),
        ("Interval Start", "start"),
        ("结束时间", "end"),
        ("起始时间", "start"),
        ("Zeit von", "start"),
        ("Date Time Ending", "end"),
    ],
)
def test_the_header_may_say_which_end(room: Room, times: str, stamp: str) -> None:
    body = f"{times},Hall A\n" + quarter_hours(
        DAY, 96, lambda n, t: f"{t:%Y-%m-%d %H:%M},{(n * 7) % 5}"
    )
    room.take(body)
    assert room.local()[0][0] == ("03-02 00:00" if stamp == "start" else "03-01 23:45")


@pytest.mark.parametrize(
    "body",
    [
        "From,To,Hall A\n" + quarter_hours(
            DAY, 8, lambda n, t: f"{t:%Y-%m-%d %H:%M},"
            f"{t + timedelta(minutes=15):%Y-%m-%d %H:%M},2"),
        "Date,Start Time,End Time,Hall A\n" + quarter_hours(
            DAY, 8, lambda n, t: f"{t:%Y-%m-%d},{t:%H:%M},{t + timedelta(minutes=14):%H:%M},2"),
        "Datum;Zeit;Hall A\n" + quarter_hours(
            DAY, 8, lambda n, t: f"{t:%d.%m.%Y};{t:%H:%M} - {t + timedelta(minutes=15):%H:%M};2"),
        "Period;Hall A\n" + quarter_hours(
            DAY, 8, lambda n, t: f"{t:%d.%m.%Y %H:%M} - "
            f"{t + timedelta(minutes=15):%d.%m.%Y %H:%M};2"),
    ],
)  # fmt: skip
def test_files_that_give_both_ends(room: Room, body: str) -> None:
    room.take(body)
    assert room.local() == [
        (f"{DAY + timedelta(minutes=15 * n):%m-%d %H:%M}", 2.0, "measured") for n in range(8)
    ]


def test_a_line_per_day_and_a_column_per_quarter_hour(room: Room) -> None:
    """The 96-point curves of China and the matrices of Germany."""
    clocks = [f"{m // 60:02}:{m % 60:02}" for m in range(15, 1441, 15)]
    body = "表计,日期," + ",".join(clocks) + "\n"
    body += "Hall A,2026-03-02," + ",".join(str(n) for n in range(96)) + "\n"
    body += "Hall A,2026-03-03," + ",".join("1" for n in range(96)) + "\n"
    found = room.take(body)
    assert found.added == 192
    assert room.local()[1] == ("03-02 00:15", 1.0, "measured")
    assert room.local()[95] == ("03-02 23:45", 95.0, "measured")
    starts = (
        body.replace(",24:00", "").replace("日期,", "日期,00:00,").replace("2026-03-0", "2026-04-0")
    )
    room.take(starts)
    assert ("04-02 00:00", 0.0, "measured") in room.local()


@pytest.mark.case(
    "F5 registers",
    when="A file has what registers showed, by a person or a logger",
    then="The energy is their difference: manual if a person read, measured if a logger did",
)
def test_registers_of_a_logger_are_measured(room: Room) -> None:
    body = "Time,Hall A\n" + quarter_hours(
        DAY, 97, lambda n, t: f"{t:%Y-%m-%d %H:%M},{1000 + 2.5 * n}"
    )
    found = room.take(body)
    assert (found.series[0].taken.holds, found.series[0].taken.by) == ("registers", "instrument")
    assert room.local() == [
        (f"{DAY + timedelta(minutes=15 * n):%m-%d %H:%M}", 2.5, "measured") for n in range(96)
    ]
    hand = "meter,time,reading\nb.hall-b,2026-03-02 08:00,100\nb.hall-b,2026-04-02 08:00,800\n"
    room.take(hand)
    assert {row[2] for row in room.local("b.hall-b")} == {"manual"}


def test_what_numbers_are_is_asked_where_they_do_not_tell(room: Room) -> None:
    body = "Time,Hall A\n" + quarter_hours(DAY, 8, lambda n, t: f"{t:%Y-%m-%d %H:%M},{n}")
    error = room.refused(body)
    assert asked(error) == ["holds"]
    assert asked(room.refused(body, "holds=intervals")) == ["stamp"]
    assert room.take(body, "holds=registers").added == 8


@pytest.mark.case(
    "F6 decimal comma",
    when="Numbers have a decimal comma or thousands: 1,234 can be read in two ways",
    then="The other numbers of the file decide; if none does, it is asked once",
)
@pytest.mark.parametrize(
    ("number", "formats", "amount"),
    [
        ("1,5", "", 1.5),
        ("1.234,5", "", 1234.5),
        ("1 234,5", "", 1234.5),
        ("1'234.5", "", 1234.5),
        ("0,125", "", 0.125),
        ("1,234", "decimal=comma", 1.234),
        ("1,234", "decimal=point", 1234),
        ("1.234", "decimal=point", 1.234),
        ("1.234", "decimal=comma", 1234),
        ("12,34,567.5", "", 1234567.5),
        ("１２．５", "", 12.5),
        ("12.5 kWh", "", 12.5),
        ("+7", "", 7),
    ],
)
def test_numbers_of_every_country(tmp_path: Path, number: str, formats: str, amount: float) -> None:
    entries = {"b.hall-a": {"medium": "electricity", "title": "Hall A", "rated_kw": 10**7}}
    site = site_of(tmp_path, entries, zone="Europe/Berlin")
    body = f"From;To;Hall A\n2026-03-02 00:00;2026-03-02 00:15;{number}\n"
    with Books(site) as books:
        path = put(tmp_path, body)
        pairs = dict(pair.split("=") for pair in formats.split())
        if formats:
            with pytest.raises(NotTaken) as caught:
                import_readings(site, books.ledger, path, ME)
            assert asked(caught.value) == ["decimal"]
        import_readings(site, books.ledger, path, ME, declared_format(pairs, {}))
        books.keep()
        assert [row[1] for row in books.shown("b.hall-a")] == [amount]


@pytest.mark.case(
    "F7 24:00",
    when="A day ends at 24:00",
    then="It is midnight, and times are the ends of intervals",
)
def test_the_end_of_the_day(room: Room) -> None:
    ends = [(DAY + timedelta(minutes=15 * n)) for n in range(1, 97)]
    lines = [f"{t:%Y-%m-%d %H:%M}" if t.day == 2 else "2026-03-02 24:00" for t in ends]
    room.take("Time,Hall A\n" + "".join(f"{t},{n % 3}\n" for n, t in enumerate(lines)))
    assert room.local()[0] == ("03-02 00:00", 0.0, "measured")
    assert room.local()[-1] == ("03-02 23:45", 2.0, "measured")


@pytest.mark.case(
    "F8 dates",
    when="Dates may have the day first or the month first",
    then="A day above 12 or the next day's lines decide; if neither does, it is asked once",
)
@pytest.mark.parametrize(
    ("first", "last", "order"),
    [
        ("13/03/2026 08:00", "14/03/2026 08:00", None),
        ("03/13/2026 08:00", "03/14/2026 08:00", None),
        ("03/04/2026 08:00", "04/04/2026 08:00", "dmy"),
        ("03/04/2026 08:00", "03/05/2026 08:00", "mdy"),
        ("3.4.2026 8:00", "4.4.2026 8:00", None),
        ("03-Apr-2026 08:00", "04-Apr-2026 08:00", None),
        ("3. März 2026 08:00", "4. März 2026 08:00", None),
        ("Apr 3, 2026 8:00 AM", "Apr 4, 2026 8:00 AM", None),
        ("2026年4月3日 8:00", "2026年4月4日 8:00", None),
        ("20260403 0800", "20260404 0800", None),
        ("2026-04-03T08:00:00+02:00", "2026-04-04T06:00:00Z", None),
        ("1775196000", "1775282400", None),
        ("Fri 03/04/2026 08:00", "Sat 04/04/2026 08:00", "dmy"),
    ],
)
def test_dates_of_every_country(room: Room, first: str, last: str, order: str | None) -> None:
    body = f'Date,Hall A reading\n"{first}",100\n"{last}",124\n'
    formats = "" if order is None else f"dates={order}"
    if order is not None:
        assert asked(room.refused(body, **{"Hall A reading": "b.hall-a"})) == ["dates"]
    room.take(body, formats, **{"Hall A reading": "b.hall-a"})
    assert sum(row[1] for row in room.local()) == pytest.approx(24)
    assert len(room.local()) == 96
    assert room.local()[0][0].endswith("08:00")


def test_lines_of_several_days_tell_the_order_of_dates(room: Room) -> None:
    body = "Date,Interval Start,Hall A\n" + quarter_hours(
        wall(2026, 2, 28),
        240,
        lambda n, t: f"{t:%m/%d/%Y},{t:%H:%M},{n % 3}",
    )
    room.take(body)
    assert room.local()[0][0] == "02-28 00:00"
    small = "Date,Interval Start,Hall A\n" + quarter_hours(
        wall(2026, 4, 1),
        240,
        lambda n, t: f"{t:%d/%m/%Y},{t:%H:%M},{n % 3}",
    )
    room.take(small, name="b.csv")
    assert room.local()[240][0] == "04-01 00:00"


@pytest.mark.case(
    "F9 AM and PM",
    when="Times have AM or PM, in English or Chinese",
    then="12 AM is midnight, 12 PM is noon",
)
def test_halves_of_the_day(room: Room) -> None:
    def line(n: int, t: datetime) -> str:
        half = f"{t:%I:%M %p}" if n % 2 else f"{'上午' if t.hour < 12 else '下午'}{t:%I:%M}"
        return f"{t:%Y-%m-%d} {half},{n % 5}"

    room.take("Interval start,Hall A\n" + quarter_hours(DAY, 96, line))
    assert [row[0] for row in room.local()] == [
        f"{DAY + timedelta(minutes=15 * n):%m-%d %H:%M}" for n in range(96)
    ]


@pytest.mark.case(
    "F10 sep=;",
    when="The first line tells a spreadsheet its separator",
    then="It is obeyed, and lines count on",
)
def test_the_separator_that_a_spreadsheet_is_told(room: Room) -> None:
    body = "sep=;\r\nmeter;time;reading\r\nb.hall-a;2026-03-02 08:00;1,5\r\n"
    body += "b.hall-a;2026-03-02 09:00;2,5\r\nb.hall-a;x;2,5\r\n"
    error = room.refused(body)
    assert str(error.problems[0]).startswith("readings.csv:5:2: 'x' is not a time")
    assert room.take(body.replace("b.hall-a;x;2,5\r\n", "")).added == 2


@pytest.mark.case(
    "F11 preamble",
    when="Lines about the export stand before the table",
    then="They are left alone and listed; a meter or unit that they name counts",
)
def test_lines_before_the_table(room: Room) -> None:
    body = (
        "Load profile export,,\nMeter:,Hall A,\nUnit,Wh,\nCreated,2026-03-05 10:00,\n,,\n"
        "No.,Interval start,Value\n"
        + quarter_hours(DAY, 8, lambda n, t: f"x{n},{t:%Y-%m-%d %H:%M},{n * 500}")
    )
    found = room.take(body, "holds=intervals")
    assert room.local()[3] == ("03-02 00:45", 1.5, "measured")
    assert {str(why): lines for why, lines in found.left.lines.items()} == {
        "lines before the table": [1, 2, 3, 4],
        "column 'No.'": [6],
    }


@pytest.mark.case(
    "F12 row of units",
    when="Units stand in a separate row, or in the header",
    then="kWh, Wh and MWh are converted exactly",
)
def test_a_row_of_units(room: Room) -> None:
    body = "Interval start,Hall A,Hall B,Voltage\n,MWh,Wh,V\n" + quarter_hours(
        DAY, 4, lambda n, t: f"{t:%Y-%m-%d %H:%M},0.00{n}1,{n}001,230"
    )
    room.take(body, "holds=intervals")
    assert [row[1] for row in room.local("b.hall-a")] == [0.1, 1.1, 2.1, 3.1]
    assert [row[1] for row in room.local("b.hall-b")] == [0.001, 1.001, 2.001, 3.001]


@pytest.mark.case(
    "F13 totals",
    when="A file ends with totals or remarks",
    then="They are left alone and listed, and never counted",
)
@pytest.mark.parametrize("total", ["Total", "合计", "Summe", "Grand total", "Average", "最大值"])
def test_totals_at_the_end(room: Room, total: str) -> None:
    body = "Interval start,Hall A\n" + quarter_hours(
        DAY, 8, lambda n, t: f"{t:%Y-%m-%d %H:%M},{n % 3}"
    )
    body += f"{total},99999\nExported by Meter Manager 4.2,\n"
    found = room.take(body, "holds=intervals")
    assert sum(row[1] for row in room.local()) == 7
    assert {str(why): lines for why, lines in found.left.lines.items()} == {
        "totals": [10],
        "lines after the table": [11],
    }


@pytest.mark.case(
    "F14 Excel",
    when="A workbook has dates as numbers, and totals, remarks and other sheets",
    then="It is read as a table; nothing of it is unpacked beyond a bound",
)
@pytest.mark.parametrize("code", ["yyyy-mm-dd hh:mm", "General", "d/m/yyyy h:mm AM/PM"])
def test_workbooks(room: Room, code: str) -> None:
    epoch = wall(1899, 12, 30)
    rows: list[list[object]] = [["Export of March"], ["Interval start", "Hall A (kWh)", "二号厂房"]]
    for n in range(96):
        time: object = DAY + timedelta(minutes=15 * n)
        if code == "General":
            time = (DAY + timedelta(minutes=15 * n) - epoch) / timedelta(days=1)
        rows.append([time, 0.1 * (n % 4), n % 3])
    rows.append(["Total", 14.4, 96])
    body = workbook({"Notes": [["hello"]], "Data": rows}, {"A": code})
    found = room.take(body, "holds=intervals", name="export.xlsx")
    assert found.added == 192
    assert room.local()[3] == ("03-02 00:45", 0.3, "measured")
    assert room.local("b.hall-b")[95] == ("03-02 23:45", 2.0, "measured")
    assert "sheet 'Notes'" in {str(why) for why in found.left.lines}


def test_a_workbook_with_dates_of_another_column_for_times(room: Room) -> None:
    rows: list[list[object]] = [["日期", "时间", "Hall A"]]
    for n in range(8):
        time = DAY + timedelta(minutes=15 * n)
        rows.append([DAY.date() if n == 0 else None, time.time(), n])
    body = workbook({"表1": rows})
    room.take(body, "holds=intervals stamp=start", name="export.xlsx")
    assert [row[0] for row in room.local()][:2] == ["03-02 00:00", "03-02 00:15"]


@pytest.mark.case(
    "F15 the double hour",
    when="Clocks go back, and an hour comes twice",
    then="The order of the lines tells which is which; a single time is asked back",
)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("step", [15, 30, 60])
def test_the_hour_that_comes_twice(room: Room, descending: bool, step: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2025, 10, 25, 22, tzinfo=UTC)
    times = [start + timedelta(minutes=step * n) for n in range(25 * 60 // step)]
    lines = [f"{t.astimezone(zone):%d.%m.%Y %H:%M};{n}" for n, t in enumerate(times)]
    if descending:
        lines.reverse()
    room.take("Interval start;Hall A\n" + "\n".join(lines), "holds=intervals")
    found = room.slots("b.hall-a")
    assert [ms for ms, _ in found] == [
        int(start.timestamp() * 1000) + 900_000 * n for n in range(100)
    ]
    assert sum(float(slot.amount) for _, slot in found) == sum(range(len(times)))


def test_times_with_the_zone_s_name_need_no_order(room: Room) -> None:
    body = "Interval start,Hall A\n2025-10-26 02:00 CET,2\n2025-10-26 02:00 CEST,1\n"
    room.take(body, "holds=intervals")
    assert [float(slot.amount) for _, slot in room.slots("b.hall-a")][::4] == [0.25, 0.5]


def test_a_file_in_winter_time_all_year_says_so(room: Room) -> None:
    body = "Interval start,Hall A\n" + quarter_hours(
        wall(2025, 10, 26),
        96,
        lambda n, t: f"{t:%Y-%m-%d %H:%M},{n}",
    )
    error = room.refused(body, "holds=intervals")
    assert "came twice" in str(error.problems[0])
    room.take(body, "holds=intervals zone=+01:00")
    assert len(room.slots("b.hall-a")) == 96


@pytest.mark.case(
    "F16 blank cells",
    when="Cells are empty, or say that there is no value",
    then="They are skipped and counted, and are never a zero",
)
def test_cells_without_a_value(room: Room) -> None:
    blanks = ["", "-", "n/a", "NULL", "#N/A", "NaN", "无"]
    body = "Interval start,Hall A\n" + quarter_hours(
        DAY, 14, lambda n, t: f"{t:%Y-%m-%d %H:%M},{blanks[n // 2] if n % 2 else n}"
    )
    found = room.take(body, "holds=intervals")
    assert len(room.local()) == 7
    assert {str(why): len(lines) for why, lines in found.left.lines.items()} == {
        "cells without a value": 7
    }


@pytest.mark.case(
    "F17 digits that were cut",
    when="A spreadsheet wrote 1.34E+03",
    then="The file is refused: the digits behind it are lost",
)
@pytest.mark.parametrize("number", ["1.34E+03", "1,34E+03", "1E5", "2e-3"])
def test_digits_that_were_cut(room: Room, number: str) -> None:
    body = "Interval start;Hall A\n" + quarter_hours(
        DAY, 8, lambda n, t: f"{t:%Y-%m-%d %H:%M};{number if n == 5 else n}"
    )
    error = room.refused(body, "holds=intervals")
    assert "the spreadsheet has cut the digits" in str(error.problems[0])
    assert str(error.problems[0]).startswith("readings.csv:7:2")


@pytest.mark.case(
    "F18 measured elsewhere",
    when="A logger or a utility measured the quarter hours",
    then="They are measured, not manual, and have a demand",
)
def test_what_a_logger_measured_has_a_demand(room: Room) -> None:
    body = "Interval start,Hall A\n" + quarter_hours(
        DAY, 96, lambda n, t: f"{t:%Y-%m-%d %H:%M},{n % 10}"
    )
    room.take(body, "holds=intervals")
    start = datetime(2026, 3, 1, 23, tzinfo=UTC)
    (peak,) = peaks(
        room.slots("b.hall-a"), ZoneInfo("Europe/Berlin"), start, start + timedelta(days=1)
    )
    assert peak.peak == 36
    assert peak.filled_pct == 100
    spec = room.site.metering["b.hall-a"]
    energy = room.ledger.energy_in(spec, start, start + timedelta(days=1))
    assert energy.covered == 1
    assert [label.value for label in energy.shares] == ["measured"]


def test_mean_power_is_energy_over_its_time(room: Room) -> None:
    body = "Interval start,Hall A [kW]\n" + quarter_hours(
        DAY, 8, lambda n, t: f"{t:%Y-%m-%d %H:%M},{n * 10}"
    )
    error = room.refused(body, **{"Hall A [kW]": "b.hall-a"})
    assert asked(error) == ["holds"]
    room.take(body, "holds=power", **{"Hall A [kW]": "b.hall-a"})
    assert [row[1] for row in room.local()][:3] == [0.0, 2.5, 5.0]


@pytest.mark.case(
    "F19 all or nothing",
    when="Anything in a file cannot be taken",
    then="Everything that is in the way is listed by line, and nothing is imported",
)
def test_all_or_nothing(room: Room) -> None:
    lines = [f"{DAY + timedelta(minutes=15 * n):%Y-%m-%d %H:%M},{n % 3}" for n in range(20)]
    lines[3] = "2026-03-02 00:45,abc"
    lines[5] = "not a time,5"
    lines[7] = "2026-03-02 01:45,-4"
    lines[9] = lines[8].replace(",2", ",1")
    lines[12] = "2026-03-02 03:00,99999999"
    body = "Interval start,Hall A\n" + "\n".join(lines) + "\n2046-03-02 00:00,1\n"
    error = room.refused(body, "holds=intervals step_min=15")
    texts = [str(problem) for problem in error.problems]
    expected = [
        ("5:2", "'abc' is not a number"),
        ("7:1", "'not a time' is not a time"),
        ("9:2", "does not give back"),
        ("11:1", "already has 2 kWh"),
        ("14:2", "more than the rating"),
        ("22:1", "has not come yet"),
    ]
    assert len(texts) == len(expected), texts
    for text, (place, part) in zip(texts, expected, strict=True):
        assert text.startswith(f"readings.csv:{place}"), text
        assert part in text


@pytest.mark.case(
    "F20 asked once",
    when="The next file of a kind comes",
    then="What was said of the first is kept in readings.yaml, and nothing is asked again",
)
def test_answers_are_kept_beside_the_site(room: Room, tmp_path: Path) -> None:
    def body(day: int) -> str:
        return "Zeit;Zähler 1\n" + quarter_hours(
            wall(2026, 3, day), 96,
            lambda n, t: f"{t:%d/%m/%Y %H:%M};1,{n % 5:03}",
        )  # fmt: skip

    error = room.refused(body(2))
    assert asked(error) == ["decimal", "dates", "meters", "stamp"]
    error = room.refused(body(2), "decimal=comma dates=dmy holds=intervals")
    assert asked(error) == ["meters", "stamp"]
    found = room.take(body(2), "decimal=comma dates=dmy holds=intervals stamp=end",
                      **{"Zähler 1": "b.hall-a"})  # fmt: skip
    assert found.kept
    kept = (tmp_path / "readings.yaml").read_text()
    assert "zeit | zähler 1" in kept
    again = room.take(body(3))
    assert again[:2] == (96, 0)
    assert not again.kept
    assert (tmp_path / "readings.yaml").read_text() == kept


def test_a_header_alone_does_not_make_a_kind(room: Room) -> None:
    """Many a logger's header is the same: what was said of one is not believed of another."""

    def body(device: str, day: int) -> str:
        return f"{device},\nCreated: {day}.3.2026,\nTime,kWh\n" + quarter_hours(
            wall(2026, 3, day), 8, lambda n, t: f"{t:%Y-%m-%d %H:%M},{n % 3}"
        )

    room.take(body("Logger 7", 2), "holds=intervals stamp=end", **{"*": "b.hall-a"})
    assert room.take(body("Logger 7", 3)).added == 8
    with pytest.raises(NotTaken):
        room.take(body("Power recorder", 4))


def test_a_broken_readings_yaml_is_named_by_line(room: Room, tmp_path: Path) -> None:
    (tmp_path / "readings.yaml").write_text("files:\n  a: {header: x, decimal: semicolon}\n")
    with pytest.raises(InvalidInput, match="readings.yaml cannot be used") as caught:
        room.take("meter,time,reading\nb.hall-a,2026-03-02 08:00,1\n")
    assert str(caught.value.problems[0]).startswith("readings.yaml:2:")


def test_a_file_that_does_not_name_its_meter(room: Room) -> None:
    body = "Interval start,kWh\n" + quarter_hours(
        DAY, 8, lambda n, t: f"{t:%Y-%m-%d %H:%M},{n % 3}"
    )
    assert asked(room.refused(body, "holds=intervals")) == ["meters"]
    found = room.take(body, "holds=intervals", **{"*": "b.hall-a"})
    assert found.added == 8
    with pytest.raises(NotTaken) as caught:
        room.take(body, **{"*": "b.hall-c"})
    assert "no meter 'b.hall-c'" in str(caught.value.problems[0])


def test_a_long_table_of_several_meters_and_channels(room: Room) -> None:
    lines = [
        f"{name},{t},{unit},{value}"
        for t in ("2026-03-02 00:00", "2026-03-02 00:15", "2026-03-02 00:30")
        for name, unit, value in (("HA", "kWh", "1.5"), ("HB", "Wh", "2500"), ("HX", "kWh", "9"))
    ]
    body = "device,interval start,unit,value\n" + "\n".join(lines)
    error = room.refused(body, "holds=intervals")
    assert [q.about for q in error.questions] == ["HA", "HB", "HX"]
    found = room.take(body, "holds=intervals", HA="b.hall-a", HB="b.hall-b", HX="-")
    assert found.added == 6
    assert [row[1] for row in room.local("b.hall-b")] == [2.5, 2.5, 2.5]


def test_one_meter_under_two_names_is_refused(room: Room) -> None:
    body = "Interval start,A,B\n" + quarter_hours(
        DAY, 8, lambda n, t: f"{t:%Y-%m-%d %H:%M},{n % 3},1"
    )
    error = room.refused(body, "holds=intervals", A="b.hall-a", B="b.hall-a")
    assert "'A' and 'B' are the same meter" in str(error.problems[0])


def test_a_unit_of_another_medium_is_refused(room: Room) -> None:
    body = "Interval start,Hall A (m3)\n2026-03-02 00:00,1\n2026-03-02 00:15,2\n"
    error = room.refused(body, "holds=intervals", **{"Hall A (m3)": "b.hall-a"})
    assert "is in m3, and b.hall-a measures kWh" in str(error.problems[0])


def test_daily_amounts_are_shared_out_and_end_with_the_local_day(room: Room) -> None:
    days = [wall(2026, 3, d) for d in (28, 29, 30)]
    body = "Date,Hall A consumption\n" + "".join(f"{d:%Y-%m-%d},{96 - d.day}\n" for d in days)
    room.take(body, **{"Hall A consumption": "b.hall-a"})
    assert len(room.local()) == 96 + 92 + 96
    assert {row[2] for row in room.local()} == {"allocated"}
    assert room.local()[0][0] == "03-28 00:00"
    assert room.local()[-1][0] == "03-30 23:45"


def test_what_the_register_measured_itself_is_counted(tmp_path: Path) -> None:
    site = site_of(tmp_path, zone="UTC")
    with Books(site) as books:
        books.read([(15 * n, 100 * n) for n in range(9)])
        books.keep()
        body = "From,To,m\n" + quarter_hours(
            DAY, 16, lambda n, t: f"{t:%Y-%m-%d %H:%M},{t + timedelta(minutes=15):%Y-%m-%d %H:%M},2"
        )
        found = import_readings(site, books.ledger, put(tmp_path, body), ME)
        assert found.series[0].beneath == 8
        books.keep()
        assert [row[1] for row in books.shown()] == [1.0] * 8 + [2.0] * 8
