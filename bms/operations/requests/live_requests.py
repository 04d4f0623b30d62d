"""Asked of a running controller: how everything is, the points, and why one has its value."""

from __future__ import annotations

from pydantic import Field

from bms.operations.requests.operation import (
    Answer,
    Given,
    LocalTime,
    Operation,
    Request,
    Rows,
    Value,
)
from bms.operations.requests.override_requests import LockView, OverrideView
from bms.operations.requests.season_requests import OverlayView, SeasonView
from bms.operations.requests.unit_requests import ExtensionView
from bms.texts.field import Words


class AskStatus(Request):
    """How the site is now."""


class AskPoints(Request):
    """Live values."""

    filter: str | None = None
    """A part of the id, or a wildcard; None for every point."""


class AskWhy(Request):
    """Who commands a point, and who would otherwise."""

    point: Given
    at: str | None = None
    """A past moment as people write it; None for now."""


# --- status ----------------------------------------------------------------------------------


class NextChange(Answer):
    """What a group's schedule does next."""

    time: LocalTime
    mode: str | None
    setpoints: dict[str, float]
    reason: Words


class EarlyStart(Answer):
    """When a block is started early, so that it is comfortable in time."""

    time: LocalTime
    block: LocalTime
    """When the block begins by the schedule."""
    reason: Words


class GroupView(Answer):
    """One group: what runs, because of what, and what comes next."""

    id: str
    title: dict[str, str]
    strategy: str
    mode: Value | None
    source: str | None
    reason: Words
    season: str | None
    next_change: NextChange | None
    expected_start: EarlyStart | None
    power_kw: float | None


class BaseView(Answer):
    """One base with its groups."""

    id: str
    title: str | dict[str, str]
    zone: str
    power_kw: float | None
    """Imports + generation - exports; None if any of them is not good."""
    kwh_today: float | None
    groups: tuple[GroupView, ...]


class SilentUnit(Answer):
    """One device behind a link."""

    unit: str
    online: bool
    failures: int
    detail: Words


class LinkView(Answer):
    """How a link is doing."""

    id: str
    endpoint: str
    online: bool
    points: int
    good: int
    last_good: LocalTime | None
    shadow: bool
    requests: int
    error_pct: float
    timeouts: int
    connects: int
    overruns: int
    latency_ms: tuple[float | None, float | None, float | None]
    """Percentiles 50, 95, 99."""
    clock_skew_s: float | None
    units: tuple[SilentUnit, ...]
    write_failures: int
    detail: Words


class CopyView(Answer):
    """How a copy in InfluxDB is doing; see `bms.forward.copying.status`."""

    name: str
    dialect: str
    url: str
    cursors: dict[str, int]
    backlog_rows: int
    oldest_unsent_s: float | None
    gaps: int
    sent_lines: int
    dead_lines: int
    expired_lines: int
    damaged_rows: int
    missing_rows: int
    refill_days: int
    lost_samples: int
    lost: tuple[dict[str, str | int], ...]
    retries: dict[str, int]
    backfill_lines_s: float
    mismatches: int
    reconciled_until: str | None
    reconcile_error: Words
    outage: bool
    last_error: Words


class HistoryView(Answer):
    """How the store of the past is doing."""

    compacted_until: str | None
    used_bytes: int | None
    limit_bytes: int | None
    segments: int | None
    quarantined_samples: int | None
    upkeep_s: float | None
    dropped_samples: int
    error: Words | None


class CycleView(Answer):
    """How the control cycle and what hangs on it are doing."""

    pid: int
    period_s: float
    count: int
    overruns: int
    p50_ms: float
    p99_ms: float
    late_p99_ms: float
    history_waiting: int
    history_stored: int
    history_dropped: int
    sinks: tuple[CopyView, ...]
    history: HistoryView


class AlarmView(Answer):
    """An alarm that is active."""

    key: str
    severity: int
    """1 life safety … 4 normal."""
    text: Words
    since: LocalTime


class SchedulesView(Answer):
    """Which schedules run, and what is wrong with those on the disk."""

    in_force: str
    problems: tuple[Words, ...]


class Status(Answer):
    """Everything that the status screen shows."""

    site: str
    title: str | dict[str, str]
    zone: str
    time: LocalTime
    cycle: CycleView
    bases: tuple[BaseView, ...]
    links: tuple[LinkView, ...]
    points: dict[str, int]
    """How many points are of each quality."""
    overrides: tuple[OverrideView, ...]
    locks: tuple[LockView, ...]
    """Machines that are locked out for maintenance."""
    alarms: tuple[AlarmView, ...]
    schedules: SchedulesView
    seasons: tuple[SeasonView, ...]
    overlays: tuple[OverlayView, ...]
    extensions: tuple[ExtensionView, ...]


# --- points ----------------------------------------------------------------------------------


UNUSED = "unused"
"""The quality of a group's mode or setpoint that nobody has commanded; no value, and not bad."""


class PointView(Answer):
    """A point's last value."""

    point: str
    value: Value | None
    unit: str
    quality: str
    """`good`, `stale`, `bad`; `unused` of a group's point that nobody commands."""
    age_s: float
    source_time: str | None
    detail: Words


class Points(Rows[PointView]):
    """The points that were asked for."""


# --- why -------------------------------------------------------------------------------------


class CommandView(Answer):
    """One command of a point's priority ladder."""

    value: Value
    priority: int
    slot: str
    source: str
    reason: Words
    expires: LocalTime | None


class Ladder(Answer):
    """Who commands a point: the winner, and everybody under it in order."""

    point: str
    winner: CommandView | None
    losers: tuple[CommandView, ...]


class FieldView(Answer):
    """What the field shows of a point."""

    value: Value | None
    unit: str
    quality: str
    age_s: float | None
    detail: Words


class Why(Ladder):
    """The ladder of a point, those of the groups behind it, and what the field shows."""

    time: LocalTime
    commandable: bool
    behind: tuple[Ladder, ...]
    reading: FieldView = Field(alias="field")
    note: Words


class ReloadSite(Request):
    """Put the files of the site in force as they are on the disk."""

    reason: str = ""
    dry_run: bool = False
    """Say what it would do, and do nothing."""


class SiteReloaded(Answer):
    """What a reload put in force, or would."""

    applied: bool
    files: tuple[str, ...]
    """Those that differ from what ran; empty: there was nothing to do."""
    opened: tuple[str, ...]
    """Links that are new, or were closed and opened again."""
    closed: tuple[str, ...]
    """Links that are gone."""
    kept: int
    """Links that ran on."""
    removed: tuple[str, ...]
    """Outputs that are gone."""
    released: tuple[str, ...]
    """Outputs that were released, as their settings say, because they are gone or elsewhere."""


RELOAD = Operation("reload", ReloadSite, SiteReloaded, changes=True)
STATUS = Operation("status", AskStatus, Status)
POINTS = Operation("points", AskPoints, Points)
WHY = Operation("why", AskWhy, Why)
