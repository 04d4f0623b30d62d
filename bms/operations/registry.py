"""Every operation that a running controller serves, by name: request, answer, and who does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from bms.config.site import Site
from bms.operations.copies import sending_again
from bms.operations.editing.editor import Editor
from bms.operations.managing import (
    finding_cases,
    goal_cases,
    managing_requests,
    measure_cases,
    round_cases,
)
from bms.operations.requests import (
    copy_requests,
    energy_requests,
    live_requests,
    meter_requests,
    override_requests,
    past_requests,
    preview_requests,
    raw_requests,
    schedule_requests,
    season_requests,
    unit_requests,
)
from bms.operations.requests.operation import Operation, Request, Served
from bms.operations.requests.schedule_requests import (
    RemoveSchedule,
    ScheduleChange,
    ScheduleChanged,
    ScheduleRemoved,
)
from bms.operations.running import Running
from bms.operations.use_cases import (
    live_cases,
    meter_cases,
    override_cases,
    raw_cases,
    season_cases,
    unit_cases,
)
from bms.operations.use_cases.schedule_cases import change_schedule, remove_schedule

VIA = "api"
"""How those come whose changes the controller makes, as the audit names it."""

Q = TypeVar("Q", bound=Request)
A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class UseCase:
    """An operation and who does it."""

    operation: Operation[Request, BaseModel]
    carry_out: Callable[[Running, Request, str], Awaitable[BaseModel]]


def use_cases() -> tuple[UseCase, ...]:
    """All of them, in the order in which they are told."""
    return (
        _case(live_requests.STATUS, live_cases.status),
        _case(live_requests.POINTS, live_cases.points),
        _case(live_requests.WHY, live_cases.why),
        _case(live_requests.RELOAD, live_cases.reload),
        _case(override_requests.SET, override_cases.set_override),
        _case(override_requests.EXTEND, override_cases.extend_override),
        _case(override_requests.CLEAR, override_cases.clear_override),
        _case(override_requests.LIST, override_cases.list_overrides),
        _case(override_requests.PAST, override_cases.past_overrides),
        _case(override_requests.LOCK, override_cases.lock_machine),
        _case(override_requests.UNLOCK, override_cases.unlock_machine),
        _case(override_requests.RESET, override_cases.reset_machine),
        _case(season_requests.SEASON_LIST, season_cases.list_seasons),
        _case(season_requests.SEASON_SHOW, season_cases.show_season),
        _case(season_requests.SEASON_SWITCH, season_cases.switch_season),
        _case(season_requests.SEASON_WITHDRAW, season_cases.withdraw_season),
        _case(season_requests.OVERLAY_LIST, season_cases.list_overlays),
        _case(season_requests.OVERLAY_SET, season_cases.set_overlay),
        _case(season_requests.OVERLAY_RENEW, season_cases.renew_overlay),
        _case(season_requests.OVERLAY_CLEAR, season_cases.clear_overlay),
        _case(unit_requests.UNIT_LIST, unit_cases.list_units),
        _case(unit_requests.UNIT_EXTEND, unit_cases.extend_unit),
        _case(unit_requests.UNIT_CANCEL, unit_cases.cancel_unit),
        _case(unit_requests.UNIT_RESUME, unit_cases.resume_unit),
        _case(raw_requests.READ, raw_cases.read_raw),
        _case(raw_requests.WRITE, raw_cases.write_raw),
        *(_edit(operation) for operation in schedule_requests.CHANGES),
        _removal(),
        _entry(meter_requests.REPLACE, meter_cases.replace_meter),
        _entry(meter_requests.CORRECT, meter_cases.correct_meter),
        _entry(meter_requests.WITHDRAW, meter_cases.withdraw_entry),
        _entry(meter_requests.IMPORT, meter_cases.import_readings),
        _entry(copy_requests.BACKFILL, sending_again.backfill),
        _entry(copy_requests.RESEND, sending_again.resend),
        _entry(managing_requests.GOAL_ADD, goal_cases.add_goal),
        _entry(managing_requests.GOAL_SET, goal_cases.set_goal),
        _entry(managing_requests.GOAL_ACKNOWLEDGE, goal_cases.acknowledge_goal),
        _entry(managing_requests.ROUND_ADD, round_cases.add_round),
        _entry(managing_requests.ROUND_VISIT, round_cases.add_visit),
        _entry(managing_requests.FINDING_ADD, finding_cases.add_finding),
        _entry(managing_requests.FINDING_ASSIGN, finding_cases.assign_finding),
        _entry(managing_requests.FINDING_CLOSE, finding_cases.close_finding),
        _entry(managing_requests.FINDING_LOOK, finding_cases.look_for_findings),
        _entry(managing_requests.MEASURE_ADD, measure_cases.add_measure),
        _entry(managing_requests.MEASURE_SET, measure_cases.set_measure),
    )


def on_files() -> tuple[Operation[Request, BaseModel], ...]:
    """What is carried out on the files of a site.

    Changes, and `why` of a past moment, are served by a running controller too: a change is made
    on the files by another process only where none runs.
    """
    return (
        schedule_requests.LIST,
        schedule_requests.SHOW,
        schedule_requests.HISTORY,
        preview_requests.PREVIEW,
        preview_requests.COMPARE,
        schedule_requests.SET,
        schedule_requests.COPY_DAY,
        schedule_requests.ADD_EXCEPTION,
        schedule_requests.REMOVE_EXCEPTION,
        schedule_requests.EDIT,
        schedule_requests.RESTORE,
        schedule_requests.REMOVE,
        schedule_requests.IMPORT,
        energy_requests.LIST,
        energy_requests.SHOW,
        energy_requests.INTERVALS,
        energy_requests.DEMAND,
        energy_requests.TREE,
        meter_requests.REPLACE,
        meter_requests.CORRECT,
        meter_requests.WITHDRAW,
        meter_requests.IMPORT,
        copy_requests.BACKFILL,
        copy_requests.RESEND,
        *managing_requests.ALL,
        energy_requests.GROWTH,
        past_requests.SHADOW,
        past_requests.SHEDS,
        live_requests.WHY,
        past_requests.LIST,
        past_requests.VERIFY,
    )


def served_by(running: Running) -> Mapping[str, Served]:
    """The operations of one running site, by name."""
    return {case.operation.name: _served(case, running) for case in use_cases()}


def _case(
    operation: Operation[Q, A], function: Callable[[Running, Q, str], Awaitable[A]]
) -> UseCase:
    async def carry_out(running: Running, request: Request, user: str) -> BaseModel:
        assert isinstance(request, operation.request)
        return await function(running, request, user)

    return UseCase(operation, carry_out)


def _entry(
    operation: Operation[Q, A], function: Callable[[Site, Q, str, datetime, str], A]
) -> UseCase:
    """Something that is entered into the ledger or into energy management, or told of copies
    elsewhere."""

    async def carry_out(running: Running, asked: Q, user: str) -> A:
        site, now = running.runtime.site, running.now()
        return await running.on_files(lambda: function(site, asked, user, now, VIA))

    return _case(operation, carry_out)


def _edit(operation: Operation[ScheduleChange, ScheduleChanged]) -> UseCase:
    """Another text of a schedule file."""

    async def carry_out(running: Running, asked: ScheduleChange, user: str) -> ScheduleChanged:
        editor, now = _editor(running), running.now()
        return await running.on_files(lambda: change_schedule(editor, asked, user, VIA, now))

    return _case(operation, carry_out)


def _removal() -> UseCase:
    async def carry_out(running: Running, asked: RemoveSchedule, user: str) -> ScheduleRemoved:
        editor, now = _editor(running), running.now()
        return await running.on_files(lambda: remove_schedule(editor, asked, user, VIA, now))

    return _case(schedule_requests.REMOVE, carry_out)


def _editor(running: Running) -> Editor:
    site = running.runtime.site
    return Editor(site.directory, site.state_dir, site)


def _served(case: UseCase, running: Running) -> Served:
    async def carry_out(request: Request, user: str) -> BaseModel:
        return await case.carry_out(running, request, user)

    return Served(case.operation, carry_out)
