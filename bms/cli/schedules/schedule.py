"""Commands that look at schedule files and bring whole versions of them into force."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bms.cli.common import (
    AS_JSON,
    METERS_APART,
    SITE,
    ErrorGroup,
    changed,
    clock_now,
    load_for,
    on_clock,
    print_json,
    show,
    table_of,
    zone_name_of,
)
from bms.cli.energy.growth_commands import schedule as _schedule
from bms.cli.schedules.drafts import (
    SCHEDULE,
    Settling,
    ask_reason,
    asks,
    changing,
    editor_of,
    settle,
)
from bms.cli.schedules.schedule_edit import copy_day, edit, exception, set_
from bms.texts.clean import harmless
from bms.texts.language import say, told

for command in (set_, copy_day, exception, edit):
    _schedule.add_command(command)


@_schedule.command("list")
@SITE
@AS_JSON
def list_(site: Path, as_json: bool) -> None:
    """Every schedule: what it governs, its file, and who changed it last."""
    from bms.operations.use_cases.schedule_cases import list_schedules

    loaded = load_for(site, METERS_APART)
    answer, zone = list_schedules(loaded, editor_of(site)), loaded.file.zone
    if as_json:
        print_json(answer.plain())
        return
    table = table_of(None, "schedule", "title", "governs", "seasons", "revision", "changed", "by")
    from bms.cli.screens.tables import title_text

    for row in answer.root:
        changed = on_clock(row.changed, zone)[:16] if row.changed else "—"
        table.add_row(
            row.id, title_text(row.title), ", ".join(row.governs), row.seasons or "—",
            str(row.revision or "—"), changed, row.by or "—",
        )  # fmt: skip
    show(table)


@_schedule.command("show")
@SITE
@SCHEDULE
@click.option("--revision", type=click.IntRange(1), help="An earlier one.  [default: the file]")
@AS_JSON
def show_(site: Path, schedule: str, revision: int | None, as_json: bool) -> None:
    """The text of SCHEDULE, with the number of each line."""
    from bms.operations.requests.schedule_requests import ShowSchedule
    from bms.operations.use_cases.schedule_cases import show_schedule

    answer = show_schedule(editor_of(site), ShowSchedule(schedule=schedule, revision=revision))
    if as_json:
        print_json(answer.plain())
        return
    click.echo(answer.file)
    for number, line in enumerate(answer.text.removeprefix("\ufeff").splitlines(), 1):
        click.echo(f"{number:>5} | {harmless(line)}")


@_schedule.command()
@SITE
@click.argument("schedule", required=False)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@AS_JSON
def history(site: Path, schedule: str | None, limit: int, as_json: bool) -> None:
    """Who changed SCHEDULE (or any) when, via what and why; the latest first."""
    from bms.operations.requests.schedule_requests import ScheduleHistory
    from bms.operations.use_cases.schedule_cases import schedule_history

    answer = schedule_history(editor_of(site), ScheduleHistory(schedule=schedule, limit=limit))
    if as_json:
        print_json(answer.plain())
        return
    zone = zone_name_of(site)
    table = table_of(None, "file", "revision", "time", "who", "via", "why", "changes")
    for row in answer.root:
        table.add_row(
            row.file.removeprefix("schedules/"), str(row.revision), on_clock(row.time, zone),
            row.who, row.via, told(row.why), "\n".join(map(told, row.changes)),
        )  # fmt: skip
    show(table)


@_schedule.command()
@SITE
@SCHEDULE
@click.argument("revision", type=click.IntRange(1))
@changing
def restore(
    site: Path, schedule: str, revision: int, settling: Settling,
) -> None:  # fmt: skip
    """Put REVISION of SCHEDULE in force again, as a new revision."""
    from bms.operations.requests.schedule_requests import RestoreSchedule

    asked = RestoreSchedule(schedule=schedule, revision=revision)
    settle(editor_of(site), asked, settling)


@_schedule.command()
@SITE
@SCHEDULE
@click.option("--reason", help="Why; kept in the audit.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@AS_JSON
def remove(site: Path, schedule: str, reason: str | None, yes: bool, as_json: bool) -> None:
    """Take SCHEDULE out of force: its file goes, or stays gone if it is gone already.

    Until this is done, a file that is gone from the disk stays in force as it was last.
    """
    from bms.operations.requests.schedule_requests import REMOVE, RemoveSchedule
    from bms.operations.use_cases.schedule_cases import reason_needed, remove_schedule

    why = reason_needed(reason or ask_reason(yes))
    if not yes:
        asks()
        click.confirm(say("Remove {schedule}?", schedule=schedule), abort=True, err=as_json)
    asked = RemoveSchedule(schedule=schedule, reason=why)
    editor = editor_of(site)
    answer = changed(
        editor.state_dir,
        REMOVE,
        asked,
        lambda who: remove_schedule(editor, asked, who, "cli", clock_now()),
    )
    if as_json:
        print_json(answer.plain())
        return
    click.echo(
        say(
            "{file} is out of force; undo: bms schedule restore {directory} {name} {revision} "
            "--reason ...",
            file=answer.file,
            directory=site,
            name=answer.file.removeprefix("schedules/").removesuffix(".yaml"),
            revision=answer.revision,
        )
    )


@_schedule.command("import")
@SITE
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--into", "schedule", help="For a CSV table: the schedule whose weeks it replaces.")
@click.option("--replace", is_flag=True, help="Take it although a file of that name is there.")
@changing
def import_(
    site: Path, source: Path, schedule: str | None, replace: bool, settling: Settling,
) -> None:  # fmt: skip
    """Take a schedule or calendar from elsewhere: a YAML file, or a CSV week table.

    A table has the columns season, day, from, to, mode, and one per setpoint.
    """
    from bms.operations.requests.schedule_requests import ImportSchedule

    asked = ImportSchedule(
        name=str(source), text=source.read_bytes(), into=schedule, replace=replace
    )
    settle(editor_of(site), asked, settling)


@click.group(cls=ErrorGroup)
def audit() -> None:
    """Who changed what, via what and why."""


@audit.command("list")
@SITE
@click.option("--who", help="Only entries of this user.")
@click.option("--what", help="Only this kind of change, e.g. schedule; a part is enough.")
@click.option("--text", help="Only entries that have this text anywhere.")
@click.option("--from", "start", help="Only entries since this day or instant.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@AS_JSON
def audit_list(
    site: Path, who: str | None, what: str | None, text: str | None, start: str | None,
    limit: int, as_json: bool,
) -> None:  # fmt: skip
    """Entries of the audit, the latest first."""
    from bms.cli.common import instant, state_dir_of
    from bms.operations.requests.past_requests import ListAudit
    from bms.operations.use_cases.past_cases import list_audit

    zone = zone_name_of(site)
    since = instant(zone, start, "--from") if start else None
    asked = ListAudit(who=who, what=what, text=text, since=since, limit=limit)
    answer = list_audit(state_dir_of(site), asked)
    if as_json:
        print_json(answer.plain())
        return
    table = table_of(None, "number", "time", "who", "via", "what", "about", "why")
    for row in answer.shown():
        about = _about(row)
        table.add_row(
            str(row.get("seq")), on_clock(row.get("time"), zone), str(row.get("who")),
            str(row.get("via")), str(row.get("what")), str(about or ""),
            told(row.get("why") or ""),
        )  # fmt: skip
    show(table)


def _about(row: Mapping[str, Any]) -> str:
    """What an entry is about: a file, a point, a meter, or a place of a device and its value."""
    if row.get("what") == "raw.write":
        place = " ".join(str(row[key]) for key in ("link", "place") if row.get(key))
        unit = row.get("unit")
        where = say("{place} of unit {unit}", place=place, unit=unit) if unit is not None else place
        return f"{where} = {row.get('value')} ({told(row.get('outcome') or '')})"
    files = row.get("files")
    listed = ", ".join(map(str, files)) if isinstance(files, list | tuple) else ""
    return str(row.get("file") or row.get("point") or row.get("meter") or listed)


@audit.command()
@SITE
@click.option(
    "--anchor",
    metavar="HASH",
    help="The hash of an entry, or its beginning, noted elsewhere: from a report, the log, a copy.",
)
@AS_JSON
def verify(site: Path, anchor: str | None, as_json: bool) -> None:
    """Check that no entry was changed, removed or put in between.

    Who may write the state directory can write the whole chain again, and what is kept in it. An
    --anchor that left the machine earlier shows that too.
    """

    from bms.cli.common import state_dir_of
    from bms.operations.requests.past_requests import VerifyAudit
    from bms.operations.use_cases.past_cases import verify_audit

    answer = verify_audit(state_dir_of(site), VerifyAudit(anchor=anchor))
    count, problems = answer.entries, answer.problems
    if as_json:
        print_json(answer.plain())
    else:
        for problem in problems:
            click.echo(told(problem), err=True)
        click.echo(
            say("{count} entries: the chain is broken", count=count)
            if problems
            else say("{count} entries: the chain holds", count=count)
        )
        if answer.head is not None:
            click.echo(say("the last one is {head}: note it elsewhere", head=answer.head))
    if problems:
        sys.exit(1)
