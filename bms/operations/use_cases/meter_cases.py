"""Enter what people tell of meters. The ledger's files are locked for as long as it takes, so that
this works with or without a running controller."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime

from bms.config.site import MeterSpec, Site
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
from bms.texts.messages import msg


def replace_meter(site: Site, asked: ReplaceMeter, user: str, now: datetime) -> EntryTold:
    """A register ended and another began."""
    spec = entering.find_meter(site, asked.meter)
    author = _author(site, asked.reason, user, now, spec.id)
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


def correct_meter(site: Site, asked: CorrectMeter, user: str, now: datetime) -> EntryTold:
    """What a meter really used."""
    spec = entering.find_meter(site, asked.meter)
    author = _author(site, asked.reason, user, now, spec.id)
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


def withdraw_entry(site: Site, asked: WithdrawEntry, user: str, now: datetime) -> EntryWithdrawn:
    """An entry counts no longer."""
    author = _author(site, asked.reason, user, now)
    with Ledger(site.state_dir) as ledger:
        found = entering.withdraw(site, ledger, asked.entry, author)
    _bring_up_to_date(site, now)
    return EntryWithdrawn(entry=asked.entry, kind=found.kind.value, meter=found.meter)


def import_readings(
    site: Site, asked: ImportReadings, user: str, now: datetime
) -> ReadingsImported:
    """Readings and intervals of a file. Raises NotTaken, with all that is in the way."""
    author = _author(site, asked.reason, user, now)
    declared = declared_format(asked.format, asked.meters)
    with Ledger(site.state_dir) as ledger:
        found = importing.import_readings(site, ledger, asked.file, author, declared)
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


def _author(site: Site, reason: str, user: str, now: datetime, *meters: str) -> Author:
    """Who enters something about meters, if they may; without `meters`, about the whole site."""
    check_layout(site.state_dir)
    why = reason_of(reason, msg("--reason: say why"))
    may(site, user, Action.METER, *meters)
    return Author(user, why, now)


def _bring_up_to_date(site: Site, now: datetime) -> None:
    with open_ledger(site, site.state_dir, now):
        pass


def _told(site: Site, spec: MeterSpec, number: int, now: datetime) -> EntryTold:
    """The entry as the ledger has it, once it is up to date."""
    with open_ledger(site, site.state_dir, now) as ledger:
        entry = next(e for e in ledger.entries(spec.id) if e.number == number)
    return EntryTold.model_validate({**entry_view(entry, spec), "meter": spec.name})
