"""Instants as whole milliseconds since 1970 (UTC): the resolution of history and ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
DAY_MS = 86_400_000


def to_ms(time: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (time - EPOCH) // MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    """Aware UTC."""
    return EPOCH + milliseconds * MILLISECOND


def is_zone(name: str) -> bool:
    """Whether it names a time zone that means the same on every machine.

    Names outside `available_timezones` open too on some systems (localtime, posixrules) and mean
    something else on the next; the listing takes 40 ms, so only odd names pay for it.
    """
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return False
    return name == "UTC" or "/" in name or name in available_timezones()


def local(time: datetime, zone: ZoneInfo | str, timespec: str = "seconds") -> str:
    """ISO time with the offset of a zone, to the second or the minute."""
    where = ZoneInfo(zone) if isinstance(zone, str) else zone
    return time.astimezone(where).isoformat(timespec=timespec)


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which a local day starts; days have 23 to 25 hours."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def shown_at(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """The instants (UTC) at which clocks in the zone show `wall`: none where they go forward over
    it, two where they go back, else one."""
    found = sorted({wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)})
    return [m for m in found if m.astimezone(zone).replace(tzinfo=None, fold=0) == wall]
