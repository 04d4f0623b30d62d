"""A period compared with a database by measurement and day, and marked to be sent again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from bms.config.shapes.sinks import InfluxFile
from bms.config.site import Site
from bms.core.instants import local_midnight
from bms.forward.checking.compare import Difference, LocalCounts, compare, kept_from
from bms.forward.checking.reconcile import span_of
from bms.forward.copying.opened import open_sources
from bms.forward.cursors import LAST_PLACE, LOG, STORED, SinkCursor, day_of, dead_letters
from bms.forward.server.asking import Reader
from bms.forward.streams.refill import Refill, refills_of
from bms.forward.streams.sources import Stream, streams_of
from bms.forward.streams.tags import Tagging
from bms.historian.records import to_ms
from bms.texts.messages import Message, joined, msg, plural

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DayRow:
    """One measurement of one day in one database."""

    sink: str
    day: str
    measurement: str
    what: str
    """`count` of samples or `kwh`."""
    here: float
    there: float
    points: int
    """How many points differ."""
    example: str
    given_up: int = 0
    """Samples that the disk budget gave up here; they are not in `here`."""
    lost: int = 0
    """Those of them that the server does not have either."""
    expired: bool = False
    """Whether the server keeps nothing so old."""

    @property
    def equal(self) -> bool:
        return self.points == 0

    @property
    def wrong(self) -> bool:
        """Whether the server should have it otherwise."""
        return not (self.equal or self.expired)

    def text(self) -> str:
        told: list[str] = []
        if self.lost:
            told.append(
                plural(
                    "{count:,} was given up before it was sent",
                    "{count:,} were given up before they were sent",
                    count=self.lost,
                )
            )
        if self.expired and not self.equal:
            told.append(msg("older than what the server keeps"))
        elif not self.equal:
            told.append(
                plural(
                    "{count} point differs, e.g. {example}",
                    "{count} points differ, e.g. {example}",
                    count=self.points,
                    example=self.example,
                )
            )
        return joined("; ", *told) if told else ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "sink": self.sink,
            "day": self.day,
            "measurement": self.measurement,
            "what": self.what,
            "here": self.here,
            "there": self.there,
            "equal": self.equal,
            "differing_points": self.points,
            "example": self.example,
            "given_up": self.given_up,
            "lost": self.lost,
            "expired": self.expired,
        }


async def verify_days(
    site: Site,
    settings: InfluxFile,
    token: str,
    start: datetime,
    end: datetime,
    *,
    now: datetime,
    ca: Path | None = None,
) -> list[DayRow]:
    """Every measurement of every day of [start, end), days in the site's zone.

    Raises QueryFailed if the database does not answer, StoreError if the store cannot be read.
    """

    async def here(call: Callable[..., T], *arguments: Any) -> T:
        return call(*arguments)

    found = []
    with ExitStack() as stack:
        sources = stack.enter_context(open_sources(site.state_dir))
        local = LocalCounts(sources, settings, lambda: dead_letters(site.state_dir, settings.name))
        async with Reader(settings, token, ca=ca) as reader:
            kept = await kept_from(reader, settings, to_ms(now))
            for day, first, last in days_of(start, end, ZoneInfo(site.file.zone)):
                for result in await compare(
                    reader, settings, local, to_ms(first), to_ms(last), here
                ):
                    example = result.differences[0] if result.differences else None
                    found.append(
                        DayRow(
                            settings.name,
                            day,
                            result.measurement,
                            result.what,
                            result.here,
                            result.there,
                            len(result.differences),
                            "" if example is None else _example(example),
                            result.given_up,
                            result.lost,
                            to_ms(first) < kept[result.measurement],
                        )
                    )
    return found


def _example(found: Difference) -> Message:
    return msg(
        "{point} {there:g} of {here:g}", point=found.point, there=found.there, here=found.here
    )


def days_of(start: datetime, end: datetime, zone: ZoneInfo) -> list[tuple[str, datetime, datetime]]:
    """The local days of [start, end) with the part of each that lies inside."""
    found = []
    day = start.astimezone(zone).date()
    while local_midnight(day, zone) < end:
        first, last = local_midnight(day, zone), local_midnight(day + timedelta(days=1), zone)
        found.append((day.isoformat(), max(first, start), min(last, end)))
        day += timedelta(days=1)
    return found


def mark_for_backfill(
    settings: InfluxFile,
    state_dir: Path,
    site: str,
    start: datetime,
    end: datetime,
    reason: str,
) -> list[dict[str, Any]]:
    """Make a period a gap of every stream of a sink: rows kept here are sent again."""
    start_ms, end_ms = to_ms(start), to_ms(end)
    found = []
    with ExitStack() as stack:
        sources = stack.enter_context(open_sources(state_dir))
        history = sources.history

        def mark(stream: Stream | Refill, last: int) -> SinkCursor:
            return stack.enter_context(
                SinkCursor(state_dir, settings.name, stream.uid, last, stream=stream.name)
            )

        for stream in streams_of(sources, settings, Tagging({}), site):
            if stream.name == LOG:
                span = history.log_span(start_ms, end_ms)
            else:
                span = span_of(stream, start_ms)
            if span is None:
                continue
            cursor = mark(stream, stream.last())
            last = min(span[1], cursor.seq)  # what is after the cursor is on its way anyhow
            if span[0] <= last:
                cursor.add_gap(span[0], last, start_ms, reason)
                rows = last - span[0] + 1
                found.append({"sink": settings.name, "stream": stream.name, "rows": rows})
        for refill in refills_of(sources, settings, Tagging({})):
            if refill.name == LOG + STORED and history.log_reaches(start_ms):
                continue
            days = 0
            for place in refill.gaps(start_ms, end_ms):
                # Whatever is lost in it was counted when its rows were passed over.
                mark(refill, LAST_PLACE).add_gap(place.first, place.last, place.from_ms, reason)
                days += day_of(place.last) - day_of(place.first) + 1
            if days:
                name = refill.name.removesuffix(STORED)
                found.append({"sink": settings.name, "stream": name, "rows": 0, "days": days})
    return found
