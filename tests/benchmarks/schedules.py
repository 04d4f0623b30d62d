"""Schedules: many groups at one instant, a fortnight's preview of many, loading many files."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

from schedules.answering.resolve import Resolver
from schedules.files.folder import load
from schedules.library import Library
from tests.benchmarks.table import Row, median

_ZONE = "Asia/Shanghai"
_GROUPS = 10_000
_FILES = 1_000
_SEASONS = """\
seasons:
  cn-east:
    summer: [05-15..09-30]
    winter: [11-15..03-15]
    transitional: rest
"""
_CALENDAR = """\
calendar: cn
years: [2026]
entries:
  holiday:
    - {name: 元旦, dates: [2026-01-01..2026-01-03]}
    - {name: 春节, dates: [2026-02-15..2026-02-23]}
    - {name: 劳动节, dates: [2026-05-01..2026-05-05]}
    - {name: 国庆节, dates: [2026-10-01..2026-10-07]}
  workday:
    - {name: 春节调休, dates: [2026-02-14, 2026-02-28]}
    - {name: 国庆节调休, dates: [2026-09-20, 2026-10-10]}
"""
_SCHEDULE = """\
# The air handlers of hall {n}, as its people want them.
schedule: hall-{n}
title: {{zh: {n} 号厂房, en: Hall {n}}}
governs: [{groups}]
seasons: cn-east
otherwise: {{mode: "off"}}

week:
  # Half an hour before people come.
  summer:
    mon-fri:
      - {{from: "07:{m:02}", to: "12:00", mode: "on", zone_setpoint_c: 26}}
      - {{from: "13:00", to: "18:{m:02}", mode: "on", zone_setpoint_c: 26.5}}
    sat:
      - {{from: "08:00", to: "12:{m:02}", mode: "on", zone_setpoint_c: 27}}
  winter:
    mon-fri:
      - {{from: "06:{m:02}", to: "18:30", mode: "on", zone_setpoint_c: 20}}
  any:
    daily:
      - {{from: "22:00", to: "05:{m:02}", mode: "on", zone_setpoint_c: 24}}

exceptions:
  - {{calendar: cn, entries: holiday, do: replace, blocks: []}}
  - {{calendar: cn, entries: workday, do: use, day: mon}}
  - {{name: Maintenance, dates: [2026-07-{d:02}], do: replace, blocks: [], priority: 5}}
"""


def _texts(files: int, groups_each: int) -> dict[str, str]:
    texts = {"schedules/seasons.yaml": _SEASONS, "schedules/calendars/cn-2026.yaml": _CALENDAR}
    for n in range(files):
        groups = ", ".join(f"hq.g{n}-{k}" for k in range(groups_each))
        text = _SCHEDULE.format(n=n, groups=groups, m=n % 60, d=n % 28 + 1)
        texts[f"schedules/hall-{n}.yaml"] = text
    return texts


def _library(texts: dict[str, str]) -> Library:
    library, problems = load(texts)
    assert library is not None, problems[:3]
    return library


def _resolvers(library: Library) -> list[Resolver]:
    found = [library.resolver(group, _ZONE) for group in library.governed]
    return [resolver for resolver in found if resolver is not None]


def run() -> list[Row]:
    """The three figures that schedules are held to."""
    texts = _texts(_FILES, _GROUPS // _FILES)
    begin = time.perf_counter()
    library = _library(texts)
    load_s = time.perf_counter() - begin

    resolvers = _resolvers(library)
    assert len(resolvers) == _GROUPS
    now = datetime(2026, 7, 1, 2, 30, tzinfo=UTC)
    first_s = _one_cycle(resolvers, now - timedelta(days=1))
    cycles = [_one_cycle(resolvers, now + n * timedelta(seconds=1)) for n in range(7)]

    few = _resolvers(_library(_texts(500, 1)))
    assert len({id(resolver) for resolver in few}) == 500
    begin = time.perf_counter()
    stretches = sum(len(resolver.preview(date(2026, 9, 14), 14)) for resolver in few)
    preview_s = time.perf_counter() - begin
    assert stretches > 500 * 14
    micro = 1e6 / _GROUPS
    return [
        Row("schedules: answer per group and cycle", median(cycles) * micro, "us", "<= 5"),
        Row("schedules: the same, first cycle of a date", first_s * micro, "us"),
        Row("schedules: preview of 500 groups x 14 days", preview_s, "s", "<= 1"),
        Row("schedules: load and check 1,000 files", load_s, "s", "<= 5"),
    ]


def _one_cycle(resolvers: list[Resolver], now: datetime) -> float:
    begin = time.perf_counter()
    for resolver in resolvers:
        resolver.in_force(now)
    return time.perf_counter() - begin
