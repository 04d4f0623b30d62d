"""Awards as database rows: values and losers as JSON, long texts by their id.

The losers are a list; where a minimum time wins, an object with its beginning and the list.
Each has its reason in English and, where that is a message, its number among the texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bms.core.decisions import Award, Command, Priority
from bms.historian.records import AwardRow, from_ms, to_ms
from bms.texts.messages import Message
from drivers.points import PointId

_ENCODE = json.JSONEncoder(ensure_ascii=False).encode
INSERT = (
    "INSERT INTO award (point, time_ms, value, priority, source, reason, expires_ms, losers, sent) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_COLUMNS = (
    "s.point, a.time_ms, a.value, a.priority, a.source, a.reason, a.expires_ms, a.losers, a.sent"
)
_TABLES = "FROM award a JOIN series s ON s.id = a.point"
SELECT = f"SELECT {_COLUMNS} {_TABLES}"
SELECT_NUMBERED = f"SELECT {_COLUMNS}, a.id {_TABLES}"


def pack(row: AwardRow, point: int, text_id: Callable[[str], int]) -> tuple[Any, ...]:
    """A row for `INSERT`; every column but point, time and `sent` is NULL when nothing commands."""
    if row.award is None:
        return (point, to_ms(row.time), None, None, None, None, None, None, row.sent)
    winner = row.award.winner
    rest: Any = [_loser(c, text_id) for c in row.award.losers]
    if row.held_since is not None:
        rest = {"held_since_ms": to_ms(row.held_since), "losers": rest}
    return (
        point,
        to_ms(row.time),
        _ENCODE(winner.value),
        int(winner.priority),
        text_id(winner.source),
        text_id(winner.reason),
        None if winner.expires is None else to_ms(winner.expires),
        text_id(_ENCODE(rest)) if rest else None,
        row.sent,
    )


def unpack(row: tuple[Any, ...], text: Callable[[int], str]) -> AwardRow:
    """The row that `SELECT` gives back."""
    point, time_ms, value, priority, source, reason, expires_ms, losers, noted = row
    sent = None if noted is None else bool(noted)
    if value is None:
        return AwardRow(point, from_ms(time_ms), None, None, sent)
    winner = Command(
        point=point,
        value=json.loads(value),
        priority=Priority(priority),
        source=text(source),
        reason=text(reason),
        expires=None if expires_ms is None else from_ms(expires_ms),
    )
    rest: Any = [] if losers is None else json.loads(text(losers))
    held_since = None
    if isinstance(rest, dict):
        held_since, rest = from_ms(rest["held_since_ms"]), rest["losers"]
    award = Award(winner, tuple(_command(point, item, text) for item in rest))
    return AwardRow(point, from_ms(time_ms), award, held_since, sent)


def _loser(command: Command, text_id: Callable[[str], int]) -> dict[str, Any]:
    item: dict[str, Any] = {
        "value": command.value,
        "priority": int(command.priority),
        "source": command.source,
        "reason": command.reason,
    }
    if isinstance(command.reason, Message):
        item["text"] = text_id(command.reason)
    if command.expires is not None:
        item["expires_ms"] = to_ms(command.expires)
    return item


def _command(point: PointId, item: dict[str, Any], text: Callable[[int], str]) -> Command:
    expires_ms, number = item.get("expires_ms"), item.get("text")
    return Command(
        point=point,
        value=item["value"],
        priority=Priority(item["priority"]),
        source=item["source"],
        reason=item["reason"] if number is None else text(number),
        expires=None if expires_ms is None else from_ms(expires_ms),
    )
