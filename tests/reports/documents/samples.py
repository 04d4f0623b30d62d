"""A report with one of everything, and names that somebody chose to do harm."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from bms.core.readings import Label
from bms.reports.documents.document import (
    Blank,
    Chart,
    Column,
    Document,
    Figure,
    Headline,
    Headlines,
    Kind,
    Lines,
    Name,
    Ratio,
    Receipt,
    Row,
    Section,
    Table,
    change_pct,
    difference,
    missing,
    sum_of,
)
from bms.reports.pictures.marks import Box, Dot, Picture, Stroke, Words
from bms.texts.messages import msg

SHANGHAI = ZoneInfo("Asia/Shanghai")
EVIL = "=HYPERLINK(\"http://x\")<script>alert('1')</script>"


def sample(reason: str = "") -> Document:
    """`reason`: why the flat period is missing; empty: it is known."""
    flat = (
        missing(msg("no answer from {meter}", meter=EVIL), 100, Fraction(801, 2))
        if reason
        else Figure(Fraction(2001, 2))
    )
    columns = (
        Column("period", msg("Period")),
        Column("kwh", "kWh", Kind.NUMBER, decimals=1),
        Column("last", msg("Last year"), Kind.NUMBER, "kWh", 1),
        Column("more", msg("More"), Kind.CHANGE, "kWh", 1, difference("kwh", "last")),
        Column("cost", msg("Cost"), Kind.NUMBER, "CNY", 2),
        Column("price", msg("Price"), Kind.NUMBER, "CNY/kWh", 4, Ratio("cost", "kwh")),
        Column("growth", msg("Growth"), Kind.CHANGE, "%", 1, change_pct("kwh", "last")),
    )
    rows = (
        Row("peak", {"period": msg("peak"), "kwh": Figure(2000), "last": Figure(1600),
                     "cost": Figure(Fraction(24001, 10))}),
        Row("flat", {"period": EVIL, "kwh": flat, "last": Figure(0),
                     "cost": Figure(Fraction(70035, 100), Label.ESTIMATED)}),
        Row("all", {"period": msg("Sum")}, sum_of("peak", "flat"), total=True),
    )  # fmt: skip
    table = Table(
        "tariff",
        columns,
        rows,
        msg("By period"),
        (msg("prices without tax"),),
        Chart("column", "period", ("kwh", "last"), msg("kWh by period")),
    )
    days = Table(
        "days",
        (Column("day", msg("Day"), Kind.DAY), Column("at", msg("At"), Kind.MOMENT)),
        (Row("1", {"day": date(2026, 3, 2), "at": datetime(2026, 3, 2, 14, 15, tzinfo=SHANGHAI)}),),
    )
    picture = Picture(
        "bars",
        200,
        60,
        (
            Box(0, 0, 20, 60, "load-4", tip=EVIL),
            Box(30, 0, 20, 60, "hatch"),
            Stroke(((0, 60), (200, 60)), "ink", dashed=True),
            Dot(10, 10, 3, "red"),
            Words(60, 20, EVIL),
        ),
        EVIL,
    )
    return Document(
        "month",
        msg("Month's sheet"),
        Name("park", {"zh": "演示园区", "en": "Demo park"}),
        Name("binjiang", {"zh": EVIL}),
        "2026-03",
        datetime(2026, 3, 1, tzinfo=SHANGHAI),
        datetime(2026, 4, 1, tzinfo=SHANGHAI),
        msg("{base} used {kwh} kWh", base=EVIL, kwh=3000),
        (
            Section(
                "energy",
                msg("Energy"),
                (
                    Headlines((
                        Headline("sum", msg("All"), Figure(Fraction(30005, 10)), "kWh", 1),
                        Headline("pf", msg("Power factor"), missing(msg("not metered"))),
                    )),
                    table,
                    picture,
                ),
                "kWh",
            ),
            Section("days", "a/b:[c]*", (days, Lines((EVIL,)), Blank(2))),
        ),
        Receipt("1.2.3", "ab" * 32, "cd" * 32, ("binjiang.meter",), ("zj-2024",), "",
                (msg("quarter hours of the utility's clock"),)),
        2,
        (msg("the flat period was put right"),),
        (msg("Made by"), msg("Approved by")),
    )  # fmt: skip
