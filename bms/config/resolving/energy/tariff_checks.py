"""`tariffs.yaml` into tariffs, and every problem of it at its place.

A tariff that is wrong withholds its costs and nothing else: the site runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Final, Protocol

from bms.config.reading.files import TARIFFS
from bms.config.reading.sections import entries, read_all
from bms.config.resolving.energy.meters import by_language, exact
from bms.config.shapes.tariff_files import (
    Day,
    DayRuleFile,
    HoursFile,
    PricesFile,
    TariffFile,
    TariffsFile,
)
from bms.config.tariffs import (
    QUARTER_MINUTES,
    QUARTERS,
    CapacityPrice,
    DayRule,
    DemandPrice,
    HoursTable,
    Period,
    PriceList,
    Tariff,
)
from bms.texts.messages import message_of, msg
from bms.texts.problems import Document, Path, Problem, TextError, suggestion
from schedules.model.calendar import Calendar
from schedules.model.week import WEEKDAYS, parse_time, parse_weekdays

WITHHELD: Final = "tariffs"
"""What goes without if the file as a whole is of no use."""


class _Dated(Protocol):
    @property
    def from_(self) -> Day: ...

    @property
    def to(self) -> Day | None: ...


@dataclass(frozen=True, slots=True)
class Tariffs:
    """The tariffs of a site, and who pays by which."""

    tariffs: Mapping[str, Tariff] = field(default_factory=dict)
    applies: Mapping[str, str] = field(default_factory=dict)
    """By base or meter, `<base>.<name>`."""


def read_tariffs(
    text: str, calendars: Mapping[str, Calendar], payers: Sequence[str]
) -> tuple[Tariffs, list[Problem]]:
    """The tariffs that are right, and every problem. `payers` are the bases and meters."""
    documents, problems, _ = read_all({TARIFFS: text})
    if not documents:
        return Tariffs(), [replace(problem, withholds=WITHHELD) for problem in problems]
    document = documents[0]
    stand_in = TariffFile.model_construct(source="", read_on=date.min, hours=[], prices=[])
    file, valid, found = entries(document, TariffsFile, "tariffs", lambda _: TariffFile, stand_in)
    problems += [replace(problem, withholds=WITHHELD) for problem in found]
    tariffs: dict[str, Tariff] = {}
    for name, entry in valid.items():
        reader = _Reader(document, name, calendars)
        tariff = reader.tariff(entry)
        problems += reader.problems
        if not reader.problems:
            tariffs[name] = tariff
    applies: dict[str, str] = {}
    raw = document.data.get("tariffs")
    written = [str(name) for name in raw] if isinstance(raw, dict) else []
    for payer, name in (file.applies if file is not None else {}).items():
        path: Path = ("applies", payer)
        if payer not in payers:
            message = msg("no base and no meter '{name}'", name=payer)
            hint = suggestion(payer, payers)
            problems.append(document.problem(path, message, hint, key=True, withholds=payer))
        elif name not in written:
            message = msg("no tariff '{name}'", name=name)
            problems.append(
                document.problem(path, message, suggestion(name, written), withholds=payer)
            )
        else:
            applies[payer] = name
    return Tariffs(tariffs, applies), problems


class _Reader:
    def __init__(self, document: Document, name: str, calendars: Mapping[str, Calendar]) -> None:
        self._document = document
        self._name = name
        self._calendars = calendars
        self.problems: list[Problem] = []

    def tariff(self, file: TariffFile) -> Tariff:
        self._dated("hours", file.hours)
        self._dated("prices", file.prices)
        tables = [self._table(n, entry) for n, entry in enumerate(file.hours)]
        named = {
            period
            for table in tables
            for rule in table.rules
            for period in rule.hours
            if period is not None
        }
        prices = [self._prices(n, entry, named) for n, entry in enumerate(file.prices)]
        return Tariff(
            self._name,
            file.currency,
            file.source,
            file.read_on,
            tuple(tables),
            tuple(prices),
            by_language(file.title),
            file.example,
        )

    def _wrong(self, path: Path, message: str, hint: str = "", *, key: bool = False) -> None:
        where = ("tariffs", self._name, *path)
        self.problems.append(
            self._document.problem(
                where, message_of(ValueError(message)), hint, key=key, withholds=self._name
            )
        )

    def _dated(self, section: str, files: Sequence[_Dated]) -> None:
        """They follow each other: of two that hold on one day nobody could say which counts."""
        for n, entry in enumerate(files):
            if entry.to is not None and entry.to < entry.from_:
                self._wrong((section, n, "to"), msg("it ends before it begins"))
            if n and entry.from_ <= files[n - 1].from_:
                self._wrong(
                    (section, n, "from"),
                    msg("it begins on or before {day}, as the one above does",
                        day=files[n - 1].from_),
                    msg("write them in the order of their dates"),
                )  # fmt: skip
            before = files[n - 1].to if n else None
            if before is not None and files[n - 1].from_ < entry.from_ <= before:
                self._wrong(
                    (section, n, "from"), msg("the one above holds until {day}", day=before)
                )

    def _table(self, number: int, file: HoursFile) -> HoursTable:
        at = ("hours", number, "days")
        before = len(self.problems)
        rules = tuple(self._rule((*at, n), rule) for n, rule in enumerate(file.days))
        if len(self.problems) == before:
            self._complete((*at,), rules)
        return HoursTable(file.from_, file.to, rules)

    def _rule(self, path: Path, file: DayRuleFile) -> DayRule:
        hours: list[Period | None] = [None] * QUARTERS
        for name, text in file.hours.items():
            self._hours((*path, "hours", name), Period(name), text, hours)
        weekdays = frozenset(range(7))
        try:
            weekdays = frozenset(parse_weekdays(file.weekdays))
        except TextError as error:
            self._wrong((*path, "weekdays"), message_of(error), error.hint)
        calendar: Calendar | None = None
        kind = ""
        names: tuple[str, ...] = ()
        if file.on is not None:
            calendar = self._calendars.get(file.on.calendar)
            kind, names = file.on.kind, tuple(file.on.names)
            self._on((*path, "on"), calendar, file)
        return DayRule(
            tuple(hours), file.months or frozenset(range(1, 13)), weekdays, calendar, kind, names
        )

    def _on(self, path: Path, calendar: Calendar | None, file: DayRuleFile) -> None:
        assert file.on is not None
        if calendar is None:
            self._wrong(
                (*path, "calendar"),
                msg("no {item} '{name}'", item=msg("calendar"), name=file.on.calendar),
                suggestion(file.on.calendar, self._calendars),
            )
        elif file.on.kind not in calendar.entries:
            self._wrong(
                (*path, "kind"),
                msg("the calendar '{calendar}' has no days of the kind '{kind}'",
                    calendar=calendar.id, kind=file.on.kind),
                suggestion(file.on.kind, calendar.entries),
            )  # fmt: skip
        else:
            known = [entry.name for entry in calendar.entries[file.on.kind]]
            for n, name in enumerate(file.on.names):
                if not any(name in other for other in known):
                    self._wrong(
                        (*path, "names", n),
                        msg("no day of the calendar '{calendar}' is named '{name}'",
                            calendar=calendar.id, name=name),
                        suggestion(name, known),
                    )  # fmt: skip

    def _hours(self, path: Path, period: Period, text: str, hours: list[Period | None]) -> None:
        for part in text.split(","):
            first_text, dash, last_text = part.strip().partition("-")
            try:
                if not dash:
                    raise TextError(
                        msg("'{text}' is no range of times", text=part.strip()),
                        msg("write 08:00-11:00"),
                    )
                first, last = parse_time(first_text.strip()), parse_time(last_text.strip())
                for minute in (first, last):
                    if minute % QUARTER_MINUTES:
                        raise TextError(
                            msg("'{text}' does not lie on quarter hours", text=part.strip()),
                            msg("energy is kept by quarter hours: write :00, :15, :30 or :45"),
                        )
                if first == last:
                    raise TextError(
                        msg("'{text}' has no length", text=part.strip()), msg("write 00:00-24:00")
                    )
            except TextError as error:
                self._wrong(path, message_of(error), error.hint)
                continue
            begin, end = first // QUARTER_MINUTES, last // QUARTER_MINUTES
            span = range(begin, end) if begin < end else (*range(begin, QUARTERS), *range(end))
            for place in span:
                if hours[place] is not None:
                    self._wrong(
                        path,
                        msg("{time} stands in '{period}' and in '{other_period}'",
                            time=_time(place), period=period.value, other_period=hours[place]),
                    )  # fmt: skip
                    break
                hours[place] = period

    def _complete(self, path: Path, rules: Sequence[DayRule]) -> None:
        """Rules without a calendar name all times of every day: the others only lie on top."""
        for month in range(1, 13):
            for weekday in range(7):
                fitting = [
                    rule
                    for rule in rules
                    if rule.calendar is None and month in rule.months and weekday in rule.weekdays
                ]
                for place in range(QUARTERS):
                    if all(rule.hours[place] is None for rule in fitting):
                        self._wrong(
                            path,
                            msg(
                                "no rule says what {time} is on a {weekday} of month {month}",
                                time=_time(place), weekday=WEEKDAYS[weekday], month=month,
                            ),
                            msg("add a rule below the others for the times that remain"),
                        )  # fmt: skip
                        return

    def _prices(self, number: int, file: PricesFile, named: set[Period]) -> PriceList:
        path: Path = ("prices", number)
        for period in Period:
            if period in named and period.value not in file.per_kwh:
                self._wrong((*path, "per_kwh"), msg("no price for '{period}'", period=period.value))
        if file.demand is not None and file.capacity is not None:
            self._wrong(
                (*path, "capacity"),
                msg("either demand or capacity is charged, not both"),
                key=True,
            )
        steps = [(exact(least), exact(pct)) for least, pct in file.power_factor]
        if steps and (steps[-1][0] != 0 or any(a <= b for (a, _), (b, _) in pairwise(steps))):
            self._wrong(
                (*path, "power_factor"),
                msg("power factors go down, and the last one is 0"),
                msg("write {example}", example="[[0.95, -0.75], [0.9, 0], [0, 5]]"),
            )
        return PriceList(
            file.from_,
            file.to,
            {Period(name): exact(price) for name, price in file.per_kwh.items()},
            None if file.demand is None else _demand(file),
            None
            if file.capacity is None
            else CapacityPrice(exact(file.capacity.per_kva), exact(file.capacity.kva)),
            tuple(steps),
        )


def _demand(file: PricesFile) -> DemandPrice:
    assert file.demand is not None
    contract: Decimal | None = None
    if file.demand.contract_kw is not None:
        contract = exact(file.demand.contract_kw)
    return DemandPrice(
        exact(file.demand.per_kw),
        contract,
        exact(file.demand.free_over_pct),
        exact(file.demand.over_times),
    )


def _time(place: int) -> str:
    minute = place * QUARTER_MINUTES
    return f"{minute // 60:02}:{minute % 60:02}"
