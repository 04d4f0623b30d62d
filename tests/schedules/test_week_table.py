"""A week as people keep it in a spreadsheet."""

from __future__ import annotations

from typing import Any

import pytest

from bms.texts.problems import TextError
from schedules.files.week_table import number, weeks

ON = {"from": "07:00", "to": "18:00", "mode": "on"}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("day,from,to,mode\nmon-fri,07:00,18:00,on\n", {"any": {"mon-fri": [ON]}}),
        ("\ufeffday;from;to;mode\nmon-fri;07:00;18:00;on\n", {"any": {"mon-fri": [ON]}}),
        (" day , from,to,mode\n mon , 07:00 ,18:00,on", {"any": {"mon": [ON]}}),
        ("day,from,to,mode\nsat,,,\n", {"any": {"sat": []}}),
        ("day,from,to,mode\nsat\n", {"any": {"sat": []}}),
        ("day,from,to,mode\nsat,,,\nsat,07:00,18:00,on\n,,,\n", {"any": {"sat": [ON]}}),
        (
            "season,day,from,to,mode\nsummer,mon,07:00,18:00,on\n,tue,07:00,18:00,on\n",
            {"summer": {"mon": [ON]}, "any": {"tue": [ON]}},
        ),
        (
            "day,from,to,mode,speed_pct,level_pct\nmon,07:00,18:00,on,60,\n",
            {"any": {"mon": [{**ON, "speed_pct": 60}]}},
        ),
        (
            "day,from,to,mode\nmon,07:00,,\n",
            {"any": {"mon": [{"from": "07:00", "to": "", "mode": ""}]}},
        ),
        (
            "day,from,to,mode\nmon,,18:00,\n",
            {"any": {"mon": [{"from": "", "to": "18:00", "mode": ""}]}},
        ),
        (
            "day,from,to,mode\nmon,,,off\n",
            {"any": {"mon": [{"from": "", "to": "", "mode": "off"}]}},
        ),
    ],
)
def test_a_row_is_a_block(text: str, made: dict[str, Any]) -> None:
    assert weeks(text) == made


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the table has no column day, from, to, mode"),
        ("day,from,mode\n", "the table has no column to$"),
        ("day,from,to,mode\n", "the table has no rows"),
        ("day,from,to,mode\n,,,\n", "the table has no rows"),
        ("day,from,to,mode\nmon,07:00,18:00,on,60\n", "line 2 has more cells than columns"),
        ("day,from,to,mode\nmon,,,\n,07:00,18:00,on\n", "line 3 of the table names no day"),
        ('day,from,to,mode\nmon,"07:00,18:00,on\n', "line 3 of the table: unexpected end"),
        ('day,from,to,mode\nmon,"07:00"x,18:00,on\n', "line 2 of the table: "),
        ("day,from,to,mode,speed_pct\nmon,07:00,18:00,on,fast\n", "line 2, speed_pct: 'fast'"),
    ],
)
def test_a_table_that_is_none_says_where(text: str, said: str) -> None:
    with pytest.raises(TextError, match=said):
        weeks(text)


@pytest.mark.parametrize(
    ("text", "found"), [("60", 60), ("26.5", 26.5), ("26.0", 26.0), ("-3", -3), ("1e3", 1000)]
)
def test_numbers_stay_as_they_are_written(text: str, found: float) -> None:
    made = number(text, "x")
    assert (made, type(made)) == (found, type(found))


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-inf", "1e999"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(TextError, match="line 2"):
        number(text, "line 2")
