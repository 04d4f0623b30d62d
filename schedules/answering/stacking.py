"""What all overlays together give to one target, over one local date."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bms.texts.messages import joined, msg
from schedules.answering.answers import Entry, Layer
from schedules.answering.clocks import Clocks
from schedules.model.context import OverlayLevel
from schedules.model.overlays import IN_FORCE, OFF, Given, Giving, Occasion, Overlay, OverlayEntry
from schedules.model.week import DAY_MINUTES, WEEKDAYS, time_text

MODE = "mode"
LONGEST_AFTER_MIN = 720
"""An overlay holds at most this long after the schedule's mode: one date back tells all."""

Pieces = Sequence[tuple[datetime, Entry]]
"""Answers of a schedule from each instant on, in order."""


@dataclass(frozen=True, slots=True)
class Laid:
    """An overlay as it bears on one target."""

    overlay: Overlay
    levels: tuple[OverlayLevel, ...]
    """What people have set, of this overlay; the last one in force counts."""
    givings: Mapping[str, tuple[Giving, ...]]
    """By level, only those for this target; of several the last written wins."""


@dataclass(frozen=True, slots=True)
class _Active:
    """A level in force at an instant."""

    laid: Laid
    level: str
    reason: str
    until: datetime | None


class Stack:
    """The overlays of one target, in declared order."""

    def __init__(self, laid: Sequence[Laid], clocks: Clocks) -> None:
        self._top_first = tuple(reversed(laid))
        self._clocks = clocks

    def pieces(
        self, ordinal: int, schedule: Callable[[int], Pieces]
    ) -> list[tuple[datetime, OverlayEntry | None]]:
        """What they give over a date, from its beginning; `schedule` answers for a date."""
        begin, end = self._clocks.begin(ordinal), self._clocks.begin(ordinal + 1)
        modes = _Modes([*schedule(ordinal - 1), *schedule(ordinal)], end)
        edges = {begin, *self._level_edges(), *self._occasion_edges(ordinal)}
        edges |= {edge for giving in self._givings() for edge in modes.edges(giving)}
        found: list[tuple[datetime, OverlayEntry | None]] = []
        for at in sorted(edge for edge in edges if begin <= edge < end):
            entry = self._at(at, modes)
            if not found or found[-1][1] != entry:
                found.append((at, entry))
        return found

    def _givings(self) -> Iterator[Giving]:
        for laid in self._top_first:
            for givings in laid.givings.values():
                yield from givings

    def _level_edges(self) -> Iterator[datetime]:
        for laid in self._top_first:
            for level in laid.levels:
                yield level.start
                yield level.until

    def _occasion_edges(self, ordinal: int) -> Iterator[datetime]:
        minutes = {
            edge
            for laid in self._top_first
            for occasion in laid.overlay.occasions
            for edge in (occasion.start, occasion.end, occasion.end - DAY_MINUTES)
        }
        starts = sorted({0, *(m for m in minutes if 0 < m < DAY_MINUTES)})
        return (at for at, _ in self._clocks.pieces(ordinal, starts))

    def _at(self, at: datetime, modes: _Modes) -> OverlayEntry | None:
        values: dict[str, list[Given]] = {}
        for laid in self._top_first:
            active = self._active(laid, at)
            if active is None:
                continue
            for giving in reversed(laid.givings.get(active.level, ())):
                if not modes.allow(giving, at):
                    continue
                for name, given in _values(giving, active):
                    values.setdefault(name, []).append(given)
        if not values:
            return None
        mode = values.get(MODE)
        return OverlayEntry(
            mode[0] if mode else None,
            {name: found[0] for name, found in values.items() if name != MODE},
            tuple((name, given) for name, found in values.items() for given in found[1:]),
        )

    def _active(self, laid: Laid, at: datetime) -> _Active | None:
        overlay = laid.overlay
        if overlay.by_hand:
            for level in reversed(laid.levels):
                if level.start <= at < level.until:
                    if level.level == OFF:
                        return None
                    until = level.until.astimezone(self._clocks.zone)
                    reason = msg(
                        "overlay {overlay} {level} until {until:%Y-%m-%d %H:%M} by {person}: "
                        "{reason}",
                        overlay=overlay.id,
                        level=level.level,
                        until=until,
                        person=level.by,
                        reason=level.reason,
                    )
                    return _Active(laid, level.level, reason, level.until)
            return None
        wall = self._clocks.wall(at)
        minute = wall.hour * 60 + wall.minute
        for occasion in overlay.occasions:
            why = _occurs(occasion, wall.date(), minute)
            if why is not None:
                return _Active(
                    laid,
                    IN_FORCE,
                    msg("overlay {overlay}: {reason}", overlay=overlay.id, reason=why),
                    None,
                )
        return None


def _values(giving: Giving, active: _Active) -> Iterator[tuple[str, Given]]:
    reason = active.reason
    if giving.while_mode is not None:
        reason = (
            msg(
                "while {mode} and {after_min} min after: {reason}",
                mode=giving.while_mode,
                after_min=giving.after_min,
                reason=reason,
            )
            if giving.after_min
            else msg("while {mode}: {reason}", mode=giving.while_mode, reason=reason)
        )
    overlay = active.laid.overlay.id
    if giving.mode is not None:
        origin = giving.mode_origin
        yield MODE, Given(giving.mode, overlay, active.level, reason, origin, active.until)
    for name, value in giving.setpoints.items():
        origin = giving.setpoint_origins[name]
        yield name, Given(value, overlay, active.level, reason, origin, active.until)


def _occurs(occasion: Occasion, day: date, minute: int) -> str | None:
    """Why an occasion is in force at a minute of a date, for people; None if it is not."""
    if occasion.start <= minute < occasion.end:
        why = _on(occasion, day)
        if why is not None:
            return why
    if minute < occasion.end - DAY_MINUTES:
        return _on(occasion, day - timedelta(days=1))
    return None


def _on(occasion: Occasion, day: date) -> str | None:
    if day.weekday() not in occasion.weekdays:
        return None
    if occasion.calendar is not None:
        entry = occasion.calendar.entry(occasion.kind, day)
        if entry is None:
            return None
        name: str = msg(
            "calendar {calendar} {entry}", calendar=occasion.calendar.id, entry=entry.name
        )
    elif occasion.spans and not any(day in span for span in occasion.spans):
        return None
    else:
        name = occasion.name or WEEKDAYS[day.weekday()]
    if (occasion.start, occasion.end) == (0, DAY_MINUTES):
        return name
    end = occasion.end - DAY_MINUTES if occasion.end > DAY_MINUTES else occasion.end
    hours = f"{time_text(occasion.start)}-{time_text(end)}"
    return msg("{name} {hours}", name=name, hours=hours)


class _Modes:
    """When the schedule has a mode, and had it a while ago."""

    def __init__(self, pieces: Pieces, end: datetime) -> None:
        ends = [*(start for start, _ in pieces[1:]), end]
        self._stretches = [
            (start, until, entry.mode) for (start, entry), until in zip(pieces, ends, strict=True)
        ]

    def _spans(self, giving: Giving) -> Iterator[tuple[datetime, datetime]]:
        after = timedelta(minutes=giving.after_min)
        for start, until, mode in self._stretches:
            if mode == giving.while_mode:
                yield start, until + after

    def edges(self, giving: Giving) -> Iterator[datetime]:
        for span in self._spans(giving):
            yield from span

    def allow(self, giving: Giving, at: datetime) -> bool:
        return giving.while_mode is None or any(a <= at < b for a, b in self._spans(giving))


def merged(entry: Entry, overlay: OverlayEntry | None) -> Entry:
    """A schedule's answer with what the overlays give on top of it."""
    if overlay is None:
        return entry
    mode = overlay.mode
    reasons = [entry.reason if mode is None else mode.reason]
    for name, given in overlay.setpoints.items():
        if given.reason not in reasons:
            reasons.append(
                msg("{name}: {message}", name=name, message=given.reason)
                if mode is None
                else given.reason
            )
    return Entry(
        entry.mode if mode is None else str(mode.value),
        {**entry.setpoints, **{n: float(g.value) for n, g in overlay.setpoints.items()}},
        entry.season,
        reasons[0] if len(reasons) == 1 else joined("; ", *reasons),
        entry.origin if mode is None else mode.origin,
        (Layer(entry.mode, entry.setpoints, entry.reason, entry.origin), *entry.beaten),
    )
