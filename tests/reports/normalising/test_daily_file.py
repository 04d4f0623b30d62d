"""Files with one row per day: what is read, and what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bms.core.errors import InvalidInput
from bms.reports.normalising.daily_file import read_daily

FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)


def read(tmp_path: Path, text: str, column: str | None = None) -> dict[date, float]:
    path = tmp_path / "days.csv"
    path.write_bytes(text.encode("utf-8"))
    return read_daily(path, column)


@pytest.mark.parametrize(
    "text",
    [
        "day,tonnes\n2026-03-01,12.5\n2026-03-02,1300\n",
        "2026/3/1,12.5\n2026/3/2,1300\n",
        "日期;产量\n2026年3月1日;12,5\n2026年3月2日;1.300\n",
        'Production of the works\nday\ttonnes\n20260301\t12.5\n20260302\t"1,300"\n',
        "day,tonnes\n01.03.2026,12.5\n02.03.2026,1300\n",
    ],
)
def test_days_are_read_as_people_write_them(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == {FIRST: 12.5, SECOND: 1300.0}


def test_a_column_is_found_by_its_head(tmp_path: Path) -> None:
    text = "day,shift,tonnes\n2026-03-01,a,7\n2026-03-02,b,8\n"
    assert read(tmp_path, text, "tonnes") == {FIRST: 7.0, SECOND: 8.0}
    with pytest.raises(InvalidInput, match="has no column 'pieces'; it has shift, tonnes"):
        read(tmp_path, text, "pieces")


def test_an_empty_cell_is_not_known_and_no_zero(tmp_path: Path) -> None:
    assert read(tmp_path, "day,t\n2026-03-01,\n2026-03-02,0\n") == {SECOND: 0.0}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("day,t\n2026-03-01,7\n2026-03-01,8\n", "line 3: 2026-03-01 stands twice"),
        ("day,t\n2026-03-01,seven\n", "line 2: 'seven' is no number"),
        ("day,t\n2026-03-01,7\ntotal,7\n", "line 3: 'total' is no day"),
        ("month,t\n2026-03,700\n", "line 2: '2026-03' is no day"),
        ("day,t\n03/04/2026,7\n", "line 2: '03/04/2026' is no day; write 2026-03-01"),
        ("day;t\n2026-03-01;1,300\n", "'1,300' can be read in two ways"),
        ("day;t\n2026-03-01;1,30\n2026-03-02;1.20\n", "can be read in two ways"),
        ("no table at all", "no row begins with a day"),
        ("day,t\n2026-03-01,\n", "has no day with a number"),
    ],
)
def test_what_nobody_can_be_sure_of_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        read(tmp_path, text)


def test_a_missing_file_is_an_error_with_its_cause(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        read_daily(tmp_path / "nowhere.csv", None)
