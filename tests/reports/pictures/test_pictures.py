"""Pictures show what they are given, in either language, and stay within their frame."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from datetime import date, timedelta

import pytest

from bms.reports.pictures.axes import ticks
from bms.reports.pictures.carpet import Carpet, OutOfPlan, carpet
from bms.reports.pictures.duration_curve import duration_curve
from bms.reports.pictures.marks import Box, Dot, Picture, Stroke, Words
from bms.reports.pictures.svg import svg
from bms.reports.pictures.tariff_bars import Bar, tariff_bars
from bms.texts.language import speaking


def month_of_cells() -> Carpet:
    days = [date(2026, 3, 1) + timedelta(days=n) for n in range(31)]
    planned = {
        (n, half) for n, day in enumerate(days) if day.weekday() < 5 for half in range(14, 38)
    }
    kwh: dict[tuple[int, int], float | None] = {
        (n, half): 40.0 + n if (n, half) in planned else 1.0
        for n in range(31)
        for half in range(48)
    }
    kwh |= {(6, half): 30.0 for half in range(16, 32)}
    kwh |= {(30, half): None for half in range(30, 48)}
    boxes = [OutOfPlan(1, 6, 16, 32), OutOfPlan(2, 12, 42, 48)]
    return Carpet(days, kwh, planned, boxes)


def pictures() -> list[Picture]:
    bars = [
        Bar("sharp", 1200.0, "1,200 kWh", 0),
        Bar("flat", None, "between 300 and 900", 2, 300.0, 900.0),
        Bar("valley", None, "at least 10", 3, 10.0),
    ]
    rates = [500 + 400 * ((n * 37) % 100) / 100 for n in range(2976)]
    return [
        tariff_bars(bars, "kWh <by> period"),
        duration_curve(rates, "load", hours=744, contract_kw=1000),
        duration_curve([], "nothing", hours=744),
        carpet(month_of_cells(), "cold"),
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("number", range(4))
def test_a_picture_is_sound_xml_and_stays_in_its_frame(language: str, number: int) -> None:
    picture = pictures()[number]
    with speaking(language):
        root = ElementTree.fromstring(svg(picture))
    assert root.attrib["aria-label"] == picture.says
    for mark in picture.marks:
        if isinstance(mark, Box):
            corners = [(mark.x, mark.y), (mark.x + mark.width, mark.y + mark.height)]
        elif isinstance(mark, Stroke):
            corners = list(mark.points)
        elif isinstance(mark, Dot):
            corners = [(mark.x, mark.y)]
        else:
            assert isinstance(mark, Words)
            assert mark.size >= 11
            corners = [(mark.x, mark.y)]
        for x, y in corners:
            assert -0.5 <= x <= picture.width + 0.5
            assert -0.5 <= y <= picture.height + 0.5


def test_the_outline_lies_on_the_edges_of_what_is_planned() -> None:
    one = Carpet([date(2026, 3, 2)], {}, {(0, 10), (0, 11)}, ())
    lines = [m for m in carpet(one, "x").marks if isinstance(m, Stroke) and m.stroke == "accent"]
    assert len(lines) == 4
    ((left, top), (_, bottom)) = next(m.points for m in lines if m.points[0][0] == m.points[1][0])
    assert bottom - top == pytest.approx(2 * 5.5)
    assert left >= 34


def test_what_is_missing_is_hatched_up_to_its_most() -> None:
    marks = pictures()[0].marks
    hatched = [mark for mark in marks if isinstance(mark, Box) and mark.fill == "hatch"]
    known = [m for m in marks if isinstance(m, Box) and m.fill != "hatch"]
    assert len(hatched) == 2
    assert hatched[0].width == pytest.approx(known[0].width / 2)
    assert hatched[1].width > 0
    # Without the whole nobody knows a share.
    assert not any("%" in mark.text for mark in marks if isinstance(mark, Words))


@pytest.mark.parametrize(
    ("most", "last"), [(0, 1), (9, 10), (100, 100), (101, 150), (1418, 1500), (0.3, 0.3)]
)
def test_axes_end_at_round_numbers(most: float, last: float) -> None:
    found = ticks(most)
    assert found[0] == 0
    assert found[-1] == pytest.approx(last)
