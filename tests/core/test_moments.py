"""Moments as people write them, in zones whose clocks change and in one whose do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bms.core.errors import InvalidInput
from bms.core.moments import coming, past

SHANGHAI, BERLIN, LORD_HOWE = "Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe"


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "now", "zone", "expected"),
    [
        ("18:30", "2026-07-01T09:00+08:00", SHANGHAI, "2026-07-01T18:30+08:00"),
        ("18:30", "2026-07-01T18:30+08:00", SHANGHAI, "2026-07-02T18:30+08:00"),
        ("8:05", "2026-07-01T09:00+08:00", SHANGHAI, "2026-07-02T08:05+08:00"),
        ("24:00", "2026-07-01T09:00+08:00", SHANGHAI, "2026-07-02T00:00+08:00"),
        ("tomorrow 07:00", "2026-12-31T23:59+08:00", SHANGHAI, "2027-01-01T07:00+08:00"),
        ("明天 07:00", "2026-07-01T09:00+08:00", SHANGHAI, "2026-07-02T07:00+08:00"),
        ("2026-07-01T18:30", "2026-07-01T09:00+08:00", SHANGHAI, "2026-07-01T18:30+08:00"),
        ("2026-07-01 18:30", "2026-07-01T09:00+08:00", SHANGHAI, "2026-07-01T18:30+08:00"),
        ("2026-07-01T18:30Z", "2026-07-01T09:00+08:00", SHANGHAI, "2026-07-01T18:30+00:00"),
        # The site's day, not UTC's.
        ("today 00:30", "2026-06-30T16:10+00:00", SHANGHAI, "2026-07-01T00:30+08:00"),
        # Clocks go back at 03:00 summer time: 02:30 comes twice.
        ("02:30", "2026-10-25T01:00+02:00", BERLIN, "2026-10-25T02:30+02:00"),
        ("02:30", "2026-10-25T02:45+02:00", BERLIN, "2026-10-25T02:30+01:00"),
        ("02:30", "2026-10-25T02:45+01:00", BERLIN, "2026-10-26T02:30+01:00"),
        ("2026-10-25T02:30+01:00", "2026-10-25T01:00+02:00", BERLIN, "2026-10-25T02:30+01:00"),
        # ... and forward at 02:00: the gap is of no concern to other days and times.
        ("02:30", "2026-03-29T09:00+02:00", BERLIN, "2026-03-30T02:30+02:00"),
        ("03:00", "2026-03-29T01:59+01:00", BERLIN, "2026-03-29T03:00+02:00"),
        ("tomorrow 07:00", "2026-03-28T12:00+01:00", BERLIN, "2026-03-29T07:00+02:00"),
        # Lord Howe's clocks change by half an hour.
        ("01:45", "2026-04-05T01:50+11:00", LORD_HOWE, "2026-04-05T01:45+10:30"),
    ],
)
def test_what_is_to_come(text: str, now: str, zone: str, expected: str) -> None:
    assert coming(text, _at(now), zone) == _at(expected)


@pytest.mark.parametrize(
    ("text", "now", "zone", "says"),
    [
        ("02:30", "2026-03-29T00:30+01:00", BERLIN, "no 02:30 on Sun 2026-03-29.*write 03:30"),
        ("02:30", "2026-03-28T12:00+01:00", BERLIN, "no 02:30 on Sun 2026-03-29"),
        ("tomorrow 02:30", "2026-03-28T12:00+01:00", BERLIN, "the clocks go forward"),
        ("2026-03-29T02:30", "2026-03-28T12:00+01:00", BERLIN, "write 03:30"),
        ("today 08:00", "2026-07-01T09:00+08:00", SHANGHAI, "in the past"),
        ("2020-01-01T00:00", "2026-07-01T09:00+08:00", SHANGHAI, "in the past"),
        ("25:00", "2026-07-01T09:00+08:00", SHANGHAI, "no time of day"),
        ("18:60", "2026-07-01T09:00+08:00", SHANGHAI, "no time of day"),
        ("24:01", "2026-07-01T09:00+08:00", SHANGHAI, "no time of day"),
        ("2026-07-01", "2026-06-01T09:00+08:00", SHANGHAI, "no moment; write 18:30"),
        ("2026-07-01T", "2026-06-01T09:00+08:00", SHANGHAI, "no moment"),
        ("for ever", "2026-06-01T09:00+08:00", SHANGHAI, "end-of-block"),
        ("", "2026-06-01T09:00+08:00", SHANGHAI, "no moment"),
        ("9999-01-01T00:00", "2026-06-01T09:00+08:00", SHANGHAI, "2200"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, now: str, zone: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        coming(text, _at(now), zone)


@pytest.mark.parametrize(
    ("text", "now", "zone", "expected"),
    [
        ("18:30", "2026-07-01T09:00+08:00", SHANGHAI, "2026-06-30T18:30+08:00"),
        ("09:00", "2026-07-01T09:00+08:00", SHANGHAI, "2026-07-01T09:00+08:00"),
        ("yesterday 07:00", "2026-07-01T09:00+08:00", SHANGHAI, "2026-06-30T07:00+08:00"),
        ("02:30", "2026-10-25T09:00+01:00", BERLIN, "2026-10-25T02:30+01:00"),
        ("02:30", "2026-10-25T02:40+02:00", BERLIN, "2026-10-25T02:30+02:00"),
        ("02:30", "2026-03-30T01:00+02:00", BERLIN, None),
        ("tomorrow 07:00", "2026-07-01T09:00+08:00", SHANGHAI, None),
    ],
)
def test_what_has_been(text: str, now: str, zone: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(InvalidInput):
            past(text, _at(now), zone)
    else:
        assert past(text, _at(now), zone) == _at(expected)


@given(
    zone=st.sampled_from([SHANGHAI, BERLIN, LORD_HOWE, "America/St_Johns", "Africa/Casablanca"]),
    minute=st.integers(0, 366 * 1440 - 1),
    clock=st.integers(0, 1439),
)
def test_a_time_of_day_is_the_first_that_clocks_show(zone: str, minute: int, clock: int) -> None:
    """Against a brute-force search, minute by minute."""
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    text = f"{clock // 60:02}:{clock % 60:02}"
    place = ZoneInfo(zone)
    local = now.astimezone(place)
    wanted = next(
        (
            m
            for i in range(1, 2 * 1440 + 120)
            if f"{(m := now + timedelta(minutes=i)).astimezone(place):%H:%M}" == text
        ),
        None,
    )
    try:
        found = coming(text, now, zone)
    except InvalidInput:
        # Refused only where the next such time is one that the clocks skip.
        skipped = local.date() + timedelta(days=0 if text > f"{local:%H:%M}" else 1)
        gap = datetime.combine(skipped, datetime.strptime(text, "%H:%M").time(), place)  # noqa: DTZ007
        assert f"{gap.astimezone(UTC).astimezone(place):%H:%M}" != text
    else:
        assert found == wanted
