"""Enter what people tell of meters. The ledger's files are locked for as long as it takes, so that
this works in the running controller, and without one.

Each takes the site, what is asked, who asks, when, and which way it came.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bms.config.site import MeterSpec, Site
from bms.core.errors import InvalidInput
from bms.core.instants import local
from bms.core.readings import Label
from bms.core.reasons import reason_of
from bms.historian.log.log_queries import FILE_NAME, Queries
from bms.ledger.database.store import Ledger
from bms.ledger.entered import entering, importing
from bms.ledger.entered.entering import Author
from bms.ledger.entered.importing import FromSeries
from bms.ledger.files.kept import declared_format
from bms.ledger.up_to_date import check_layout, open_ledger
from bms.operations.requests.meter_requests import (
    CorrectMeter,
    EntryTold,
    EntryWithdrawn,
    ImportReadings,
    LinesLeft,
    ReadingsImported,
    ReplaceMeter,
    SeriesTaken,
    WithdrawEntry,
)
from bms.people.roles import Action, may
from bms.reports.meter_figures import entry_view
from bms.texts.messages import message_of, msg, with_arguments


def replace_meter(
    site: Site, asked: ReplaceMeter, user: str, now: datetime, via: str = "cli"
) -> EntryTold:
    """A register ended and another began."""
    spec = entering.find_meter(site, asked.meter)
    author = _author(site, asked.reason, user, now, via, spec.id)
    with ExitStack() as stack:
        history = None
        if (site.state_dir / FILE_NAME).exists():
            history = stack.enter_context(Queries(site.state_dir, read_only=True))
        ledger = stack.enter_context(Ledger(site.state_dir))
        number = entering.replace_meter(
            site,
            ledger,
            history,
            spec,
            final=asked.final,
            initial=asked.initial,
            at=asked.at,
            author=author,
        )
    return _told(site, spec, number, now)


def correct_meter(
    site: Site, asked: CorrectMeter, user: str, now: datetime, via: str = "cli"
) -> EntryTold:
    """What a meter really used."""
    spec = entering.find_meter(site, asked.meter)
    author = _author(site, asked.reason, user, now, via, spec.id)
    with open_ledger(site, site.state_dir, now) as ledger:
        number = entering.correct(
            site,
            ledger,
            spec,
            start=asked.start,
            end=asked.end,
            amount=asked.amount,
            label=Label(asked.label),
            author=author,
        )
    return _told(site, spec, number, now)


def withdraw_entry(
    site: Site, asked: WithdrawEntry, user: str, now: datetime, via: str = "cli"
) -> EntryWithdrawn:
    """An entry counts no longer."""
    author = _author(site, asked.reason, user, now, via)
    with Ledger(site.state_dir) as ledger:
        found = entering.withdraw(site, ledger, asked.entry, author)
    _bring_up_to_date(site, now)
    return EntryWithdrawn(entry=asked.entry, kind=found.kind.value, meter=found.meter)


def import_readings(
    site: Site, asked: ImportReadings, user: str, now: datetime, via: str = "cli"
) -> ReadingsImported:
    """Readings and intervals of a file. Raises NotTaken, with all that is in the way."""
    author = _author(site, asked.reason, user, now, via)
    declared = declared_format(asked.format, asked.meters)
    with _file_of(asked) as path, Ledger(site.state_dir) as ledger:
        found = importing.import_readings(site, ledger, path, author, declared)
    _bring_up_to_date(site, now)
    return ReadingsImported(
        added=found.added,
        known=found.known,
        kind=found.kind,
        kept=found.kept,
        series=tuple(_series_taken(one) for one in found.series),
        left=tuple(
            LinesLeft(why=why, count=len(lines), lines=tuple(lines))
            for why, lines in found.left.lines.items()
        ),
    )


def _series_taken(one: FromSeries) -> SeriesTaken:
    taken = one.taken
    zone = taken.spec.zone
    return SeriesTaken.model_validate(
        {
            "name": taken.series.name,
            "meter": taken.spec.name,
            "holds": taken.holds,
            "by": taken.by,
            "unit": taken.unit,
            "step_min": None if taken.step is None else taken.step.total_seconds() / 60,
            "from": None if one.first is None else local(one.first, zone, "minutes"),
            "to": None if one.last is None else local(one.last, zone, "minutes"),
            "added": one.added,
            "known": one.known,
            "amount": None if one.amount is None else round(float(one.amount), 6),
            "estimated": one.estimated,
            "beneath": one.beneath,
        }
    )


def _author(site: Site, reason: str, user: str, now: datetime, via: str, *meters: str) -> Author:
    """Who enters something about meters, if they may; without `meters`, about the whole site."""
    check_layout(site.state_dir)
    why = reason_of(reason, msg("--reason: say why"))
    may(site, user, Action.METER, *meters)
    return Author(user, why, now, via)


def questions_answered(site: Site, asked: ImportReadings, now: datetime) -> None:
    """Return if the file leaves no question open: who asks can be asked back, a controller cannot.
    Raises NotTaken, InvalidInput."""
    with _file_of(asked) as path:
        declared = declared_format(asked.format, asked.meters)
        importing.questions_answered(site, path, now, declared)


@contextmanager
def _file_of(asked: ImportReadings) -> Iterator[Path]:
    """Where the file lies; what is wrong with it is said of its own name."""
    if asked.text is None:
        yield asked.file
        return
    with TemporaryDirectory(prefix="bms-") as folder:
        path = Path(folder) / (asked.file.name or "readings.csv")
        path.write_bytes(asked.text)
        try:
            yield path
        except InvalidInput as error:
            said = message_of(error)
            named = {name: asked.file for name, told in said.arguments.items() if told == path}
            error.args = (with_arguments(said, **named),)
            raise


def _bring_up_to_date(site: Site, now: datetime) -> None:
    with open_ledger(site, site.state_dir, now):
        pass


def _told(site: Site, spec: MeterSpec, number: int, now: datetime) -> EntryTold:
    """The entry as the ledger has it, once it is up to date."""
    with open_ledger(site, site.state_dir, now) as ledger:
        entry = next(e for e in ledger.entries(spec.id) if e.number == number)
    return EntryTold.model_validate({**entry_view(entry, spec), "meter": spec.name})
