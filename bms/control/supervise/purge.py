"""Night purge: cool night air through rooms that are too warm (control reference, 5). Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from bms.config.resolving.optimal_start import PurgeFile
from bms.texts.messages import msg
from schedules.model.week import time_text

ABOVE_K = 0.6
"""How far rooms have to be above their setpoint for a purge to begin; it goes on down to it."""
WARMER_BY_K = 1.0
"""A purge ends when the air outside is within this of the rooms."""


def why_purge(
    purge: PurgeFile,
    *,
    target_c: float,
    zone_c: float,
    outdoor_c: float,
    humidity_pct: float | None,
    purging: bool,
    now: datetime,
    zone: str,
) -> str | None:
    """Why night air is let in now, for people; None: it is not.

    `humidity_pct` is None if the sensor that `purge` names is not good, and is not looked at where
    it names none. `zone` is the IANA zone of the base.
    """
    if not _in_window(purge, now.astimezone(ZoneInfo(zone))):
        return None
    if purge.humidity is not None and (
        humidity_pct is None or humidity_pct > purge.max_humidity_pct
    ):
        return None
    above_k = 0.0 if purging else ABOVE_K
    colder_k = min(WARMER_BY_K, purge.colder_k) if purging else purge.colder_k
    if zone_c <= target_c + above_k or outdoor_c >= zone_c - colder_k:
        return None
    window = f"{time_text(purge.start)}-{time_text(purge.end)}"
    return msg(
        "night purge {window}: rooms above {target_c:g} degC, cooler air outside",
        window=window,
        target_c=target_c,
    )


def _in_window(purge: PurgeFile, local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    if purge.start < purge.end:
        return purge.start <= minute < purge.end
    return minute >= purge.start or minute < purge.end
