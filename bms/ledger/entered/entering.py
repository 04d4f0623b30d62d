"""What people tell the ledger: replaced meters, corrections, withdrawals (files: `importing`).

Everything is checked before anything is stored; it is added, never changed; and the audit of the
site says who and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Final

from bms.config.site import MeterSpec, Site
from bms.core.errors import InvalidInput, Refused
from bms.core.instants import to_ms
from bms.core.readings import Label
from bms.energy.intervals import Register
from bms.energy.quarters import QUARTER_MS
from bms.historian.log.log_queries import Queries
from bms.ledger.database.store import Ledger
from bms.ledger.entered.entries import Entry, EntryKind
from bms.ledger.published import MOST_COUNTS, common
from bms.texts.messages import msg
from bms.texts.problems import suggestion

LONGEST: Final = timedelta(days=400)
"""Of one correction: a year and a month."""
CORRECTIONS: Final = (Label.CORRECTED, Label.ESTIMATED, Label.MANUAL)
_LOOK_BACK_MS: Final = 31 * 86_400_000


@dataclass(frozen=True, slots=True)
class Author:
    """Who says it, why, when, and which way it came."""

    who: str
    why: str
    now: datetime
    via: str = "cli"


def find_meter(site: Site, name: str) -> MeterSpec:
    """The meter that a person names, by equipment, name or point id. Raises InvalidInput."""
    for spec in site.metering.values():
        if name in (spec.id, spec.name):
            return spec
    hint = suggestion(name, [spec.name for spec in site.metering.values()])
    raise InvalidInput(msg("no meter '{name}'; {hint}", name=name, hint=hint))


def decimal_of(text: str, what: str) -> Decimal:
    """A number that a person wrote. Raises InvalidInput."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise InvalidInput(
            msg("{option}: '{text}' is not a number; write 12345.6", option=what, text=text)
        ) from None
    if not value.is_finite() or abs(value) >= 10**15:
        raise InvalidInput(msg("{option}: '{text}' is no register value", option=what, text=text))
    return value


def register_value(spec: MeterSpec, text: str, what: str) -> Decimal:
    """What a person says that a register showed. Raises InvalidInput."""
    value = decimal_of(text, what)
    if value < 0:
        raise InvalidInput(msg("{option}: a register does not show {text}", option=what, text=text))
    counts = Fraction(value) / Fraction(spec.resolution)
    if counts >= MOST_COUNTS:
        raise InvalidInput(
            msg(
                "{option}: {text} in steps of {resolution} is more than any register of {meter} "
                "shows",
                option=what,
                text=text,
                resolution=spec.resolution,
                meter=spec.name,
            )
        )
    if counts.denominator != 1:
        raise InvalidInput(
            msg(
                "{option}: {text} is finer than the register of {meter}, which shows steps of "
                "{resolution} {unit}",
                option=what,
                text=text,
                meter=spec.name,
                resolution=spec.resolution,
                unit=spec.medium.unit,
            )
        )
    if spec.register_size is not None and value >= spec.register_size:
        raise InvalidInput(
            msg(
                "{option}: {text} does not fit a register that is back at zero at {register_size}",
                option=what,
                text=text,
                register_size=spec.register_size,
            )
        )
    return value


def with_register(spec: MeterSpec) -> None:
    if spec.virtual:
        raise InvalidInput(
            msg("{name} is a formula of other meters: it has no register", name=spec.name)
        )


def _in_the_past(at: datetime, now: datetime, what: str) -> None:
    if at > now:
        raise InvalidInput(
            msg(
                "{option}: {time} has not come yet",
                option=what,
                time=at.isoformat(timespec="minutes"),
            )
        )


def replace_meter(
    site: Site,  # noqa: ARG001 - all that is entered begins with it
    ledger: Ledger,
    history: Queries | None,
    spec: MeterSpec,
    *,
    final: str | None,
    initial: str,
    at: datetime,
    author: Author,
) -> int:
    """Note that a register ended and another began (or the same one, reset); the entry's number.

    `final` and `initial` are what the registers showed, before any ratio; `final` None if nobody
    noted it. Raises InvalidInput, Refused if the ledger contradicts it, StoreError.
    """
    with_register(spec)
    _in_the_past(at, author.now, "--at")
    begin = register_value(spec, initial, "--initial")
    end = None if final is None else register_value(spec, final, "--final")
    for entry in ledger.entries(spec.id, EntryKind.REPLACEMENT, to_ms(at), to_ms(at)):
        if not entry.withdrawn:
            raise Refused(
                msg(
                    "{name} was already replaced at that instant (entry {number}); withdraw "
                    "that first",
                    name=spec.name,
                    number=entry.number,
                )
            )
    if end is not None and history is not None and spec.polled:
        _not_below(ledger, history, spec, end, at)
    with ledger.transaction():
        data = {"final": None if end is None else str(end), "initial": str(begin)}
        number = ledger.enter(
            spec.id, EntryKind.REPLACEMENT, at, at, data, who=author.who, why=author.why,
            now=author.now,
        )  # fmt: skip
        audited(ledger, author, "meter.replace", spec, number, at=at.isoformat(), **data)
    return number


def _not_below(
    ledger: Ledger, history: Queries, spec: MeterSpec, final: Decimal, at: datetime
) -> None:
    """Refuse a final reading that the register had already passed."""
    meter = history.meter(spec.id)
    if meter is None:
        return
    before = [
        to_ms(e.start)
        for e in ledger.entries(spec.id, EntryKind.REPLACEMENT)
        if not e.withdrawn and e.start < at
    ]
    first = max([to_ms(at) - _LOOK_BACK_MS, *before])
    marks = history.counts(spec.id, first + 1, to_ms(at) - 1)
    if len(marks) < 2:
        return
    # The last but one too: the very last may already be the new register's.
    last_ms, counts = min(marks[-2:], key=lambda mark: mark[1])
    shown = counts * Fraction(meter.resolution)
    rolled = spec.register_size is not None and Register(
        round(spec.register_size / spec.resolution),
        None if spec.most_per_h is None else spec.most_per_h / Fraction(spec.resolution),
        rated=spec.rated,
    ).rolled_over(
        round(shown / Fraction(spec.resolution)),
        round(Fraction(final) / Fraction(spec.resolution)),
        to_ms(at) - last_ms,
    )
    if Fraction(final) < shown and not rolled:
        raise Refused(
            msg(
                "--final: the register of {meter} had already shown {reading:g} {unit} before "
                "{time}; check the reading and the time of the replacement",
                meter=spec.name,
                reading=float(shown),
                unit=spec.medium.unit,
                time=at.isoformat(timespec="minutes"),
            )
        )


def correct(
    site: Site,  # noqa: ARG001
    ledger: Ledger,
    spec: MeterSpec,
    *,
    start: datetime,
    end: datetime,
    amount: str,
    label: Label,
    author: Author,
) -> int:
    """Say what a meter really used from `start` to `end`; returns the entry's number.

    The amount is spread over the quarter hours as the ledger has them, or evenly where it does
    not. What the register says stays underneath, and comes back if the entry is withdrawn.
    """
    _in_the_past(end, author.now, "--to")
    first, last = to_ms(start), to_ms(end)
    if not first < last:
        raise InvalidInput(msg("--to must lie after --from"))
    if first % QUARTER_MS or last % QUARTER_MS:
        raise InvalidInput(msg("--from and --to lie on quarter hours"))
    if end - start > LONGEST:
        raise InvalidInput(
            msg("a correction covers at most {days} days; split it", days=LONGEST.days)
        )
    if label not in CORRECTIONS:
        allowed = ", ".join(CORRECTIONS)
        raise InvalidInput(
            msg(
                "--label: '{label}' is not given by hand; allowed: {allowed}",
                label=label,
                allowed=allowed,
            )
        )
    value = decimal_of(amount, "--amount")
    if value < 0 and not spec.virtual:
        raise InvalidInput(
            msg(
                "--amount: a register does not use {amount} {unit}",
                amount=amount,
                unit=spec.medium.unit,
            )
        )
    fraction = Fraction(value)
    scale = common(Fraction(spec.resolution), fraction) if fraction else Fraction(spec.resolution)
    if abs(fraction / scale) >= MOST_COUNTS:
        raise InvalidInput(
            msg("--amount: '{amount}' has too many digits; write fewer", amount=amount)
        )
    counts = _spread(int(fraction / scale), _weights(ledger, spec, first, last))
    with ledger.transaction():
        data = {"label": label.value, "scale": str(scale), "counts": counts}
        number = ledger.enter(
            spec.id, EntryKind.CORRECTION, start, end, data, who=author.who, why=author.why,
            now=author.now,
        )  # fmt: skip
        audited(
            ledger, author, "meter.correct", spec, number, start=start.isoformat(),
            end=end.isoformat(), amount=str(value), unit=spec.medium.unit, label=label.value,
        )  # fmt: skip
    return number


def _weights(ledger: Ledger, spec: MeterSpec, first: int, last: int) -> list[Fraction]:
    slots = dict(ledger.slots(spec.id, first, last))
    known = [slots.get(ms) for ms in range(first, last, QUARTER_MS)]
    found = [s.amount for s in known if s is not None and s.covered_ms == QUARTER_MS]
    if len(found) == len(known) and all(a >= 0 for a in found) and any(found):
        return found
    return [Fraction(1)] * len(known)


def _spread(counts: int, weights: Sequence[Fraction]) -> list[int]:
    """Whole counts in proportion to weights, summing to `counts` exactly."""
    total = sum(weights, Fraction(0))
    sums = [counts * s // total for s in accumulate(weights, initial=Fraction(0))]
    return [b - a for a, b in pairwise(sums)]


def withdraw(site: Site, ledger: Ledger, number: int, author: Author) -> Entry:
    """Let an entry count no longer; returns it. It stays in the ledger, and so does this."""
    found = next((e for e in ledger.entries() if e.number == number), None)
    if found is None or found.kind is EntryKind.WITHDRAWAL:
        raise InvalidInput(msg("there is no entry {number}; see 'bms meter show'", number=number))
    if found.withdrawn:
        raise Refused(msg("entry {number} is already withdrawn", number=number))
    with ledger.transaction():
        ledger.enter(
            found.meter, EntryKind.WITHDRAWAL, found.start, found.end, {"entry": number},
            who=author.who, why=author.why, now=author.now,
        )  # fmt: skip
        spec = site.metering.get(found.meter)
        audited(ledger, author, "meter.withdraw", spec, number, meter=found.meter)
    return found


def audited(
    ledger: Ledger,
    author: Author,
    what: str,
    spec: MeterSpec | None,
    number: int | None,
    **details: object,
) -> None:
    """Add an entry of the audit, inside the transaction of what it tells of."""
    extra = dict(details)
    if spec is not None:
        extra["meter"] = spec.name
    if number is not None:
        extra["entry"] = number
    ledger.note(author.now, author.who, author.via, what, author.why, extra)
