"""Public holidays of a year out of the libraries that know them, as a calendar file to review.

For mainland China two libraries are asked, `holidays` and `chinesecalendar`, because nothing
official can be read by machines: the State Council announces the next year's holidays and
make-up workdays (调休) in November, and each library copies the notice by hand. A day on which
they disagree is named in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import version
from itertools import groupby

from bms.core.errors import InvalidInput, NotAvailable
from bms.texts.language import say, told
from bms.texts.messages import msg

CHINA = "CN"
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class PublicHolidays:
    """The free days and the make-up workdays of a country in a year."""

    country: str
    """ISO 3166 code."""
    year: int
    holidays: Mapping[date, str]
    """Free days with their names; weekend days within a holiday too, where the source has them."""
    workdays: Mapping[date, str]
    """Weekend days that are worked, and what for."""
    differences: tuple[str, ...]
    """Days that the sources do not agree about, for people."""
    sources: tuple[str, ...]

    @property
    def calendar_id(self) -> str:
        return self.country.lower()


def gather(country: str, year: int) -> PublicHolidays:
    """Ask the libraries.

    Raises NotAvailable if they are not installed or do not know the year yet, InvalidInput for a
    country that they do not know.
    """
    try:
        import holidays as library
    except ImportError:
        raise _missing() from None
    try:
        found = library.country_holidays(country, years=year, language=None)
    except NotImplementedError:
        raise InvalidInput(
            msg(
                "no country '{country}': write its two-letter code, such as CN, DE or US",
                country=country,
            )
        ) from None
    free = {day: found[day] for day in sorted(found) if day.year == year}
    worked = {day for day in found.weekend_workdays if day.year == year}
    source = f"holidays {version('holidays')}"
    if country != CHINA:
        names = dict.fromkeys(sorted(worked), say("make-up workday"))
        return PublicHolidays(country, year, free, names, (), (source,))
    return _china(year, set(free), worked, source)


def _missing() -> NotAvailable:
    return NotAvailable(
        msg(
            "the libraries of holidays are missing: {command}",
            command="pip install 'bms[calendars]'",
        )
    )


def _china(year: int, free: set[date], worked: set[date], source: str) -> PublicHolidays:
    try:
        import chinese_calendar as library
    except ImportError:
        raise _missing() from None
    known = f"chinesecalendar {version('chinesecalendar')}"
    last = max(library.holidays).year
    if not min(library.holidays).year <= year <= last:
        raise NotAvailable(
            msg(
                "{library} reaches to {last_year}: the State Council's notice for {year} "
                "is not in it. It comes each November; then: {command}",
                library=known,
                last_year=last,
                year=year,
                command="pip install -U chinesecalendar holidays",
            )
        )

    def named(days: Mapping[date, str], suffix: str) -> dict[date, str]:
        chinese = {holiday.value: holiday.chinese for holiday in library.Holiday}
        return {
            day: f"{chinese.get(name, '')}{suffix} {name}".strip()
            for day, name in sorted(days.items())
            if day.year == year
        }

    holidays, workdays = named(library.holidays, ""), named(library.workdays, "调休")
    differences = []
    for n in range((date(year + 1, 1, 1) - date(year, 1, 1)).days):
        day = date(year, 1, 1) + timedelta(days=n)
        one = works(day, free, worked)
        other = works(day, holidays, workdays)
        if one != other:
            differing = (
                msg("{day}: worked in {library}, free in {other_library}",
                    day=day, library=source, other_library=known)
                if one
                else msg("{day}: free in {library}, worked in {other_library}",
                    day=day, library=source, other_library=known)
            )  # fmt: skip
            differences.append(differing)
    return PublicHolidays(CHINA, year, holidays, workdays, tuple(differences), (source, known))


def works(day: date, holidays: Iterable[date], workdays: Iterable[date]) -> bool:
    """Whether people work on a day: monday to friday except holidays, and make-up workdays."""
    return day in workdays or (day.weekday() < _SATURDAY and day not in holidays)


def calendar_text(found: PublicHolidays) -> str:
    """A calendar file, with where it comes from and what to check."""
    sources, *others = found.sources
    for other in others:
        sources = msg("{source} and {other_source}", source=sources, other_source=other)
    lines = [
        say(
            "Public holidays of {country} in {year}, from {sources}.",
            country=found.country,
            year=found.year,
            sources=sources,
        ),
        say("Check every line against the official notice before you put it in force."),
    ]
    if found.differences:
        lines.append(say("The sources do not agree; the dates below are those of the last one:"))
        lines += [f"  {told(text)}" for text in found.differences]
    elif len(found.sources) > 1:
        lines.append(say("The sources agree on every day of the year."))
    lines = [f"# {line}" for line in lines]
    lines += [f"calendar: {found.calendar_id}", f"years: [{found.year}]", "entries:", "  holiday:"]
    lines += _entries(found.holidays)
    if found.workdays:
        lines += [f"  # {say('Weekend days that are worked (调休).')}", "  workday:"]
        lines += _entries(found.workdays)
    return "\n".join(lines) + "\n"


def _entries(days: Mapping[date, str]) -> list[str]:
    """One line per name, with runs of days as ranges."""
    lines = []
    for name in dict.fromkeys(days.values()):
        mine = sorted(day for day, other in days.items() if other == name)
        runs = [
            [day for _, day in run]
            for _, run in groupby(enumerate(mine), lambda pair: pair[1].toordinal() - pair[0])
        ]
        dates = ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}..{r[-1]}" for r in runs)
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'    - {{name: "{quoted}", dates: [{dates}]}}')
    return lines
