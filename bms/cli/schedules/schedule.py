"""Commands that look at schedule files and bring whole versions of them into force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bms.cli.common import (
    AS_JSON,
    SITE,
    ErrorGroup,
    on_clock,
    print_json,
    show,
    table_of,
    zone_name_of,
)
from bms.cli.energy.growth_commands import schedule as _schedule
from bms.cli.schedules.drafts import SCHEDULE, Settling, changing, editor_of, settle
from bms.cli.schedules.schedule_edit import copy_day, edit, exception, set_
from bms.core.errors import InvalidInput, Refused
from bms.texts.language import say, told
from bms.texts.messages import msg

for command in (set_, copy_day, exception, edit):
    _schedule.add_command(command)


@_schedule.command("list")
@SITE
@AS_JSON
def list_(site: Path, as_json: bool) -> None:
    """Every schedule: what it governs, its file, and who changed it last."""
    from bms.cli.common import load_site

    loaded = load_site(site)
    library, zone = loaded.library, loaded.file.zone
    revisions = editor_of(site).revisions
    rows: list[dict[str, Any]] = []
    for one in sorted(library.schedules.values(), key=lambda found: found.id):
        last = next(iter(revisions.of(one.origin.file)[-1:]), None)
        rows.append(
            {
                "id": one.id,
                "title": dict(one.title),
                "governs": sorted(one.governs),
                "seasons": getattr(one.seasons, "id", one.seasons),
                "file": one.origin.file,
                "revision": last.number if last else None,
                "changed": last.time if last else None,
                "by": last.who if last else None,
                "why": last.why if last else None,
            }
        )
    if as_json:
        print_json(rows)
        return
    table = table_of(None, "schedule", "title", "governs", "seasons", "revision", "changed", "by")
    from bms.cli.screens.tables import title_text

    for row in rows:
        changed = on_clock(row["changed"], zone)[:16] if row["changed"] else "—"
        table.add_row(
            row["id"], title_text(row["title"]), ", ".join(row["governs"]), row["seasons"] or "—",
            str(row["revision"] or "—"), changed, row["by"] or "—",
        )  # fmt: skip
    show(table)


@_schedule.command("show")
@SITE
@SCHEDULE
@click.option("--revision", type=click.IntRange(1), help="An earlier one.  [default: the file]")
@AS_JSON
def show_(site: Path, schedule: str, revision: int | None, as_json: bool) -> None:
    """The text of SCHEDULE, with the number of each line."""
    from bms.operations.editing.revisions import text_of
    from bms.storage.durable import digest
    from bms.texts.yaml.parsing import read

    editor = editor_of(site)
    file = editor.file_of(schedule)
    data = editor.revisions.text(file, revision) if revision else editor.text(file)
    text = text_of(data)
    if as_json:
        document, problems = read(file, text)
        print_json(
            {
                "file": file,
                "sha256": digest(data),
                "text": text,
                "data": document.data if document else None,
                "problems": [str(problem) for problem in problems],
            }
        )
        return
    click.echo(file)
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        click.echo(f"{number:>5} | {line}")


@_schedule.command()
@SITE
@click.argument("schedule", required=False)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@AS_JSON
def history(site: Path, schedule: str | None, limit: int, as_json: bool) -> None:
    """Who changed SCHEDULE (or any) when, via what and why; the latest first."""
    from bms.operations.editing.editor import Draft, versions

    editor = editor_of(site)
    files = (
        [editor.file_of(schedule, gone=True)]
        if schedule
        else [*editor.revisions.files(), *editor.revisions.gone()]
    )
    rows: list[dict[str, Any]] = []
    for one in versions(editor.revisions, files)[:limit]:
        earlier = [r for r in editor.revisions.of(one.file) if r.number < one.number]
        old = earlier[-1].path.read_bytes() if earlier else b""
        rows.append(
            {
                "file": one.file,
                "revision": one.number,
                "time": one.time,
                "who": one.who,
                "via": one.via,
                "why": one.why,
                "sha256": one.sha256,
                "changes": Draft(one.file, old, one.path.read_bytes()).words() if old else [],
            }
        )
    if as_json:
        print_json(rows)
        return
    zone = zone_name_of(site)
    table = table_of(None, "file", "revision", "time", "who", "via", "why", "changes")
    for row in rows:
        table.add_row(
            str(row["file"]).removeprefix("schedules/"), str(row["revision"]),
            on_clock(row["time"], zone), str(row["who"]), str(row["via"]), told(row["why"]),
            "\n".join(map(told, row["changes"])),
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
    from bms.operations.editing.editor import Draft
    from bms.storage.durable import on_disk

    editor = editor_of(site)
    file = editor.file_of(schedule, gone=True)
    old = on_disk(editor.directory / file) or b""  # a file that was removed comes back
    draft = Draft(file, old, editor.revisions.text(file, revision))
    settle(editor, draft, "schedule.restore", settling)


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
    from bms.operations.editing.editor import Draft
    from bms.operations.editing.revisions import text_of
    from bms.texts.yaml.parsing import read
    from schedules.files.week_table import weeks

    editor = editor_of(site)
    data = source.read_bytes()
    if source.suffix.lower() == ".csv":
        if schedule is None:
            raise InvalidInput(msg("a table is for one schedule: name it with --into"))
        text = text_of(data)

        def with_weeks(old: dict[str, Any]) -> Any:
            return {**old, "week": {**(old.get("week") or {}), **weeks(text)}}

        draft = editor.draft(editor.file_of(schedule), with_weeks)
    else:
        document, problems = read(source.name, text_of(data))
        if document is None or not isinstance(document.data, dict):
            raise InvalidInput(msg("{source} cannot be read", source=source), problems)
        words = {key: document.data.get(key) for key in ("schedule", "calendar")}
        name = words["schedule"] or (f"calendars/{source.stem}" if words["calendar"] else None)
        if not isinstance(name, str) or "\0" in name or ".." in name or name.startswith("/"):
            raise InvalidInput(
                msg("{source} is neither a schedule nor a calendar: it has no id", source=source)
            )
        file = f"schedules/{name}.yaml"
        there = editor.revisions.files().get(file)
        if there is not None and not replace:
            raise Refused(
                msg("{file} is there already; --replace takes the new one in its place", file=file)
            )
        draft = Draft(file, there or b"", data)
    settle(editor, draft, "schedule.import", settling)


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
    import json
    from datetime import datetime

    from bms.cli.common import instant, state_dir_of
    from bms.storage.audit import entries

    zone = zone_name_of(site)
    since = instant(zone, start, "--from") if start else None
    rows = [
        entry
        for entry in entries(state_dir_of(site))
        if (who is None or who in str(entry.get("who")))
        and (what is None or what in str(entry.get("what")))
        and (text is None or text in json.dumps(entry, ensure_ascii=False))
        and (since is None or datetime.fromisoformat(str(entry.get("time"))) >= since)
    ]
    rows = rows[::-1][:limit]
    if as_json:
        print_json(rows)
        return
    table = table_of(None, "number", "time", "who", "via", "what", "about", "why")
    for row in rows:
        about = row.get("file") or row.get("point") or ", ".join(row.get("files") or ())
        table.add_row(
            str(row.get("seq")), on_clock(row.get("time"), zone), str(row.get("who")),
            str(row.get("via")), str(row.get("what")), str(about or ""),
            told(row.get("why") or ""),
        )  # fmt: skip
    show(table)


@audit.command()
@SITE
@AS_JSON
def verify(site: Path, as_json: bool) -> None:
    """Check that no entry was changed, removed or put in between."""
    import sys

    from bms.cli.common import state_dir_of
    from bms.storage.audit import verify as check

    count, problems = check(state_dir_of(site))
    if as_json:
        print_json({"entries": count, "problems": problems})
    else:
        for problem in problems:
            click.echo(told(problem), err=True)
        click.echo(
            say("{count} entries: the chain is broken", count=count)
            if problems
            else say("{count} entries: the chain holds", count=count)
        )
    if problems:
        sys.exit(1)
