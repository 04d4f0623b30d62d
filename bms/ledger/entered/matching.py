"""Which meter each series of a file is, and what its numbers are in the meter's unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from bms.config.site import MeterSpec, Site
from bms.core.equipment import Medium
from bms.core.errors import InvalidInput
from bms.core.instants import from_ms, is_zone, local
from bms.ledger.entered.entering import find_meter, register_value, with_register
from bms.ledger.files.series import ALL, LEFT_ALONE, Contents, Holds, Question, Series
from bms.ledger.files.words.local_times import instants_of
from bms.ledger.files.words.measures import Quantity, Unit, name_and_unit, unit_of
from bms.ledger.files.words.pieces import Piece, held, pieces_of, taken_by_instrument
from bms.ledger.files.words.stamps import offset_of
from bms.texts.messages import Message, message_of, msg
from bms.texts.problems import Problem

_HOUR_MS: Final = 3_600_000


class ReadRow(NamedTuple):
    """What a register showed at one instant."""

    line: int
    spec: MeterSpec
    time: datetime
    value: Decimal


@dataclass(slots=True)
class Taken:
    """What one series holds of one meter, in the meter's unit."""

    series: Series
    spec: MeterSpec
    holds: Holds
    unit: str
    by: Literal["person", "instrument"] = "instrument"
    step: timedelta | None = None
    rows: list[ReadRow] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)


def names_of_meters(site: Site) -> dict[str, MeterSpec]:
    """The meters by every name that a file may have for them, in lower case.

    A name that two of them have means neither.
    """
    found: dict[str, MeterSpec | None] = {}
    for spec in site.metering.values():
        names = {spec.id, spec.name, spec.name.partition(".")[2], *spec.title.values()}
        for name in {name.strip().lower() for name in names if name.strip()}:
            found[name] = spec if name not in found or found[name] is spec else None
    return {name: spec for name, spec in found.items() if spec is not None}


class Matcher:
    """Finds meters, units and times for the series of one file; notes what is in the way."""

    def __init__(self, site: Site, file: str, contents: Contents, now: datetime) -> None:
        self._site = site
        self._file = file
        self._contents = contents
        self._given = contents.format
        self._now = now
        self._names = names_of_meters(site)

    def taken(self) -> list[Taken]:
        """What the file holds of meters. Problems and questions are in its contents."""
        asked = bool(self._contents.questions)
        found = self._found()
        if asked:
            # Whatever seems wrong may follow from what is not known yet.
            self._contents.problems.clear()
            self._contents.questions[:] = [
                question for question in self._contents.questions if question.key != "step_min"
            ]
        return found

    def _found(self) -> list[Taken]:
        wanted = self._wanted()
        open_ones = [one for one, _ in wanted if self._target(one, alone=False) is None]
        found: list[Taken] = []
        for series, unit in wanted:
            target = self._target(series, alone=len(open_ones) == 1)
            if target == LEFT_ALONE:
                self._left(series)
                continue
            spec = self._meter(series, target)
            if spec is None:
                if target is None:
                    self._ask_more(series, unit)
                continue
            if not self._fits(series, spec, unit):
                continue
            one = self._read(series, spec, unit)
            if one is not None:
                found.append(one)
        return found

    def _ask_more(self, series: Series, unit: Unit | None) -> None:
        """What else has to be said of a series whose meter is asked for, in the same breath."""
        count = len(self._contents.problems)
        name = series.name
        zone = self._site.file.zone
        self._read(series, MeterSpec(name, name, "", zone, Medium.ELECTRICITY), unit)
        del self._contents.problems[count:]

    def _wrong(self, line: int, column: int, message: Message, hint: str = "") -> None:
        self._contents.problems.append(Problem(self._file, line, column, message, hint))

    def _left(self, series: Series) -> None:
        name = f"{series.name} [{series.unit}]" if series.unit else series.name
        self._contents.left.add(msg("column '{name}'", name=name), 1)

    def _wanted(self) -> list[tuple[Series, Unit | None]]:
        """The series that may be of meters, and their units; None: the meter's own."""
        found: list[tuple[Series, Unit | None]] = []
        for series in self._contents.series:
            if all(value is None for value in series.values):
                self._contents.left.add(msg("column '{name}': empty", name=series.name), 1)
                continue
            text = series.unit or self._given.unit or ""
            unit = unit_of(text) if text else None
            if text and unit is None and self._given.unit is not None:
                unit = unit_of(self._given.unit)
            if text and unit is None:
                message = msg("'{unit}' of '{name}' is no unit that is known", unit=text[:20],
                              name=series.name)  # fmt: skip
                self._ask("unit", message, series, choices=("kWh", "Wh", "MWh", "m3"))
                continue
            if unit is not None and unit.quantity is Quantity.OTHER:
                self._left(series)
                continue
            found.append((series, unit))
        energy = any(unit is not None and unit.quantity is Quantity.ENERGY for _, unit in found)
        if energy and self._given.holds != "power":
            for series, unit in list(found):
                power = unit is not None and unit.quantity is Quantity.POWER
                if power and self._target(series, alone=False) is None:
                    self._left(series)
                    found.remove((series, unit))
        return found

    def _target(self, series: Series, *, alone: bool) -> str | None:
        """What was said or is plain of a series' meter; None: nothing."""
        meters = self._given.meters
        if series.name in meters:
            return meters[series.name]
        if series.title and meters.get(series.title) == LEFT_ALONE:
            return LEFT_ALONE
        for name in (series.name, name_and_unit(series.name)[0]):
            found = self._names.get(name.lower())
            if found is not None:
                return found.id
        return meters.get(ALL) if alone else None

    def _meter(self, series: Series, target: str | None) -> MeterSpec | None:
        line = series.lines[0]
        try:
            if target is None and not self._contents.strict_names:
                message = msg("no meter is called '{name}'", name=series.name)
                self._ask("meters", message, series, about=series.name)
                return None
            spec = find_meter(self._site, series.name if target is None else target)
            with_register(spec)
        except InvalidInput as error:
            self._wrong(line, series.name_column, message_of(error))
            return None
        return spec

    def _ask(
        self,
        key: str,
        text: Message,
        series: Series,
        *,
        choices: Sequence[str] = (),
        about: str = "",
    ) -> None:
        if any(q.key == key and q.about == about for q in self._contents.questions):
            return
        column = series.name_column if key == "meters" else series.column
        self._contents.questions.append(
            Question(key, text, series.lines[0], column, tuple(choices), about)
        )

    def _fits(self, series: Series, spec: MeterSpec, unit: Unit | None) -> bool:
        if unit is None:
            return True
        needed = Quantity.VOLUME if spec.medium.unit == "m3" else Quantity.ENERGY
        if unit.quantity is needed or (
            needed is Quantity.ENERGY and unit.quantity is Quantity.POWER
        ):
            return True
        message = msg(
            "'{name}' is in {unit}, and {meter} measures {own_unit}",
            name=series.name,
            unit=series.unit or self._given.unit,
            meter=spec.name,
            own_unit=spec.medium.unit,
        )
        self._wrong(series.lines[0], series.column, message)
        return False

    def _zone(self, spec: MeterSpec) -> tzinfo:
        text = self._given.zone
        if text is None:
            return ZoneInfo(spec.zone)
        offset = offset_of(text)
        if offset is not None:
            return offset
        if not is_zone(text):
            raise InvalidInput(msg("--format: no time zone '{zone}'", zone=text))
        return ZoneInfo(text)

    def _read(self, series: Series, spec: MeterSpec, unit: Unit | None) -> Taken | None:
        zone = self._zone(spec)
        series.stamp = series.stamp or self._given.stamp
        instants, wrong = instants_of(series, zone)
        for at, message in wrong.items():
            if series.values[at] is not None:
                self._wrong(series.lines[at], series.time_column, message)
        for at, time in enumerate(instants):
            if time is not None and time > self._now:
                instants[at] = None
                if series.values[at] is not None:
                    message = msg("{time} has not come yet", time=local(time, spec.zone, "minutes"))
                    self._wrong(series.lines[at], series.time_column, message)
        known = {
            at: time
            for at, time in enumerate(instants)
            if time is not None and series.values[at] is not None
        }
        holds = self._holds(series, instants, unit)
        if holds is None:
            return None
        shown = series.unit or self._given.unit or spec.medium.unit
        taken = Taken(series, spec, holds, shown)
        factor = Fraction(1) if unit is None else unit.factor
        if holds == "registers":
            taken.by = self._given.by or (
                "instrument" if taken_by_instrument([*known.values()]) else "person"
            )
            self._registers(taken, known, factor)
        else:
            self._intervals(taken, instants, zone, factor)
        return taken

    def _holds(
        self, series: Series, instants: Sequence[datetime | None], unit: Unit | None
    ) -> Holds | None:
        power = unit is not None and unit.quantity is Quantity.POWER
        if power:
            if self._given.holds == "power" or series.holds == "power":
                return "power"
            message = msg("'{name}' is power: is it the mean of each interval?", name=series.name)
            self._ask("holds", message, series, choices=("power",))
            return None
        found = series.holds or self._given.holds or held(series, instants)
        if found == "power":
            found = "intervals" if unit is not None else "power"
        if found is None:
            message = msg(
                "'{name}' may be what a register showed, or the amount of each interval",
                name=series.name,
            )
            self._ask("holds", message, series, choices=("registers", "intervals"))
        return found

    def _registers(self, taken: Taken, known: Mapping[int, datetime], factor: Fraction) -> None:
        series, spec = taken.series, taken.spec
        for at, time in known.items():
            value = series.values[at]
            assert value is not None
            try:
                shown = register_value(spec, _decimal(value * factor), "reading")
            except InvalidInput as error:
                self._wrong(series.lines[at], series.column, message_of(error))
                continue
            taken.rows.append(ReadRow(series.lines[at], spec, time, shown))

    def _intervals(
        self,
        taken: Taken,
        instants: Sequence[datetime | None],
        zone: tzinfo,
        factor: Fraction,
    ) -> None:
        series, spec = taken.series, taken.spec
        pieces = pieces_of(series, instants, self._given, zone)
        for question in pieces.questions:
            self._ask_times(question)
        taken.step = pieces.step
        most = spec.most_per_h
        for piece in pieces.found:
            span_ms = piece.end_ms - piece.start_ms
            amount = piece.value * factor
            if taken.holds == "power":
                amount = amount * span_ms / _HOUR_MS
            shown = f"{float(amount):g} {spec.medium.unit}"
            if amount < 0:
                message = msg("{amount} in an interval: a meter does not give back", amount=shown)
                self._wrong(piece.line, series.column, message)
            elif most is not None and amount * _HOUR_MS > most * span_ms:
                message = msg(
                    "{amount} in {minutes:g} min: more than the rating of {meter}",
                    amount=shown,
                    minutes=span_ms / 60_000,
                    meter=spec.name,
                )
                self._wrong(piece.line, series.column, message)
            elif from_ms(piece.end_ms) > self._now:
                message = msg("an interval that has not ended yet")
                self._wrong(piece.line, series.time_column, message)
            else:
                taken.pieces.append(piece._replace(value=amount))

    def _ask_times(self, question: Question) -> None:
        if not any(q.key == question.key for q in self._contents.questions):
            self._contents.questions.append(question)


def _decimal(value: Fraction) -> str:
    """As a text without exponent, exactly where decimals can say it."""
    if value.denominator == 1:
        return str(value.numerator)
    digits = value.denominator
    for prime in (2, 5):
        while digits % prime == 0:
            digits //= prime
    number = Decimal(value.numerator) / Decimal(value.denominator)
    return f"{number:f}" if digits == 1 else f"{number:f}…"
