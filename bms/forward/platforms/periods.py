"""The quarter hours, days and months that are reported. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bms.config.shapes.upload_keys import Kind
from bms.core.instants import from_ms, local_midnight, to_ms
from bms.energy.quarters import QUARTER_MS


class Period(NamedTuple):
    """A quarter hour, a local day or a local month."""

    kind: Kind
    start_ms: int
    end_ms: int


def holding(kind: Kind, zone: ZoneInfo, ms: int) -> Period:
    """The period in which an instant lies."""
    if kind is Kind.QUARTER:
        start = ms - ms % QUARTER_MS
        return Period(kind, start, start + QUARTER_MS)
    day = from_ms(ms).astimezone(zone).date()
    following = day + timedelta(days=1)
    if kind is Kind.MONTH:
        day = day.replace(day=1)
        following = (day + timedelta(days=32)).replace(day=1)
    edges = local_midnight(day, zone), local_midnight(following, zone)
    return Period(kind, to_ms(edges[0]), to_ms(edges[1]))


def ended(kind: Kind, zone: ZoneInfo, after_ms: int, until_ms: int) -> Iterator[Period]:
    """The periods that end after an instant and not later than another, in order."""
    period = holding(kind, zone, after_ms)
    while period.end_ms <= until_ms:
        if period.end_ms > after_ms:
            yield period
        period = holding(kind, zone, period.end_ms)
