"""What people see of the reports to platforms, as plain values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bms.config.site import Site
from bms.core.instants import from_ms, local, to_ms
from bms.forward.platforms.collecting import Plan
from bms.forward.platforms.postbox import FILE_NAME, Kept, Postbox
from bms.forward.platforms.reported_months import months_of
from bms.forward.platforms.standing import Month


def status_rows(site: Site, plans: Sequence[Plan], now: datetime) -> list[dict[str, Any]]:
    """How each platform stands. Raises StoreError."""
    there = (site.state_dir / FILE_NAME).exists()
    with Postbox(site.state_dir, read_only=True) if there else nullcontext() as box:
        return [_status(plan, box, to_ms(now)) for plan in plans]


def _status(plan: Plan, box: Postbox | None, now_ms: int) -> dict[str, Any]:
    course = None if box is None else box.course(plan.name)
    row: dict[str, Any] = {
        "platform": plan.name,
        "url": str(plan.settings.url),
        # Until somebody has tried it against the real one, nobody knows.
        "proven": False,
        "since": None,
        "last_acknowledged": None,
        "waiting": 0,
        "said": "",
        "dropped": 0,
        "months": [],
    }
    if box is None or course is None:
        return row
    counted, zone = box.counted(plan.name), plan.sender.zone
    last_ms = counted.last_acknowledged_ms
    return row | {
        "since": _local(course.begun_ms, zone),
        "last_acknowledged": None if last_ms is None else _local(last_ms, zone),
        "waiting": counted.waiting,
        "said": counted.said,
        "dropped": course.dropped,
        "months": [_month(month) for month in months_of(plan, box, course, now_ms)],
    }


def _month(month: Month) -> dict[str, Any]:
    pct, apart = month.complete_pct, month.apart
    return {
        "month": month.name,
        "complete_pct": None if pct is None else round(pct, 2),
        "days_apart_pct": None if apart is None else round(apart.pct, 2),
        "days_apart_meter": None if apart is None else apart.meter,
    }


def message_rows(kept: Iterator[Kept], zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    """Messages with what became of them."""
    for one in kept:
        acknowledged = one.acknowledged_ms
        yield {
            "platform": one.platform,
            "message_id": one.message_id,
            "kind": one.period.kind.value,
            "start": _local(one.period.start_ms, zone),
            "end": _local(one.period.end_ms, zone),
            "revision": one.revision,
            "made": _local(one.made_ms, zone),
            "tries": one.tries,
            "acknowledged": None if acknowledged is None else _local(acknowledged, zone),
            "said": one.said,
            "body": json.loads(one.body),
        }


def _local(ms: int, zone: ZoneInfo) -> str:
    return local(from_ms(ms), zone, "seconds")
