"""The alarm state machine: conditions that hold now in, events and the active list out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from bms.core.decisions import Condition, Severity

AlarmKind: TypeAlias = Literal["raised", "cleared", "changed"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """A condition that holds, and since when."""

    key: str
    severity: Severity
    text: str
    since: datetime


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """Something happened to an alarm. A cleared one carries the text it had."""

    key: str
    severity: Severity
    text: str
    kind: AlarmKind
    time: datetime


def advance(
    active: Mapping[str, Alarm], conditions: Iterable[Condition], now: datetime
) -> tuple[Mapping[str, Alarm], tuple[AlarmEvent, ...]]:
    """The active list by key after `conditions` were found to hold at `now`, and the events.

    One key is one alarm: of several conditions with the same key the most severe counts.
    A different text or severity is a change of the same alarm, which keeps its `since`.
    """
    found: dict[str, Condition] = {}
    for condition in conditions:
        other = found.get(condition.key)
        if other is None or (condition.severity, condition.text) < (other.severity, other.text):
            found[condition.key] = condition
    events: list[AlarmEvent] = []
    after: dict[str, Alarm] = {}
    for key, condition in found.items():
        before = active.get(key)
        since = before.since if before is not None else now
        alarm = Alarm(key, condition.severity, condition.text, since)
        after[key] = alarm
        if before is None:
            events.append(_event(alarm, "raised", now))
        elif before != alarm:
            events.append(_event(alarm, "changed", now))
    events.extend(
        _event(alarm, "cleared", now) for key, alarm in active.items() if key not in found
    )
    return after, tuple(events)


def _event(alarm: Alarm, kind: AlarmKind, now: datetime) -> AlarmEvent:
    return AlarmEvent(alarm.key, alarm.severity, alarm.text, kind, now)
