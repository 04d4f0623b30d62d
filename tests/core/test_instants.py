"""Dates and times on the command line, on days when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bms.cli.common import instant
from bms.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("zone", "text", "expected"),
    [
        ("Europe/Berlin", "2026-03-29", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("Europe/Berlin", "2026-10-25T02:30+01:00", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("Asia/Shanghai", "2026-03-28T20:30", datetime(2026, 3, 28, 12, 30, tzinfo=UTC)),
        # Clocks go forward at midnight: the day begins at 01:00.
        ("Africa/Cairo", "2026-04-24", datetime(2026, 4, 23, 22, tzinfo=UTC)),
    ],
)
def test_what_is_meant(zone: str, text: str, expected: datetime) -> None:
    assert instant(zone, text, "--at") == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("2026-03-29T02:30", "there is no 2026-03-29T02:30 in Europe/Berlin"),
        ("2026-10-25T02:30", "write 2026-10-25T02:30+02:00 or 2026-10-25T02:30+01:00"),
    ],
)
def test_what_does_not_exist_or_comes_twice_is_asked_back(text: str, part: str) -> None:
    with pytest.raises(InvalidInput, match=part.replace("+", r"\+")):
        instant("Europe/Berlin", text, "--at")
