"""What a file says against what the ledger was told before, or against itself."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from bms.config.site import MeterSpec
from bms.core.instants import from_ms, local, to_ms
from bms.energy.intervals import ROLLOVER_HIGH, ROLLOVER_LOW
from bms.ledger.database.store import Ledger
from bms.ledger.entered.entries import EntryKind
from bms.ledger.entered.matching import ReadRow
from bms.ledger.entered.measured import parts_of
from bms.ledger.files.words.pieces import Piece
from bms.texts.messages import Message, msg
from bms.texts.problems import Problem


@dataclass(frozen=True, slots=True)
class _Known:
    """A reading that stands, and where: the number of an entry, or a line of the file."""

    value: Decimal
    entry: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True)
class _Held:
    """The amount of an interval that stands, and where."""

    start_ms: int
    end_ms: int
    amount: Fraction
    entry: int = 0
    line: int = 0


def new_readings(
    ledger: Ledger, file: str, rows: Sequence[ReadRow]
) -> tuple[list[ReadRow], list[Problem]]:
    """The readings of one meter that nobody knows yet, and every contradiction."""
    spec = rows[0].spec
    problems: list[Problem] = []
    known = {
        to_ms(e.start): _Known(Decimal(e.data["value"]), entry=e.number)
        for e in ledger.entries(spec.id, EntryKind.READING)
        if not e.withdrawn
    }
    fresh: dict[int, ReadRow] = {}
    for row in rows:
        ms = to_ms(row.time)
        if ms in known and known[ms].value != row.value:
            problems.append(Problem(file, row.line, 1, *_taken(spec, known[ms])))
        elif ms not in known:
            known[ms] = _Known(row.value, line=row.line)
            fresh[ms] = row
    breaks = [
        to_ms(e.start) for e in ledger.entries(spec.id, EntryKind.REPLACEMENT) if not e.withdrawn
    ]
    for (one, before), (other, after) in pairwise(sorted(known.items())):
        row_at = fresh.get(other) or fresh.get(one)
        if row_at is None or any(one <= ms <= other for ms in breaks):
            continue
        message = _contradiction(spec, before.value, after.value, one, other)
        if message:
            hint = msg("correct it, or tell a replaced meter with 'bms meter replace' first")
            problems.append(Problem(file, row_at.line, 1, message, hint))
    return list(fresh.values()), problems


def _taken(spec: MeterSpec, known: _Known) -> tuple[Message, Message]:
    """Why an instant that has a value takes no other, and what to do."""
    if known.entry:
        return msg(
            "{meter} already has {reading} at that time (entry {number})",
            meter=spec.name,
            reading=known.value,
            number=known.entry,
        ), msg("withdraw that first")
    return msg(
        "{meter} already has {reading} at that time (line {line})",
        meter=spec.name,
        reading=known.value,
        line=known.line,
    ), msg("keep one")


def _contradiction(
    spec: MeterSpec, before: Decimal, after: Decimal, from_ms: int, until_ms: int
) -> Message | None:
    step, size = Fraction(after) - Fraction(before), spec.register_size
    if (
        step < 0
        and size is not None
        and (before > ROLLOVER_HIGH * Fraction(size) and after < ROLLOVER_LOW * Fraction(size))
    ):
        step += Fraction(size)
    if step < 0:
        return msg(
            "{meter} would go back from {before} to {after} {unit}",
            meter=spec.name,
            before=before,
            after=after,
            unit=spec.medium.unit,
        )
    most, hours = spec.most_per_h, Fraction(until_ms - from_ms, 3_600_000)
    ratio = min(spec.ratio(from_ms), spec.ratio(until_ms))
    if most is not None and step * ratio > most * hours:
        return msg(
            "{meter} would go from {before} to {after} {unit} in {hours:.1f} h: more than its "
            "rating",
            meter=spec.name,
            before=before,
            after=after,
            unit=spec.medium.unit,
            hours=float(hours),
        )
    return None


def new_pieces(
    ledger: Ledger, file: str, spec: MeterSpec, pieces: Sequence[Piece]
) -> tuple[list[Piece], list[Problem]]:
    """The intervals of one meter that nobody told yet, and every contradiction."""
    held = sorted(_told(ledger, spec, pieces), key=lambda one: one.start_ms)
    fresh: list[Piece] = []
    problems: list[Problem] = []
    mine: list[_Held] = []
    for piece in sorted(pieces, key=lambda one: (one.start_ms, one.end_ms)):
        other = _overlapping(held, piece)
        if other is None and mine and mine[-1].end_ms > piece.start_ms:
            other = mine[-1]
        if other is None:
            fresh.append(piece)
            line = piece.line
            mine.append(_Held(piece.start_ms, piece.end_ms, piece.value, line=line))
        elif (other.start_ms, other.end_ms, other.amount) != (
            piece.start_ms, piece.end_ms, piece.value
        ):  # fmt: skip
            problems.append(Problem(file, piece.line, 1, *_stands(spec, other)))
    return fresh, problems


def _told(ledger: Ledger, spec: MeterSpec, pieces: Sequence[Piece]) -> list[_Held]:
    first = min(piece.start_ms for piece in pieces)
    last = max(piece.end_ms for piece in pieces)
    return [
        _Held(
            part.start_ms,
            part.end_ms,
            part.counts * Fraction(entry.data["scale"]),
            entry=entry.number,
        )
        for entry in ledger.entries(spec.id, EntryKind.INTERVALS, first, last)
        if not entry.withdrawn
        for part in parts_of(entry)
        if part.counts is not None and part.end_ms > first and part.start_ms < last
    ]


def _overlapping(held: Sequence[_Held], piece: Piece) -> _Held | None:
    """The first interval of before that shares time with a piece. Those of before share none."""
    at = bisect_left(held, piece.start_ms, key=lambda one: one.start_ms)
    for one in held[max(0, at - 1) : at + 1]:
        if one.start_ms < piece.end_ms and one.end_ms > piece.start_ms:
            return one
    return None


def _stands(spec: MeterSpec, other: _Held) -> tuple[Message, Message]:
    period = (
        f"{local(from_ms(other.start_ms), spec.zone, 'minutes')} .. "
        f"{local(from_ms(other.end_ms), spec.zone, 'minutes')}"
    )
    shown = f"{float(other.amount):g} {spec.medium.unit}"
    if other.entry:
        return msg(
            "{meter} already has {amount} for {period} (entry {number})",
            meter=spec.name,
            amount=shown,
            period=period,
            number=other.entry,
        ), msg("withdraw that first")
    return msg(
        "{meter} already has {amount} for {period} (line {line})",
        meter=spec.name,
        amount=shown,
        period=period,
        line=other.line,
    ), msg("keep one")
