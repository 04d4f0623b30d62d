"""Issue the month's sheets of a site."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from bms.config.site import Base, Site
from bms.core.errors import DiskError, InvalidInput, Refused
from bms.core.instants import local_midnight
from bms.historian.log.log_queries import FILE_NAME as HISTORY
from bms.historian.log.log_queries import Queries
from bms.ledger.database.store import Ledger
from bms.ledger.up_to_date import open_ledger
from bms.operations.reporting.issues import FOLDER, file_name, issue
from bms.operations.reporting.power_factors import factors_of
from bms.operations.requests.operation import Answer, Request
from bms.reports.documents.document import Document
from bms.reports.documents.faces import FACES, Face
from bms.reports.month.gathering import gather, is_over
from bms.reports.month.group_runs import group_runs
from bms.reports.month.month_sheet import month_sheet
from bms.storage.durable import write_whole
from bms.texts.field import Words
from bms.texts.messages import msg
from bms.texts.problems import suggestion
from bms.texts.system_errors import os_cause

FIRST_QUARTER: Final = timedelta(minutes=15)
"""Before it is over nothing can be told of a month."""
MOST_GROUPS: Final = 3
"""Whose running is drawn: those that used most."""


class AskMonth(Request):
    """The month's sheets of a site."""

    bases: tuple[str, ...] = ()
    """Empty: all."""
    month: date | None = None
    """Its first day. None: the last one that is over."""
    formats: tuple[Literal["html", "xlsx", "csv", "json"], ...] = ("html", "xlsx")
    languages: tuple[Literal["en", "zh"], ...] = Field(min_length=1)
    out: Path | None = None
    """A directory that gets a copy; the only place of a month that is not over."""


class MonthIssued(Answer):
    """What was issued of one base."""

    base: str
    month: str
    issue: int | None
    """None: the month is not over, nothing was issued."""
    new: bool
    answer: Words
    changes: tuple[Words, ...]
    files: tuple[str, ...]


def issue_months(site: Site, asked: AskMonth, now: datetime) -> list[MonthIssued]:
    """Make the sheets, and keep those of months that are over as they were issued.

    Raises InvalidInput for a base that there is not, Refused for a month that has not begun or
    is not over and has no directory to go to, StoreError where nothing can be read or written.
    """
    for name in asked.bases:
        if name not in site.bases:
            raise InvalidInput(
                msg("no base '{name}'; {suggestion}", name=name,
                    suggestion=suggestion(name, site.bases))
            )  # fmt: skip
    bases = [site.bases[name] for name in asked.bases or site.bases]
    with open_ledger(site, site.state_dir, now) as ledger:
        return [_issue(site, base, ledger, asked, now) for base in bases]


def _issue(site: Site, base: Base, ledger: Ledger, asked: AskMonth, now: datetime) -> MonthIssued:
    zone = ZoneInfo(base.zone)
    today = now.astimezone(zone).date()
    month = asked.month or _last_month(today)
    if now < local_midnight(month, zone) + FIRST_QUARTER:
        raise Refused(msg("the month {month:%Y-%m} has not begun", month=month))
    over = is_over(month, zone, now)
    if not over and asked.out is None:
        raise Refused(
            msg(
                "the month {month:%Y-%m} is not over; name a directory with --out to see it so far",
                month=month,
            )
        )
    document = sheet_of(site, base, ledger, month, now)
    names = [(form, language) for form in asked.formats for language in asked.languages]
    if not over:
        assert asked.out is not None
        files = [
            _copy(asked.out, file_name(document, form, language), FACES[form](document, language))
            for form, language in names
        ]
        return _answer(document, None, files)
    faces: dict[str, Face] = {form: FACES[form] for form in asked.formats}
    issued = issue(document, site.state_dir / FOLDER, faces, asked.languages)
    files = list(issued.files)
    if asked.out is not None:
        files = [_copy(asked.out, path.name, path.read_bytes()) for path in files]
    return _answer(issued.document, issued.document.issue, files, new=issued.new)


def sheet_of(site: Site, base: Base, ledger: Ledger, month: date, now: datetime) -> Document:
    """The sheet of one base, not issued."""
    data = gather(site, base, ledger, month, now, factors_of(site, base, month))
    with ExitStack() as stack:
        history = None
        if (site.state_dir / HISTORY).exists():
            history = stack.enter_context(Queries(site.state_dir, read_only=True))
        runs = group_runs(site, data, history, MOST_GROUPS)
    return month_sheet(data, version("bms"), runs)


def _answer(
    document: Document, number: int | None, files: Sequence[Path], *, new: bool = False
) -> MonthIssued:
    return MonthIssued.model_validate(
        {
            "base": document.subject.key,
            "month": document.period,
            "issue": number,
            "new": new,
            "answer": document.answer,
            "changes": document.changes,
            "files": [str(path) for path in files],
        }
    )


def _copy(directory: Path, name: str, data: bytes) -> Path:
    try:
        write_whole(directory / name, data)
    except OSError as error:
        raise DiskError(
            msg("{path}: cannot be written: {cause}", path=directory, cause=os_cause(error))
        ) from error
    return directory / name


def _last_month(today: date) -> date:
    number = today.year * 12 + today.month - 2
    return date(number // 12, number % 12 + 1, 1)
