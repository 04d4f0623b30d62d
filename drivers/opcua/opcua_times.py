"""OPC-UA's DateTime: 100 ns since 1601, UTC (OPC 10000-6, 5.2.2.5). Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_UNIX_EPOCH = 116_444_736_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = _UNIX_EPOCH  # a clock that was never set counts from 1970, or from 1601
_LAST = _UNIX_EPOCH + 86_400 * 366 * 230 * 10_000_000  # about 2200


def from_filetime(ticks: int) -> datetime | None:
    """Aware UTC to the microsecond; None for no time, and for a time that no clock can mean."""
    if not _FIRST < ticks < _LAST:
        return None
    return _EPOCH + timedelta(microseconds=(ticks - _UNIX_EPOCH) // 10)


def to_ns(ticks: int) -> int:
    """The same in ns since 1970; 0 for None."""
    return (ticks - _UNIX_EPOCH) * 100 if _FIRST < ticks < _LAST else 0


def to_filetime(time: datetime) -> int:
    """The reverse, from an aware time."""
    return _UNIX_EPOCH + (time - _EPOCH) // timedelta(microseconds=1) * 10
