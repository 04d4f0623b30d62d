"""Look at schedule files and change them, where they are. A running controller notices, checks and
adopts a changed file by itself."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePath
from typing import Any

from bms.config.site import Site
from bms.core.errors import InvalidInput, Refused
from bms.core.reasons import reason_of
from bms.operations.editing.editor import Draft, Editor, versions
from bms.operations.editing.revisions import Author, text_of
from bms.operations.requests.schedule_requests import (
    AddException,
    CopyDay,
    EditSchedule,
    ImportSchedule,
    RemoveException,
    RemoveSchedule,
    RestoreSchedule,
    Revisions,
    RevisionView,
    ScheduleChange,
    ScheduleChanged,
    ScheduleHistory,
    ScheduleRemoved,
    Schedules,
    ScheduleText,
    ScheduleView,
    SetBlock,
    ShowSchedule,
)
from bms.storage.durable import digest, on_disk
from bms.texts.messages import msg
from bms.texts.problems import TextError, counted
from bms.texts.yaml.parsing import read
from schedules import edits
from schedules.files.week_table import number, weeks


def change_schedule(
    editor: Editor, asked: ScheduleChange, user: str, via: str, now: datetime
) -> ScheduleChanged:
    """Change a file: checked with all others, kept as a revision, audited.

    Raises InvalidInput with the problems that it would have (a trial answers with them), Refused
    where nothing would change, the file was changed meanwhile, or the user may not.
    """
    what, draft = _drafted(editor, asked)
    if draft.old == draft.new:
        raise Refused(msg("{file} says so already: there is nothing to change", file=draft.file))
    answer = ScheduleChanged(
        file=draft.file,
        applied=False,
        changes=tuple(draft.words()),
        lines=tuple(draft.lines()),
        edited_from=draft.edited_from,
        before=draft.old,
        after=draft.new,
        problems=tuple(editor.problems_of(draft)),
    )
    if asked.dry_run:
        return answer
    if answer.problems:
        raise refused(answer)
    edited_from = draft.edited_from if asked.edited_from is None else asked.edited_from
    author = Author(user, via, reason_needed(asked.reason))
    made = editor.apply(draft, what, author, now, edited_from=edited_from)
    return answer.model_copy(
        update={"applied": True, "revision": made.number, "sha256": made.sha256}
    )


def remove_schedule(
    editor: Editor, asked: RemoveSchedule, user: str, via: str, now: datetime
) -> ScheduleRemoved:
    """Take a file out of force; what it said stays among the revisions, and it is audited.

    Raises InvalidInput for an unknown file, or with the problems that the others would have
    without it; Refused if the user may not.
    """
    file = editor.file_of(asked.schedule, gone=True)
    editor.remove(file, Author(user, via, reason_needed(asked.reason)), now)
    return ScheduleRemoved(file=file, revision=editor.revisions.of(file)[-1].number)


def reason_needed(reason: str) -> str:
    """The reason of a change. Raises InvalidInput if it says nothing."""
    return reason_of(reason, msg("say why with --reason: the next shift will want to know"))


def refused(answer: ScheduleChanged) -> InvalidInput:
    """Says that a text does not come into force, and why."""
    count = counted(answer.problems)
    return InvalidInput(
        msg("{file} would have {count}; nothing was changed", file=answer.file, count=count),
        answer.problems,
    )


def _drafted(editor: Editor, asked: ScheduleChange) -> tuple[str, Draft]:
    """The kind of change as the audit names it, and the text that would be."""
    match asked:
        case SetBlock():
            return "schedule.set", _set_block(editor, asked)
        case CopyDay():
            return "schedule.copy-day", _copied_day(editor, asked)
        case AddException():
            return "schedule.exception", _with_exception(editor, asked)
        case RemoveException():
            return "schedule.exception", _without_exception(editor, asked)
        case EditSchedule():
            file = editor.file_of(asked.schedule)
            before = asked.before or on_disk(editor.directory / file) or b""
            return "schedule.edit", Draft(file, before, asked.text)
        case RestoreSchedule():
            return "schedule.restore", _restored(editor, asked)
        case ImportSchedule():
            return "schedule.import", _imported(editor, asked)
    raise TypeError(f"no change of a schedule: {asked!r}")


def _set_block(editor: Editor, asked: SetBlock) -> Draft:
    if asked.add and asked.remove:
        raise InvalidInput(msg("--add and --remove together make no sense"))
    named = (("from", asked.start), ("to", asked.end), ("mode", asked.mode))

    def change(data: dict[str, Any]) -> Any:
        wanted: dict[str, Any] = {key: value for key, value in named if value}
        wanted |= {name: number(text, f"--set {name}") for name, text in asked.setpoints.items()}
        wanted |= dict.fromkeys(asked.unset)
        return _changed_day(data, asked, wanted)

    return editor.draft(editor.file_of(asked.schedule), change)


def _changed_day(data: dict[str, Any], asked: SetBlock, wanted: dict[str, Any]) -> Any:
    if not wanted and not asked.remove:
        raise InvalidInput(msg("say what to change: --from, --to, --mode or --set"))
    if asked.day == "otherwise":
        if asked.block or asked.add or asked.remove or asked.start or asked.end:
            raise InvalidInput(msg("'otherwise' has no blocks and no times; give --mode or --set"))
        return edits.set_otherwise(data, wanted)
    whose = edits.season_of(data, asked.day, asked.season)
    if asked.add:
        missing = [f"--{key}" for key in ("from", "to", "mode") if key not in wanted]
        if missing:
            raise InvalidInput(msg("--add needs {options}", options=", ".join(missing)))
        if asked.block:
            raise InvalidInput(msg("--add takes no {argument}", argument="BLOCK"))
        return edits.add_block(data, whose, asked.day, wanted)
    if asked.block is None:
        raise InvalidInput(msg("name the block: its number or the time it begins at; or --add one"))
    if asked.remove:
        return edits.remove_block(data, whose, asked.day, asked.block)
    return edits.set_block(data, whose, asked.day, asked.block, wanted)


def _copied_day(editor: Editor, asked: CopyDay) -> Draft:
    def change(data: dict[str, Any]) -> Any:
        whose = edits.season_of(data, asked.day, asked.season)
        return edits.copy_day(data, whose, asked.day, asked.to)

    return editor.draft(editor.file_of(asked.schedule), change)


def _with_exception(editor: Editor, asked: AddException) -> Draft:
    rule: dict[str, Any] = {"name": asked.name, "dates": list(asked.dates), "do": asked.do}
    if asked.do == "use":
        if asked.day is None or asked.blocks:
            raise InvalidInput(msg("'use' takes --day, and no --block"))
        rule["day"] = asked.day
    else:
        if asked.day is not None:
            raise InvalidInput(
                msg("'{action}' takes --block; --day goes with 'use'", action=asked.do)
            )
        rule["blocks"] = [_block(text) for text in asked.blocks]
    file = editor.file_of(asked.schedule)
    return editor.draft(file, lambda data: edits.add_exception(data, rule))


def _without_exception(editor: Editor, asked: RemoveException) -> Draft:
    file = editor.file_of(asked.schedule)
    return editor.draft(file, lambda data: edits.remove_exception(data, asked.which)[0])


def _restored(editor: Editor, asked: RestoreSchedule) -> Draft:
    file = editor.file_of(asked.schedule, gone=True)
    old = on_disk(editor.directory / file) or b""  # a file that was removed comes back
    return Draft(file, old, editor.revisions.text(file, asked.revision))


def _imported(editor: Editor, asked: ImportSchedule) -> Draft:
    source = PurePath(asked.name)
    if source.suffix.lower() == ".csv":
        if asked.into is None:
            raise InvalidInput(msg("a table is for one schedule: name it with --into"))
        text = text_of(asked.text)

        def with_weeks(old: dict[str, Any]) -> Any:
            return {**old, "week": {**(old.get("week") or {}), **weeks(text)}}

        return editor.draft(editor.file_of(asked.into), with_weeks)
    document, problems = read(source.name, text_of(asked.text))
    if document is None or not isinstance(document.data, dict):
        raise InvalidInput(msg("{source} cannot be read", source=asked.name), problems)
    words = {key: document.data.get(key) for key in ("schedule", "calendar")}
    name = words["schedule"] or (f"calendars/{source.stem}" if words["calendar"] else None)
    if not isinstance(name, str) or "\0" in name or ".." in name or name.startswith("/"):
        raise InvalidInput(
            msg("{source} is neither a schedule nor a calendar: it has no id", source=asked.name)
        )
    file = f"schedules/{name}.yaml"
    there = editor.revisions.files().get(file)
    if there is not None and not asked.replace:
        raise Refused(
            msg("{file} is there already; --replace takes the new one in its place", file=file)
        )
    return Draft(file, there or b"", asked.text)


def _block(text: str) -> dict[str, Any]:
    """`20:30-21:30=off,level_pct=20` as a block. Raises InvalidInput."""
    times, sign, rest = text.partition("=")
    start, dash, end = times.partition("-")
    mode, *more = rest.split(",")
    if not (sign and dash and mode):
        raise InvalidInput(
            msg("--block '{text}': write FROM-TO=MODE, for example 20:30-21:30=off", text=text)
        )
    block: dict[str, Any] = {"from": start, "to": end, "mode": mode}
    for part in more:
        name, sign, value = part.partition("=")
        if not sign or not name:
            raise InvalidInput(
                msg("{name} '{option}': write name=value", name="--block", option=part)
            )
        try:
            block[name] = number(value, f"--block {name}")
        except TextError as error:
            raise InvalidInput(msg("{error}; {hint}", error=error, hint=error.hint)) from None
    return block


# --- looking ---------------------------------------------------------------------------------


def list_schedules(site: Site, editor: Editor) -> Schedules:
    """What every schedule governs, and who changed it last."""
    rows = []
    for one in sorted(site.library.schedules.values(), key=lambda found: found.id):
        last = next(iter(editor.revisions.of(one.origin.file)[-1:]), None)
        rows.append(
            ScheduleView(
                id=one.id,
                title=dict(one.title),
                governs=tuple(sorted(one.governs)),
                seasons=getattr(one.seasons, "id", one.seasons),
                file=one.origin.file,
                revision=last.number if last else None,
                changed=last.time if last else None,
                by=last.who if last else None,
                why=last.why if last else None,
            )
        )
    return Schedules(tuple(rows))


def show_schedule(editor: Editor, asked: ShowSchedule) -> ScheduleText:
    """A file, or an earlier version of it."""
    file = editor.file_of(asked.schedule)
    data = editor.revisions.text(file, asked.revision) if asked.revision else editor.text(file)
    text = text_of(data)
    document, problems = read(file, text)
    return ScheduleText(
        file=file,
        sha256=digest(data),
        text=text,
        data=document.data if document else None,
        problems=tuple(problem.sentence for problem in problems),
    )


def schedule_history(editor: Editor, asked: ScheduleHistory) -> Revisions:
    """Who changed what and why, the latest first."""
    revisions = editor.revisions
    files = (
        [editor.file_of(asked.schedule, gone=True)]
        if asked.schedule
        else [*revisions.files(), *revisions.gone()]
    )
    rows = []
    for one in versions(revisions, files)[: asked.limit]:
        earlier = [r for r in revisions.of(one.file) if r.number < one.number]
        old = earlier[-1].path.read_bytes() if earlier else b""
        changes = Draft(one.file, old, one.path.read_bytes()).words() if old else []
        rows.append(
            RevisionView(
                file=one.file,
                revision=one.number,
                time=one.time,
                who=one.who,
                via=one.via,
                why=one.why,
                sha256=one.sha256,
                changes=tuple(changes),
            )
        )
    return Revisions(tuple(rows))
