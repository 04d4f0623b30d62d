"""Exports of loggers and utilities, each taken with what a person has to say of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bms.ledger.entered.errors import NotTaken
from tests.ledger.files.corpus import quarter_hours
from tests.ledger.files.test_intake import DAY, Room, asked, wall


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with Room(tmp_path) as made:
        yield made


def later(minutes: int) -> timedelta:
    return timedelta(minutes=minutes)


def clocks(step: int, ends: bool = False) -> list[str]:
    return [f"{m // 60:02}:{m % 60:02}" for m in range(step if ends else 0, 1440 + ends, step)]


@dataclass(frozen=True)
class Make:
    """A file, what is asked of it, and what it must come to in kWh by the base's clock."""

    body: str
    total: float
    asked: str
    """Keys of the questions, in order."""
    say: str = ""
    first: str = "03-02 00:00"
    meters: dict[str, str] = field(default_factory=lambda: {"*": "b.hall-a"})


MATRIX = [n % 9 + 0.5 for n in range(96)]
HALVES = [n % 9 + 0.5 for n in range(48)]
HOURS = [n % 9 + 0.5 for n in range(24)]
PERIODS = [f"{a} - {b}" for a, b in zip(clocks(30), clocks(30, ends=True), strict=True)]


def row(values: list[float], separator: str = ",") -> str:
    texts = [f"{value:g}" for value in values]
    return separator.join(t.replace(".", ",") if separator == ";" else t for t in texts)


MAKES = {
    "California, with the last minute of each interval": Make(
        'Name,JANE DOE\nAddress,"1 MAIN ST, OAKLAND"\nAccount Number,123456\nService,1\n\n'
        "TYPE,DATE,START TIME,END TIME,USAGE (kWh),COST,NOTES\n"
        + quarter_hours(DAY, 96, lambda n, t: f"Electric usage,{t:%Y-%m-%d},{t:%H:%M},"
                        f"{t + later(14):%H:%M},{n % 9}.5,$0.04,"),
        sum(MATRIX), "meters"),
    "New York, dates with the month first": Make(
        "Name,X\n\nTYPE,DATE,START TIME,END TIME,USAGE,UNITS,COST,NOTES\n"
        + quarter_hours(DAY, 24, lambda n, t: f"Electric usage,{t:%m/%d/%Y},{t:%H:%M},"
                        f"{t + later(59):%H:%M},{n % 9}.5,kWh,$0.04,", 60),
        sum(HOURS), "dates meters", "dates=mdy"),
    "Los Angeles, periods in one cell and a quality": Make(
        "Energy Usage Information\nFor location: 1 Main St\nMeter Number: 222013-000\n\n"
        '"Energy consumption time period","Usage (kWh)","Reading quality"\n'
        + quarter_hours(DAY, 24, lambda n, t: f'"{t:%Y-%m-%d %H:%M:%S} to '
                        f'{t + later(60):%Y-%m-%d %H:%M:%S}","{n % 9}.5",""', 60),
        sum(HOURS), "meters"),
    "Texas, numbers kept as texts": Make(
        "ESIID,USAGE_DATE,REVISION_DATE,USAGE_START_TIME,USAGE_END_TIME,USAGE_KWH,"
        "ESTIMATED_ACTUAL,CONSUMPTION_SURPLUSGENERATION\n"
        + quarter_hours(DAY, 96, lambda n, t: f"'10443720001,{t:%m/%d/%Y},03/04/2026 10:11:12, "
                        f"{t:%H:%M}, {t + later(15):%H:%M},{n % 9}.5,A,Consumption"),
        sum(MATRIX), "dates meters", "dates=mdy"),
    "Texas, hours ending": Make(
        "Meter,Date," + ",".join(f"HE{n:02}" for n in range(1, 25)) + "\n"
        f"M1,3/13/2026,{row(HOURS)}\nM1,3/14/2026,{row(HOURS)}\n",
        2 * sum(HOURS), "meters", first="03-13 00:00"),
    "Britain, ISO times with an offset": Make(
        "Consumption (kWh), Start, End\n"
        + quarter_hours(DAY, 48, lambda n, t: f" {n % 9}.5, {t:%Y-%m-%dT%H:%M:%S}+01:00, "
                        f"{t + later(30):%Y-%m-%dT%H:%M:%S}+01:00", 30),
        sum(HALVES), "meters"),
    "Britain, half hours by number": Make(
        "MPAN,MeterId,Date," + ",".join(f"HH{n}" for n in range(1, 49)) + "\n"
        f"1200012345678,S1,13/03/2026,{row(HALVES)}\n1200012345678,S1,14/03/2026,{row(HALVES)}\n",
        2 * sum(HALVES), "meters", first="03-13 00:00"),
    "Britain, in UTC": Make(
        "timestamp (UTC),energyConsumption (kWh)\n"
        + quarter_hours(DAY, 48, lambda n, t: f"{t:%Y-%m-%d %H:%M},{n % 9}.5", 30),
        sum(HALVES), "meters stamp", "stamp=start zone=UTC", first="03-02 01:00"),
    "Australia, a day per line and two directions": Make(
        "NMI,METER SERIAL NUMBER,CON/GEN,DATE,ESTIMATED?," + ",".join(PERIODS) + "\n"
        + "".join(f"6123,S1,{way},2026030{day},No,{row(HALVES)}\n"
                  for day in (2, 3) for way in ("Consumption", "Generation")),
        2 * sum(HALVES), "meters meters",
        meters={"6123/Consumption": "b.hall-a", "6123/Generation": "-"}),
    "Germany, mean power by two dates and two times": Make(
        "Ab-Datum;Ab-Zeit;Bis-Datum;Bis-Zeit;Profilwert kW;Status\n"
        + quarter_hours(DAY, 96, lambda n, t: f"{t:%d.%m.%Y};{t:%H:%M};{t + later(15):%d.%m.%Y};"
                        f"{t + later(15):%H:%M};{n % 9},5;W"),
        sum(MATRIX) / 4, "meters holds", "holds=power"),
    "Germany, a letter for the state": Make(
        "Zählpunkt;DE00012345\nOBIS;1-1:1.29.0\nEinheit;kWh\n\nZeitstempel;Wert;Status\n"
        + quarter_hours(DAY, 96, lambda n, t: f"{t + later(15):%d.%m.%Y %H:%M};{n % 9},5;W"),
        sum(MATRIX), "meters"),
    "Germany, a power quality meter": Make(
        "Start time;End time;Real energy consumed L1-L3 [Wh]\n"
        + quarter_hours(DAY, 96, lambda n, t: f"{t:%d.%m.%Y %H:%M:%S};"
                        f"{t + later(15):%d.%m.%Y %H:%M:%S};{n % 9}500,0"),
        sum(MATRIX), "meters"),
    "France, watts said in a table before the table": Make(
        "Identifiant PRM;Date de début;Date de fin;Grandeur physique;Unité\n"
        "12345678901234;02/03/2026;03/03/2026;Energie active;W\nHorodate;Valeur\n"
        + quarter_hours(DAY, 48, lambda n, t: f"{t + later(30):%Y-%m-%dT%H:%M:%S}+01:00;"
                        f"{n % 9}500", 30),
        sum(HALVES) / 2, "meters holds", "holds=power stamp=end"),
    "Spain, hours counted from 1": Make(
        "CUPS;Fecha;Hora;AE_kWh;REAL/ESTIMADO\n"
        + quarter_hours(DAY, 24, lambda n, t: f"ES0031;{t:%d/%m/%Y};{n + 1};{n % 9},5;R", 60),
        sum(HOURS), "dates meters", "dates=dmy"),
    "Spain, hours that end at 24:00": Make(
        "cups,fecha,hora,consumo_kWh,metodoObtencion\n"
        + quarter_hours(DAY, 24, lambda n, t: f'ES0031,{t:%Y/%m/%d},{n + 1:02}:00,"{n % 9},5",Real',
                        60),
        sum(HOURS), "meters"),
    "Italy, a day per line": Make(
        "Giorno;" + ";".join(f"{a}-{b}" for a, b in zip(clocks(15), clocks(15, ends=True),
                                                       strict=True))
        + f"\n13/03/2026;{row(MATRIX, ';')}\n14/03/2026;{row(MATRIX, ';')}\n",
        2 * sum(MATRIX), "meters", first="03-13 00:00"),
    "China, 96 points and a ratio": Make(
        "用户编号,户名,数据日期,倍率," + ",".join(clocks(15, ends=True)) + "\n"
        + "".join(f"3310001,某某公司,2026-03-0{d},80,{row(MATRIX)}\n" for d in (2, 3)),
        160 * sum(MATRIX), "ratio meters", "ratio=apply"),
    "China, registers beside registers": Make(
        "导出时间:2026-03-05 10:00:00\n序号,表号,抄表时间,正向有功总(kWh),反向有功总(kWh),倍率\n"
        + quarter_hours(DAY, 50, lambda n, t: f"{n + 1},33001,{t:%Y-%m-%d %H:%M:%S},"
                        f"{1000 + n * 1.5:.2f},0.00,80"),
        49 * 1.5, "ratio meters meters holds", "ratio=ignore",
        meters={"33001/正向有功总(kWh)": "b.hall-a", "反向有功总(kWh)": "-"}),
    "China, a header of two rows": Make(
        "时间,1#进线,,2#进线,\n,正向有功(kWh),反向有功(kWh),正向有功(kWh),反向有功(kWh)\n"
        + quarter_hours(DAY, 96, lambda n, t: f"{t:%Y-%m-%d %H:%M:%S},{1000 + n * 1.5},0,"
                        f"{2000 + n * 2.5},0"),
        95 * 1.5, "meters meters meters meters holds",
        meters={"1#进线 正向有功(kWh)": "b.hall-a", "1#进线 反向有功(kWh)": "-",
                "2#进线 正向有功(kWh)": "b.hall-b", "2#进线 反向有功(kWh)": "-"}),
    "a clamp-on logger": Make(
        "ELOG-19 export\nSite: X\n\nRec#,Date,End Time,Avg. kW,kWh,Avg. PF\n,,,kW,kWh,\n"
        + quarter_hours(DAY, 96, lambda n, t: f"{n + 1},{t + later(15):%d-%b-%Y},"
                        f"{t + later(15):%H:%M:%S},{n % 9}.5,{n % 9}.5,0.95"),
        sum(MATRIX), "meters"),
    "a power logger that counts on": Make(
        "POWER LOGGER PW\nVersion,1.2\nDate,Time,P_AVG[W],WP+[Wh],Status\n"
        + quarter_hours(DAY, 97, lambda n, t: f"{t:%Y/%m/%d},{t:%H:%M:%S},{n % 9}500.0,"
                        f"{1000 + n * 125}0,0"),
        96 * 1.25, "meters"),
    "a metering system in American": Make(
        '"Device","Timestamp","Active Energy Delivered (kWh)","Active Power (kW)"\n'
        + quarter_hours(DAY, 97, lambda n, t: f'"MSB.Main1","{t:%m/%d/%Y %I:%M:%S %p}",'
                        f'"{100000 + n * 12.5:,.3f}","50.1"'),
        96 * 12.5, "meters"),
    "a dashboard": Make(
        '"Time","hall-a","spare"\n'
        + quarter_hours(DAY, 96, lambda n, t: f"{t:%Y-%m-%d %H:%M:%S},{n % 9}.5 kWh,{n % 9} kWh"),
        sum(MATRIX), "meters stamp", "stamp=start", meters={"spare": "-"}),
    "no header": Make(
        quarter_hours(DAY, 96, lambda n, t: f"{t:%Y-%m-%d %H:%M},{n % 9}.5"),
        sum(MATRIX), "meters stamp", "stamp=start"),
    "days": Make(
        "Date,Energy kWh,Max °C\n" + "".join(f"2026-03-{d:02},{d * 96},21\n" for d in range(2, 20)),
        96.0 * sum(range(2, 20)), "meters holds", "holds=intervals"),
    "months": Make(
        "Month,kWh\n" + "".join(f"2025-{m:02},{m * 100}\n" for m in range(1, 13)),
        7800.0, "meters holds", "holds=intervals", first="01-01 00:00"),
    "bills": Make(
        "Start date,End date,kWh\n2026-01-01,2026-01-31,2976\n2026-02-01,2026-02-28,2688\n",
        5664.0, "meters", first="01-01 00:00"),
}  # fmt: skip


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES.keys())
def test_exports_of_loggers_and_utilities(room: Room, make: Make) -> None:
    error = room.refused(make.body)
    assert " ".join(asked(error)) == make.asked
    room.take(make.body, make.say, **make.meters)
    found = room.local()
    assert found[0][0] == make.first
    assert sum(amount for _, amount, _ in found) == pytest.approx(make.total)
    # What was said is kept: the same file asks nothing and changes nothing.
    assert room.take(make.body).added == 0


def test_counted_hours_run_through_the_double_hour(room: Room) -> None:
    day = wall(2025, 10, 26)
    body = "CUPS;Fecha;Hora;AE_kWh\n" + "".join(
        f"E;{day:%Y/%m/%d};{n};{n},5\n" for n in range(1, 26)
    )
    room.take(body, E="b.hall-a")
    slots = room.slots("b.hall-a")
    assert len(slots) == 100
    assert slots[-1][0] - slots[0][0] == 99 * 900_000


def test_lines_that_say_they_are_estimated(room: Room) -> None:
    body = "From,To,Hall A,Quality\n" + quarter_hours(
        DAY, 4, lambda n, t: f"{t:%Y-%m-%d %H:%M},{t + later(15):%Y-%m-%d %H:%M},1,"
        f"{'Estimated' if n == 2 else 'Actual'}"
    )  # fmt: skip
    room.take(body)
    assert [row[2] for row in room.local()] == ["measured", "measured", "estimated", "measured"]


def test_a_bill_alone_does_not_say_whether_its_last_day_counts(room: Room) -> None:
    body = "Start date,End date,kWh\n2026-01-03,2026-02-02,2976\n2026-03-05,2026-04-04,9\n"
    with pytest.raises(NotTaken) as caught:
        room.take(body, **{"*": "b.hall-a"})
    assert asked(caught.value) == ["holds", "last_day"]


def test_a_second_time_that_is_no_end_is_left_alone(room: Room) -> None:
    body = "Sampled,Received,Hall A\n" + quarter_hours(
        DAY, 8, lambda n, t: f"{t:%Y-%m-%d %H:%M:%S},{t:%Y-%m-%d %H:%M}:07,{n % 3}"
    )
    assert asked(room.refused(body, "holds=intervals")) == ["stamp"]


@pytest.mark.parametrize("day", [wall(2025, 10, 26), wall(2026, 3, 29)])
def test_both_ends_in_the_night_when_clocks_change(room: Room, day: datetime) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = day.replace(tzinfo=zone).astimezone(UTC)
    lines = []
    for n in range(24):
        one, other = (start + later(15 * n) for n in (n, n + 1))
        ends = [f"{t.astimezone(zone):%d.%m.%Y %H:%M}" for t in (one, other)]
        lines.append(f"{ends[0]};{ends[1]};{n},5")
    room.take("Von;Bis;Hall A\n" + "\n".join(lines))
    assert [(ms // 1000 - start.timestamp()) / 900 for ms, _ in room.slots("b.hall-a")] == [
        *range(24)
    ]
