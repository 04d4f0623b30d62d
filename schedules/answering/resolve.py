"""What is in force now, when it changes, and what the next days will bring.

A schedule's own answer is a function of the local date and minute (`answering/day.py`): it repeats
in the repeated hour of autumn, and what lies in the skipped hour of spring does not happen. What
was switched at an instant (a season by weather or by hand, an extension, the level of an
overlay) counts from that instant on. A season that begins with a date leaves yesterday's blocks
as they are until they end; one switched in the middle of a date replaces them too.

An extension lies on the schedule; overlays lie on both (`schedules.answering.stacking`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Generic, TypeVar

from bms.texts.messages import msg
from bms.texts.problems import Origin
from schedules.answering.answers import Change, Entry, Layer, Stretch
from schedules.answering.clocks import Clocks, zone_of
from schedules.answering.day import Days
from schedules.answering.stacking import Laid, Stack, merged
from schedules.model.context import Extension, SeasonSpell
from schedules.model.overlays import OverlayEntry
from schedules.model.programme import ANY_SEASON, Schedule
from schedules.model.seasons import SeasonSet, season_at
from schedules.model.sun import Sun

T = TypeVar("T")

_DAYS_KEPT = 4


@dataclass(frozen=True, slots=True)
class Extended:
    """An extension, and where the time unit that allowed it is written."""

    extension: Extension
    origin: Origin


class _Line(Generic[T]):
    """The answers over one local date: `values[i]` from `starts[i]` (UTC) on."""

    __slots__ = ("end", "start", "starts", "values")

    def __init__(self, pieces: Sequence[tuple[datetime, T]], end: datetime) -> None:
        self.starts = [at for at, _ in pieces]
        self.values = [value for _, value in pieces]
        # A date that a zone has skipped has no pieces.
        self.start = self.starts[0] if pieces else end
        self.end = end

    def at(self, now: datetime) -> T:
        return self.values[bisect_right(self.starts, now) - 1]

    def until(self, now: datetime) -> datetime:
        """When the next answer begins; at the latest when the date ends."""
        following = bisect_right(self.starts, now)
        return self.starts[following] if following < len(self.starts) else self.end

    @property
    def pieces(self) -> list[tuple[datetime, T]]:
        return list(zip(self.starts, self.values, strict=True))


class Resolver:
    """Answers for one target in one time zone.

    Instants are aware datetimes in any zone; answers carry aware UTC. Raises ValueError for an
    unknown zone, for naive datetimes, and for a schedule that hangs on the sun without `sun`.
    """

    def __init__(
        self,
        schedule: Schedule,
        zone: str,
        *,
        seasons: SeasonSet | None = None,
        spells: Sequence[SeasonSpell] = (),
        sun: Sun | None = None,
        extensions: Sequence[Extended] = (),
        overlays: Sequence[Laid] = (),
    ) -> None:
        """`spells` of `seasons` are in order of start; extensions and overlays: the later wins."""
        self.schedule = schedule
        self.seasons = seasons
        place = schedule.hangs_on_sun
        if place is not None and sun is None:
            raise ValueError(
                msg("{place}: sunrise and sunset need the place of the base", place=place)
            )
        self._clocks = Clocks(zone_of(zone))
        self._spells = tuple(spells)
        self._extensions = tuple(extensions)
        self._days = Days(schedule, sun, seasons=seasons is not None)
        self._stack = Stack(overlays, self._clocks) if overlays else None
        self._lines: dict[int, _Line[Entry]] = {}
        self._overlaid: dict[int, _Line[OverlayEntry | None]] = {}
        self._merged: dict[int, _Line[Entry]] = {}
        self._now: _Line[Entry] | None = None

    # --- answers -----------------------------------------------------------------------------

    def in_force(self, now: datetime) -> Entry:
        """The one answer of the schedule at an instant, extensions included, without overlays."""
        line = self._now
        # Asked every cycle for every group: the line of today answers without a zone.
        if line is None or now.tzinfo is not UTC or not line.start <= now < line.end:
            line = self._now = self._line(self._clocks.wall(now).toordinal())
        return line.at(now)

    def in_force_until(self, now: datetime) -> datetime:
        """Until when at least `in_force` answers as it does at `now`."""
        return self._line(self._clocks.wall(now).toordinal()).until(now)

    def effective_until(self, now: datetime) -> datetime:
        """Until when at least `effective` answers as it does at `now`."""
        return self._effective_line(self._clocks.wall(now).toordinal()).until(now)

    def overlay_until(self, now: datetime) -> datetime | None:
        """Until when at least `overlay` answers as it does at `now`; None: for ever."""
        if self._stack is None:
            return None
        return self._overlay_line(self._clocks.wall(now).toordinal()).until(now)

    def overlay(self, now: datetime) -> OverlayEntry | None:
        """What the overlays give at an instant; None if they give nothing."""
        ordinal = self._clocks.wall(now).toordinal()
        return self._overlay_line(ordinal).at(now) if self._stack is not None else None

    def effective(self, now: datetime) -> Entry:
        """The schedule with the overlays on top of it."""
        if self._stack is None:
            return self.in_force(now)
        return self._effective_line(self._clocks.wall(now).toordinal()).at(now)

    def season(self, now: datetime) -> str:
        """The season at an instant; `any` without seasons."""
        return self._season(self._clocks.wall(now))

    def next_change(self, now: datetime, horizon_days: int = 400) -> Change | None:
        """The first later instant whose effective answer differs; None within the horizon."""
        ordinal = self._clocks.wall(now).toordinal()
        end = now + timedelta(days=horizon_days)
        current = self.effective(now)
        for start, entry in self._pieces(ordinal):
            if start > end:
                return None
            if start > now and entry != current:
                return Change(start, entry)
        return None

    def preview(self, start: date, days: int) -> list[Stretch]:
        """The effective answers of `days` whole local days, contiguous, neighbours merged.

        `start` is a date, or an aware instant that stands for its local date. A day begins when
        its first existing minute comes for the first time.
        """
        first = (self._clocks.wall(start) if isinstance(start, datetime) else start).toordinal()
        until = self._clocks.begin(first + days)
        starts: list[tuple[datetime, Entry]] = []
        for at, entry in self._pieces(first):
            if at >= until:
                break
            if not starts or starts[-1][1] != entry:
                starts.append((at, entry))
        return [
            Stretch(at, following, entry)
            for (at, entry), (following, _) in pairwise([*starts, (until, None)])
            if entry is not None
        ]

    # --- lines -------------------------------------------------------------------------------

    def _pieces(self, ordinal: int) -> Iterator[tuple[datetime, Entry]]:
        """Effective answers from the beginning of a date on, for ever."""
        while True:
            yield from self._effective_line(ordinal).pieces
            ordinal += 1

    def _effective_line(self, ordinal: int) -> _Line[Entry]:
        if self._stack is None:
            return self._line(ordinal)
        return _kept(self._merged, ordinal, self._build_merged)

    def _overlay_line(self, ordinal: int) -> _Line[OverlayEntry | None]:
        return _kept(self._overlaid, ordinal, self._build_overlay)

    def _line(self, ordinal: int) -> _Line[Entry]:
        return _kept(self._lines, ordinal, self._build)

    def _build(self, ordinal: int) -> _Line[Entry]:
        begin, end = self._clocks.begin(ordinal), self._clocks.begin(ordinal + 1)
        pieces: list[tuple[datetime, Entry]] = []
        if begin == end:  # a date that the zone has skipped
            return _Line(pieces, end)
        spells = [s.start for s in self._spells if begin < s.start < end]
        for since, until in pairwise([begin, *dict.fromkeys(spells), end]):
            season = self._season(since)
            before = season if since > begin else self._season_before(ordinal)
            plan = self._days.plan(ordinal, season, before)
            whole = self._clocks.pieces(ordinal, plan.starts)
            pieces += _clipped([(at, plan.entries[n]) for at, n in whole], since, until)
        for extended in self._extensions:
            pieces = _extended(pieces, extended, begin, end)
        return _Line(pieces, end)

    def _build_overlay(self, ordinal: int) -> _Line[OverlayEntry | None]:
        assert self._stack is not None
        pieces = self._stack.pieces(ordinal, lambda day: self._line(day).pieces)
        return _Line(pieces, self._clocks.begin(ordinal + 1))

    def _build_merged(self, ordinal: int) -> _Line[Entry]:
        schedule, overlay = self._line(ordinal), self._overlay_line(ordinal)
        edges = sorted({*schedule.starts, *overlay.starts})
        pieces = [(at, merged(schedule.at(at), overlay.at(at))) for at in edges]
        return _Line(pieces, schedule.end)

    # --- seasons -----------------------------------------------------------------------------

    def _season(self, now: datetime) -> str:
        if self.seasons is None:
            return ANY_SEASON
        return season_at(self.seasons, self._spells, now, self._clocks.zone)

    def _season_before(self, ordinal: int) -> str:
        """The season in which the date before ended."""
        if self.seasons is None:
            return ANY_SEASON
        begin = self._clocks.begin(ordinal)
        ended = [spell for spell in self._spells if spell.start < begin]
        if ended:
            return ended[-1].season
        return self.seasons.season(date.fromordinal(ordinal - 1))


def _clipped(
    pieces: Sequence[tuple[datetime, Entry]], since: datetime, until: datetime
) -> Iterator[tuple[datetime, Entry]]:
    """The pieces from `since` until just before `until`; the first begins at or before `since`."""
    ends = [*(at for at, _ in pieces[1:]), until]
    for (at, entry), end in zip(pieces, ends, strict=True):
        if at < until and end > since:
            yield max(at, since), entry


def _extended(
    pieces: list[tuple[datetime, Entry]], extended: Extended, begin: datetime, end: datetime
) -> list[tuple[datetime, Entry]]:
    """The pieces of a date with an extension on top."""
    extension = extended.extension
    since, until = max(extension.start, begin), min(extension.end, end)
    if since >= until or not pieces:
        return pieces
    reason = msg(
        "extension {number} of {unit} by {person}: {reason}",
        number=extension.id,
        unit=extension.unit,
        person=extension.by,
        reason=extension.reason,
    )
    on_top = [
        (
            at,
            Entry(
                extension.mode,
                extension.setpoints,
                entry.season,
                reason,
                extended.origin,
                (Layer(entry.mode, entry.setpoints, entry.reason, entry.origin), *entry.beaten),
            ),
        )
        for at, entry in _clipped(pieces, since, until)
    ]
    before = list(_clipped(pieces, begin, since)) if since > begin else []
    after = list(_clipped(pieces, until, end)) if until < end else []
    return [*before, *on_top, *after]


def _kept(cache: dict[int, _Line[T]], ordinal: int, build: Callable[[int], _Line[T]]) -> _Line[T]:
    """The line of a date, remembered; when there are too many, the oldest is forgotten."""
    line = cache.get(ordinal)
    if line is None:
        line = build(ordinal)
        if len(cache) >= _DAYS_KEPT:
            cache.pop(next(iter(cache)), None)
        cache[ordinal] = line
    return line
