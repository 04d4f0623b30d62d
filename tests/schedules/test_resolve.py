"""What is in force, when it changes and what comes: against an oracle, and case by case."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schedules.answering.resolve import Resolver
from schedules.files.folder import load
from schedules.library import Change, Entry
from tests.schedules.oracle import Drawn, drawn_schedules
from tests.schedules.site import CALENDAR, FILES, OFFICE, edited

_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)

# The clock changes of a year (UTC); for a zone without any, new year and a leap day.
_CHANGES = {
    "Europe/Berlin": [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)],
    "America/New_York": [
        datetime(2026, 3, 8, 7, tzinfo=UTC),
        datetime(2026, 11, 1, 6, tzinfo=UTC),
    ],
    "Australia/Lord_Howe": [
        datetime(2026, 4, 4, 15, tzinfo=UTC),
        datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    ],
    "Asia/Shanghai": [
        datetime(2026, 12, 31, 16, tzinfo=UTC),
        datetime(2028, 2, 28, 16, tzinfo=UTC),
    ],
}
_DAYS = [change.date() for changes in _CHANGES.values() for change in changes]


def _resolver(files: dict[str, str], zone: str = "Asia/Shanghai") -> Resolver:
    library, problems = load(files)
    assert library is not None, [str(p) for p in problems]
    resolver = library.resolver("hq.offices", zone)
    assert resolver is not None
    return resolver


def _plain(blocks: str, zone: str) -> Resolver:
    text = (
        "schedule: plain\ngoverns: [hq.offices]\notherwise: {mode: off}\n"
        f"week: {{any: {{daily: [{blocks}]}}}}\n"
    )
    return _resolver({"schedules/plain.yaml": text}, zone)


def test_the_changes_are_changes() -> None:
    for zone, changes in _CHANGES.items():
        for change in changes:
            before, after = (change - _SECOND, change)
            offsets = {at.astimezone(ZoneInfo(zone)).utcoffset() for at in (before, after)}
            assert len(offsets) == (1 if zone == "Asia/Shanghai" else 2)


# --- properties ------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", sorted(_CHANGES))
@settings(max_examples=12)
@given(drawn=drawn_schedules(_DAYS), hours=st.integers(3, 26))
def test_the_answer_of_every_minute_is_the_oracles(zone: str, drawn: Drawn, hours: int) -> None:
    resolver = drawn.resolver(zone)
    for change in _CHANGES[zone]:
        start = change - timedelta(hours=hours)
        for n in range(60 * (hours + 27)):
            at = start + n * _MINUTE
            wall = at.astimezone(ZoneInfo(zone))
            entry = resolver.in_force(at)
            mode, value, why, season, beaten = drawn.answer(at)
            assert (entry.mode, entry.setpoints["n"]) == (mode, value), wall
            assert entry.reason.startswith(why), wall
            assert entry.season == season, wall
            assert [layer.setpoints["n"] for layer in entry.beaten] == beaten, wall
            effective = resolver.effective(at)
            assert (effective.mode, effective.setpoints) == drawn.effective(at), wall
            given = resolver.overlay(at)
            assert (given is None) == (
                not any(drawn.given(n, at) for n in range(len(drawn.overlays)))
            )


@pytest.mark.parametrize("zone", sorted(_CHANGES))
@settings(max_examples=12)
@given(drawn=drawn_schedules(_DAYS), data=st.data())
def test_changes_and_preview_are_what_stepping_finds(
    zone: str, drawn: Drawn, data: st.DataObject
) -> None:
    resolver = drawn.resolver(zone)
    for change in _CHANGES[zone]:
        local = (change - timedelta(days=1)).astimezone(ZoneInfo(zone)).date()
        stretches = resolver.preview(local, 3)
        start, end = stretches[0].start, stretches[-1].end
        assert f"{start.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}" == f"{local} 00:00:00"
        assert (end.astimezone(ZoneInfo(zone)).date() - local).days == 3
        stepped: list[tuple[datetime, Entry]] = []
        at = start
        while at < end:
            entry = resolver.effective(at)
            if not stepped or stepped[-1][1] != entry:
                stepped.append((at, entry))
            at += _MINUTE
        assert [(s.start, s.entry) for s in stretches] == stepped
        assert [s.end for s in stretches[:-1]] == [s.start for s in stretches[1:]]
        minutes = int((end - start) / _MINUTE)
        for _ in range(8):
            now = start + data.draw(st.integers(0, 60 * minutes - 1)) * _SECOND
            later = [(when, entry) for when, entry in stepped if when > now]
            found = resolver.next_change(now, horizon_days=30)
            if later:
                assert found == Change(*later[0])
            elif found is not None:
                assert found.time >= end
                assert resolver.effective(found.time - _SECOND) == resolver.effective(now)
                assert resolver.effective(found.time) == found.entry != resolver.effective(now)


@settings(max_examples=20)
@given(drawn=drawn_schedules(_DAYS))
def test_answers_do_not_depend_on_what_was_asked_before(drawn: Drawn) -> None:
    asked, fresh = drawn.resolver("Europe/Berlin"), drawn.resolver("Europe/Berlin")
    asked.preview(date(2026, 1, 1), 40)
    for change in reversed(_CHANGES["Europe/Berlin"]):
        assert asked.in_force(change) == fresh.in_force(change)
        assert asked.in_force(change).beaten == fresh.in_force(change).beaten
        assert asked.effective(change) == fresh.effective(change)
        assert asked.overlay(change) == fresh.overlay(change)
        assert asked.next_change(change, 20) == fresh.next_change(change, 20)
    files = drawn.files()
    assert load(files) == load(dict(reversed(files.items())))


@pytest.mark.slow
@pytest.mark.parametrize("zone", sorted(_CHANGES))
@settings(max_examples=2, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
@given(drawn=drawn_schedules([*_DAYS, date(2027, 6, 1), date(2028, 2, 29)]))
def test_every_minute_of_two_years_is_the_oracles(zone: str, drawn: Drawn) -> None:
    """From 2026-12-01 over two years: a leap day, and all clock changes of each."""
    resolver = drawn.resolver(zone)
    at, end = datetime(2026, 12, 1, tzinfo=UTC), datetime(2028, 12, 1, tzinfo=UTC)
    change = resolver.next_change(at, 800)
    before = resolver.effective(at)
    while at < end:
        entry = resolver.in_force(at)
        mode, value, why, season, _ = drawn.answer(at)
        assert (entry.mode, entry.setpoints["n"], entry.season) == (mode, value, season), at
        assert entry.reason.startswith(why), at
        effective = resolver.effective(at)
        assert (effective.mode, effective.setpoints) == drawn.effective(at), at
        if change is not None and at >= change.time:
            assert (change.time, change.entry) == (at, effective)
            change = resolver.next_change(at, 800)
        else:
            assert effective == before, at
        before = effective
        at += _MINUTE
        drawn.forget(at)


# --- reasons and origins ---------------------------------------------------------------------

_REASONS = [
    ("2026-07-01 10:00", "on", "weekly mon-fri 07:30-18:00 (summer)", 9),
    ("2026-07-01 07:29", "off", "otherwise (summer)", 5),
    ("2026-07-01 18:00", "off", "otherwise (summer)", 5),
    ("2026-07-04 10:00", "off", "otherwise (summer)", 5),
    ("2026-12-05 10:00", "on", "weekly daily 08:00-17:00 (winter)", 13),
    ("2026-10-15 17:00", "off", "otherwise (transitional)", 5),
    ("2026-08-04 10:00", "off", "exception Shutdown: replaced", 15),
    ("2026-10-02 10:00", "off", "calendar cn-2026 National Day: replaced", 16),
    ("2026-10-10 10:00", "on", "calendar cn-2026 make-up workday: as mon 08:00-17:00", 13),
    ("2026-10-10 18:00", "off", "calendar cn-2026 make-up workday: as mon", 17),
    ("2026-03-28 21:00", "off", "exception Earth Hour: 20:30-21:30 on top", 18),
    ("2031-03-28 21:00", "off", "exception Earth Hour: 20:30-21:30 on top", 18),
    ("2026-03-28 22:00", "off", "otherwise (transitional)", 5),
]


@pytest.mark.parametrize(("local", "mode", "reason", "line"), _REASONS)
def test_the_reason_and_the_line(local: str, mode: str, reason: str, line: int) -> None:
    zone = "Asia/Shanghai"
    now = datetime.strptime(local, "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(zone))
    entry = _resolver(FILES, zone).in_force(now)
    assert (entry.mode, entry.reason, entry.origin.line) == (mode, reason, line)
    assert entry.origin.file == OFFICE


def test_the_first_exception_decides_and_additions_lie_on_top() -> None:
    rules = [
        ("Tour", "add", "{from: 10:00, to: 12:00, mode: a}"),
        ("Party", "add", "{from: 11:00, to: 13:00, mode: b}"),
        ("Open", "replace", "{from: 09:00, to: 11:30, mode: c}"),
    ]
    lines = [
        f"  - {{name: {name}, dates: [2026-08-04], do: {do}, blocks: [{block}]}}\n"
        for name, do, block in rules
    ]
    files = edited(OFFICE, "exceptions:\n", "exceptions:\n" + "".join(lines))
    stretches = _resolver(files).preview(date(2026, 8, 4), 1)
    zone = ZoneInfo("Asia/Shanghai")
    assert [
        (f"{s.start.astimezone(zone):%H:%M}", s.entry.mode, s.entry.reason) for s in stretches
    ] == [
        ("00:00", "off", "exception Open: replaced"),
        ("09:00", "c", "exception Open: replaced 09:00-11:30"),
        ("10:00", "a", "exception Tour: 10:00-12:00 on top"),
        ("12:00", "b", "exception Party: 11:00-13:00 on top"),
        ("13:00", "off", "exception Open: replaced"),
    ]


def test_a_named_calendar_exception_says_both_names() -> None:
    files = edited(
        OFFICE,
        "{calendar: cn-2026, entries: holiday",
        "{name: Closed, calendar: cn-2026, entries: holiday",
    )
    entry = _resolver(files).in_force(datetime(2026, 10, 2, tzinfo=UTC))
    assert entry.reason == "exception Closed (calendar cn-2026 National Day): replaced"


def test_a_night_block_runs_into_a_replaced_day_and_yields_to_the_days_own_blocks() -> None:
    files = edited(
        OFFICE,
        "    sat: []\n",
        "    sat:\n      - {from: 05:00, to: 06:00, mode: sat}\n",
    )
    files[OFFICE] = files[OFFICE].replace("from: 07:30, to: 18:00", "from: 22:00, to: 04:30")
    resolver = _resolver(files)
    zone = ZoneInfo("Asia/Shanghai")
    replaced = resolver.in_force(datetime(2026, 8, 3, 3, tzinfo=zone))
    assert (replaced.mode, replaced.reason) == ("off", "exception Shutdown: replaced")
    tail = resolver.in_force(datetime(2026, 9, 19, 3, tzinfo=zone))
    assert tail.reason == "weekly mon-fri 22:00-04:30 (summer)"
    into = edited(OFFICE, "2026-08-03..2026-08-05", "2026-08-08")
    into[OFFICE] = into[OFFICE].replace("from: 07:30, to: 18:00", "from: 22:00, to: 06:00")
    into[OFFICE] = into[OFFICE].replace(
        "do: replace, blocks: []}\n  - {calendar: cn-2026, entries: holiday",
        "do: replace, blocks: [{from: 04:00, to: 05:00, mode: x}]}\n"
        "  - {calendar: cn-2026, entries: holiday",
    )
    found = _resolver(into).preview(date(2026, 8, 8), 1)
    assert [(f"{s.start.astimezone(zone):%H:%M}", s.entry.reason) for s in found] == [
        ("00:00", "weekly mon-fri 22:00-06:00 (summer)"),
        ("04:00", "exception Shutdown: replaced 04:00-05:00"),
        ("05:00", "weekly mon-fri 22:00-06:00 (summer)"),
        ("06:00", "exception Shutdown: replaced"),
    ]


def test_a_night_block_of_the_last_day_of_a_season_belongs_to_it_until_it_ends() -> None:
    files = edited(OFFICE, "{from: 07:30, to: 18:00", "{from: 22:00, to: 06:00")
    files[OFFICE] = files[OFFICE].replace("mon-fri", "daily").replace("    sat: []\n", "")
    files[CALENDAR] = files[CALENDAR].replace("2026-10-01..", "2026-10-03..")
    change = _resolver(files).next_change(
        datetime(2026, 9, 30, 23, tzinfo=ZoneInfo("Asia/Shanghai"))
    )
    assert change is not None
    assert change.time.astimezone(ZoneInfo("Asia/Shanghai")).isoformat()[:16] == "2026-10-01T06:00"
    assert change.entry.season == "transitional"


def test_nothing_happens_at_midnight_by_itself() -> None:
    resolver = _plain("{from: 00:00, to: 24:00, mode: on}", "Europe/Berlin")
    assert resolver.next_change(datetime(2026, 3, 1, tzinfo=UTC)) is None
    assert len(resolver.preview(date(2026, 3, 20), 300)) == 1


# --- clock changes ---------------------------------------------------------------------------


def test_a_block_in_the_repeated_hour_runs_twice() -> None:
    resolver = _plain("{from: 02:15, to: 02:45, mode: on}", "Europe/Berlin")
    begins = [s.start for s in resolver.preview(date(2026, 10, 25), 1) if s.entry.mode == "on"]
    assert begins == [
        datetime(2026, 10, 25, 0, 15, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 15, tzinfo=UTC),
    ]


def test_a_block_in_the_skipped_hour_does_not_happen() -> None:
    resolver = _plain("{from: 02:15, to: 02:45, mode: on}", "Europe/Berlin")
    assert [s.entry.mode for s in resolver.preview(date(2026, 3, 29), 1)] == ["off"]
    change = resolver.next_change(datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert change is not None
    assert change.time == datetime(2026, 3, 30, 0, 15, tzinfo=UTC)


def test_a_block_that_begins_in_the_skipped_hour_begins_with_the_change() -> None:
    resolver = _plain("{from: 02:15, to: 05:00, mode: on}", "Europe/Berlin")
    change = resolver.next_change(datetime(2026, 3, 29, 0, 59, 59, 999999, tzinfo=UTC))
    assert change is not None
    assert change.time == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_block_that_ends_in_the_repeated_hour_is_on_again_when_it_repeats() -> None:
    resolver = _plain("{from: 01:00, to: 02:30, mode: on}", "Europe/Berlin")
    modes = [
        (s.start.hour, s.start.minute, s.entry.mode)
        for s in resolver.preview(date(2026, 10, 25), 1)
    ]
    assert modes == [(22, 0, "off"), (23, 0, "on"), (0, 30, "off"), (1, 0, "on"), (1, 30, "off")]


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        # midnight itself is skipped, or comes twice
        ("Africa/Cairo", date(2024, 4, 26), datetime(2024, 4, 25, 22, tzinfo=UTC), 23),
        ("Africa/Cairo", date(2024, 11, 1), datetime(2024, 10, 31, 22, tzinfo=UTC), 24),
        ("Africa/Cairo", date(2024, 10, 31), datetime(2024, 10, 30, 21, tzinfo=UTC), 25),
        # midnight lies within the skipped hour
        ("America/Toronto", date(1919, 3, 31), datetime(1919, 3, 31, 4, 30, tzinfo=UTC), 23.5),
        # a change at one minute past midnight, back into the day before
        ("America/Goose_Bay", date(2010, 11, 7), datetime(2010, 11, 7, 3, tzinfo=UTC), 25),
        # a whole day that never was
        ("Pacific/Apia", date(2011, 12, 29), datetime(2011, 12, 29, 10, tzinfo=UTC), 24),
        ("Pacific/Apia", date(2011, 12, 31), datetime(2011, 12, 30, 10, tzinfo=UTC), 24),
        # clocks that were put back by seconds
        ("Asia/Shanghai", date(1901, 1, 1), datetime(1900, 12, 31, 16, tzinfo=UTC), 24),
    ],
)
def test_odd_days(zone: str, day: date, start: datetime, hours: float) -> None:
    resolver = _plain("{from: 00:00, to: 00:30, mode: on}, {from: 23:15, to: 24:00, mode: x}", zone)
    stretches = resolver.preview(day, 1)
    assert stretches[0].start == start
    assert stretches[-1].end == start + timedelta(hours=hours)
    for stretch in stretches:
        assert resolver.in_force(stretch.start) == stretch.entry
        assert resolver.in_force(stretch.end - _SECOND) == stretch.entry
    for stretch, following in pairwise(stretches):
        assert resolver.next_change(stretch.start) == Change(following.start, following.entry)


def test_a_day_that_never_was_has_no_preview() -> None:
    assert _plain("", "Pacific/Apia").preview(date(2011, 12, 30), 1) == []


def test_a_zone_whose_offset_has_seconds() -> None:
    resolver = _plain("{from: 07:30, to: 08:00, mode: on}", "Africa/Monrovia")
    change = resolver.next_change(datetime(1971, 6, 1, tzinfo=UTC))
    assert change is not None
    assert change.time == datetime(1971, 6, 1, 8, 14, 30, tzinfo=UTC)


# --- arguments -------------------------------------------------------------------------------


def test_instants_need_a_zone() -> None:
    resolver = _resolver(FILES)
    naive = datetime(2026, 7, 1)  # noqa: DTZ001
    for ask in (resolver.in_force, resolver.next_change, lambda at: resolver.preview(at, 1)):
        with pytest.raises(ValueError, match="time zone"):
            ask(naive)


def test_instants_may_be_in_any_zone_and_answers_are_utc() -> None:
    resolver = _resolver(FILES)
    now = datetime(2026, 7, 1, 2, 30, tzinfo=UTC)
    elsewhere = now.astimezone(ZoneInfo("America/New_York"))
    assert resolver.in_force(now) == resolver.in_force(elsewhere)
    assert resolver.next_change(now) == resolver.next_change(elsewhere)
    assert resolver.preview(now, 2) == resolver.preview(elsewhere, 2)
    assert resolver.preview(now, 2) == resolver.preview(date(2026, 7, 1), 2)
    change = resolver.next_change(elsewhere)
    assert change is not None
    assert change.time.tzinfo is UTC


def test_next_change_stays_within_the_horizon() -> None:
    resolver = _resolver(FILES)
    now = datetime(2026, 7, 3, 12, tzinfo=UTC)  # Friday evening; Monday 07:30 comes 59.5 h later
    assert resolver.next_change(now, horizon_days=2) is None
    change = resolver.next_change(now, horizon_days=3)
    assert change is not None
    assert change.time == datetime(2026, 7, 5, 23, 30, tzinfo=UTC)


def test_groups_of_one_schedule_share_a_resolver() -> None:
    library, _ = load(FILES)
    assert library is not None
    one = library.resolver("hq.offices", "Asia/Shanghai")
    assert one is library.resolver("hq.lobby", "Asia/Shanghai")
    assert one is not library.resolver("hq.lobby", "Europe/Berlin")
    assert library.resolver("hq.unknown", "Asia/Shanghai") is None


def test_a_preview_of_no_days_is_empty() -> None:
    assert _resolver(FILES).preview(date(2026, 7, 1), 0) == []
