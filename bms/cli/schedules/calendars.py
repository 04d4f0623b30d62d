"""Commands about calendars: import public holidays, list, show."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from bms.cli.common import (
    AS_JSON,
    SITE,
    YEARS,
    ErrorGroup,
    clock_now,
    load_site,
    print_json,
    show,
    table_of,
)
from bms.core.errors import InvalidInput, Refused
from bms.texts.language import say
from bms.texts.messages import msg
from bms.texts.system_errors import os_cause


@click.group(cls=ErrorGroup)
def calendar() -> None:
    """Calendars that schedules share: holidays, make-up workdays, local days."""


@calendar.command("import")
@click.argument("country")
@click.argument("year", type=click.IntRange(*YEARS))
@click.option(
    "--into",
    "site",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Write a draft into the calendars of this site.  [default: print it]",
)
@click.option("--replace", is_flag=True, help="Write it although there is one; needs --reason.")
@click.option("--reason", help="Why it is written again.")
@AS_JSON
def import_(
    country: str, year: int, site: Path | None, replace: bool, reason: str | None, as_json: bool
) -> None:
    """Public holidays of COUNTRY (two letters, e.g. CN) in YEAR, as a draft to review.

    A draft is not in force: check it against the official notice, then rename it to .yaml.
    """
    from bms.config.writing.public_holidays import calendar_text, gather

    found = gather(country.upper(), year)
    text = calendar_text(found)
    draft = None
    if site is not None:
        draft = _write_draft(site, found.calendar_id, year, text, replace, reason)
    if as_json:
        print_json(
            {
                "calendar": found.calendar_id,
                "year": year,
                "sources": list(found.sources),
                "differences": list(found.differences),
                "holidays": {str(day): name for day, name in found.holidays.items()},
                "workdays": {str(day): name for day, name in found.workdays.items()},
                "draft": str(draft) if draft else None,
            }
        )
        return
    if draft is None:
        click.echo(text, nl=False)
        return
    for difference in found.differences:
        click.echo(say("differs: {difference}", difference=difference), err=True)
    click.echo(
        say(
            "{draft}: {holidays} holidays, {workdays} make-up workdays",
            draft=draft,
            holidays=len(found.holidays),
            workdays=len(found.workdays),
        )
    )
    click.echo(
        say(
            "Check it, then put it in force: mv {draft} {path}",
            draft=draft,
            path=draft.with_suffix(""),
        )
    )


def _write_draft(
    site: Path, calendar_id: str, year: int, text: str, replace: bool, reason: str | None
) -> Path:
    if replace and not (reason and reason.strip()):
        raise InvalidInput(msg("--replace needs --reason: why is it written again?"))
    folder = site / "schedules" / "calendars"
    path = folder / f"{calendar_id}-{year}.yaml"
    draft = path.with_suffix(".yaml.draft")
    for there in (path, draft):
        if there.exists() and not replace:
            raise Refused(
                msg(
                    "{file} exists already; to write the draft again: --replace --reason ...",
                    file=there,
                )
            )
    if replace and reason:
        again = say("Written again: {reason}", reason=" ".join(reason.split()))
        text = f"# {again}\n{text}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InvalidInput(
            msg("cannot write {draft}: {cause}", draft=draft, cause=os_cause(error))
        ) from None
    return draft


@calendar.command("list")
@SITE
@AS_JSON
def list_(site: Path, as_json: bool) -> None:
    """Every calendar: the years it has, what is in it, and whether one is missing."""

    library = load_site(site).library
    missing = library.missing_years(clock_now().date())
    rows: list[dict[str, Any]] = [
        {
            "id": name,
            "years": sorted(found.years) if found.years is not None else None,
            "entries": {kind: len(entries) for kind, entries in found.entries.items()},
            "missing": missing.get(name),
        }
        for name, found in sorted(library.calendars.items())
    ]
    if as_json:
        print_json(rows)
        return
    table = table_of(None, "calendar", "years", "entries", "")
    for row in rows:
        years = say("every year") if row["years"] is None else ", ".join(map(str, row["years"]))
        kinds = ", ".join(f"{count} {kind}" for kind, count in row["entries"].items())
        lacks = say("{missing} is missing", missing=row["missing"]) if row["missing"] else ""
        table.add_row(row["id"], years, kinds, lacks)
    show(table)


@calendar.command("show")
@SITE
@click.argument("name")
@click.option("--year", type=click.IntRange(*YEARS), help="[default: this year]")
@AS_JSON
def show_(site: Path, name: str, year: int | None, as_json: bool) -> None:
    """The days of a calendar in a year, and the line each is from."""
    from datetime import date

    from bms.texts.problems import suggestion

    library = load_site(site).library
    found = library.calendars.get(name)
    if found is None:
        raise InvalidInput(
            msg(
                "no calendar '{name}'; {suggestion}",
                name=name,
                suggestion=suggestion(name, library.calendars),
            )
        )
    wanted = year or clock_now().year
    first = date(wanted, 1, 1)
    days = (first + timedelta(days=n) for n in range((date(wanted + 1, 1, 1) - first).days))
    rows = [
        {"date": str(day), "kind": kind, "name": entry.name, "origin": str(entry.origin)}
        for day in days
        for kind in found.entries
        if (entry := found.entry(kind, day)) is not None
    ]
    if as_json:
        print_json(rows)
        return
    table = table_of(None, "date", "", "kind", "name", "line")
    for row in rows:
        weekday = f"{date.fromisoformat(row['date']):%a}"
        table.add_row(row["date"], weekday, row["kind"], row["name"], row["origin"])
    show(table)
    if found.lacks(wanted):
        click.echo(say("{source} says nothing about {year}", source=name, year=wanted), err=True)
