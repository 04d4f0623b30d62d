"""Readings and intervals of a file that people wrote or some other system exported.

All of a file is taken or, with everything named that is in the way, nothing. What a person has to
say first is asked once: the answers are kept beside the site, by the header of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from bms.config.shapes.reading_formats import ReadingsFormat
from bms.config.site import MeterSpec, Site
from bms.core.errors import InvalidInput
from bms.core.instants import from_ms
from bms.core.readings import RANK, Label
from bms.energy.quarters import QUARTER_MS, floor_quarter
from bms.ledger.database.store import Ledger
from bms.ledger.entered.contradictions import new_pieces, new_readings
from bms.ledger.entered.entering import Author, audited
from bms.ledger.entered.entries import EntryKind
from bms.ledger.entered.errors import NotTaken
from bms.ledger.entered.matching import Matcher, ReadRow, Taken, names_of_meters
from bms.ledger.files.kept import keep_format, kept_formats
from bms.ledger.files.recognising import Formats, read_bytes, read_contents
from bms.ledger.files.series import ALL, Contents, Left
from bms.ledger.files.words.pieces import Piece
from bms.ledger.published import MOST_COUNTS, common
from bms.texts.messages import Message, msg
from bms.texts.problems import Problem, counted

_ORDER: Final = (
    "decimal", "dates", "unit", "ratio", "meters", "holds", "last_day", "step_min", "stamp",
)  # fmt: skip
"""In which questions are asked: what others rest on first."""
_LONGEST_HOLE: Final = 96
"""Intervals that are missing within one entry; over more, another entry begins."""


@dataclass(frozen=True, slots=True)
class FromSeries:
    """What was taken of one series of the file."""

    taken: Taken
    added: int
    known: int
    amount: Fraction | None
    """Of the intervals that are new, in the meter's unit."""
    estimated: int
    beneath: int
    """Quarter hours of theirs that the register measured itself: those of the register stay."""
    first: datetime | None
    last: datetime | None


class Imported(NamedTuple):
    """What came of a file: how many readings and intervals are new, and how many were known."""

    added: int
    known: int
    kind: Message
    series: tuple[FromSeries, ...]
    left: Left
    kept: bool
    """How files of this kind are taken was kept just now."""


@dataclass(slots=True)
class _Fresh:
    """What is new of one series."""

    taken: Taken
    rows: list[ReadRow] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)


def import_readings(
    site: Site,
    ledger: Ledger,
    path: Path,
    author: Author,
    declared: ReadingsFormat | None = None,
) -> Imported:
    """Add what a file holds. `declared` is what is said of it that it does not say itself.

    Raises NotTaken with every problem and question, InvalidInput if it is no file of readings.
    """
    contents, taken = _read(site, path, author.now, declared)
    fresh: list[_Fresh] = []
    for one in _by_meter(taken, path.name, contents):
        rows, pieces = one.rows, one.pieces
        problems: list[Problem] = []
        if rows:
            rows, problems = new_readings(ledger, path.name, rows)
        elif pieces:
            pieces, problems = new_pieces(ledger, path.name, one.spec, pieces)
        contents.problems += problems
        fresh.append(_Fresh(one, rows, pieces))
    if not fresh and not contents.problems and not contents.questions:
        message = msg("no number in it is of a meter of this site")
        contents.problems.append(Problem(path.name, 1, 1, message))
    _refuse(path, contents)
    told = [_told_of(ledger, one) for one in fresh]
    if any(one.added for one in told):
        _enter(ledger, path.name, author, fresh)
    return Imported(
        sum(one.added for one in told),
        sum(one.known for one in told),
        contents.kind,
        tuple(told),
        contents.left,
        _kept(site, path, contents, taken),
    )


def questions_answered(
    site: Site, path: Path, now: datetime, declared: ReadingsFormat | None
) -> None:
    """Return if the file leaves nothing open that can be known without the ledger. Raises
    NotTaken, InvalidInput as `import_readings` does."""
    _refuse(path, _read(site, path, now, declared)[0])


def _read(
    site: Site, path: Path, now: datetime, declared: ReadingsFormat | None
) -> tuple[Contents, Sequence[Taken]]:
    kept = kept_formats(site.directory)
    formats = Formats(declared or ReadingsFormat(), tuple(kept.values()))
    names = names_of_meters(site)
    contents = read_contents(path, read_bytes(path), formats, lambda name: name.lower() in names)
    return contents, Matcher(site, path.name, contents, now).taken()


def _kept(site: Site, path: Path, contents: Contents, taken: Sequence[Taken]) -> bool:
    """Keep how files of this kind are taken, also what was said of the only series of this one."""
    known = contents.format
    if ALL in known.meters:
        meters = {name: meter for name, meter in known.meters.items() if name != ALL}
        for one in taken:
            meters.setdefault(one.series.name, known.meters[ALL])
        known = known.model_copy(update={"meters": meters})
    try:
        return keep_format(site.directory, path.stem, known)
    except InvalidInput:
        return False  # what was taken stands; the next file is asked about again


def _by_meter(taken: Sequence[Taken], file: str, contents: Contents) -> Iterator[Taken]:
    """What was taken, each meter once: two names of one meter would be one thing twice."""
    seen: dict[str, Taken] = {}
    for one in taken:
        before = seen.setdefault(one.spec.id, one)
        if before is not one:
            message = msg(
                "'{name}' and '{other_name}' are the same meter, {meter}",
                name=before.series.name,
                other_name=one.series.name,
                meter=one.spec.name,
            )
            place = one.series.lines[0], one.series.name_column
            contents.problems.append(Problem(file, *place, message))
            continue
        yield one


def _refuse(path: Path, contents: Contents) -> None:
    contents.questions.sort(key=lambda question: _ORDER.index(question.key))
    problems = [*contents.problems, *(q.problem(path.name) for q in contents.questions)]
    if problems:
        raise NotTaken(
            msg(
                "{path} has {problems}; nothing was imported",
                path=path,
                problems=counted(problems),
            ),
            sorted(problems),
            contents.questions,
            contents.left,
        )


def _told_of(ledger: Ledger, fresh: _Fresh) -> FromSeries:
    taken = fresh.taken
    times = [row.time for row in taken.rows]
    times += [from_ms(ms) for p in taken.pieces for ms in (p.start_ms, p.end_ms)]
    return FromSeries(
        taken,
        len(fresh.rows) + len(fresh.pieces),
        len(taken.rows) + len(taken.pieces) - len(fresh.rows) - len(fresh.pieces),
        sum((p.value for p in fresh.pieces), Fraction(0)) if fresh.pieces else None,
        sum(1 for piece in fresh.pieces if piece.label is Label.ESTIMATED),
        _beneath(ledger, taken.spec, fresh.pieces),
        min(times, default=None),
        max(times, default=None),
    )


def _beneath(ledger: Ledger, spec: MeterSpec, pieces: Sequence[Piece]) -> int:
    """The quarter hours that a register measured and a file tells too."""
    if not pieces:
        return 0
    first, last = pieces[0].start_ms, max(piece.end_ms for piece in pieces)
    measured = {
        ms
        for ms, slot in ledger.slots(spec.id, floor_quarter(first), last)
        if slot.covered_ms == QUARTER_MS and RANK[slot.label] <= RANK[Label.DERIVED]
    }
    return sum(
        1
        for piece in pieces
        for ms in range(floor_quarter(piece.start_ms), piece.end_ms, QUARTER_MS)
        if ms in measured and (ms >= piece.start_ms or len(pieces) == 1)
    )


def _enter(ledger: Ledger, file: str, author: Author, fresh: Sequence[_Fresh]) -> None:
    names = sorted({one.taken.spec.name for one in fresh if one.rows or one.pieces})
    with ledger.transaction():
        for one in fresh:
            by = {"by": "instrument"} if one.taken.by == "instrument" else {}
            for row in one.rows:
                ledger.enter(
                    row.spec.id, EntryKind.READING, row.time, row.time,
                    {"value": str(row.value), **by}, who=author.who, why=author.why,
                    now=author.now,
                )  # fmt: skip
            for run in _runs(one.pieces):
                ledger.enter(
                    one.taken.spec.id, EntryKind.INTERVALS, from_ms(run[0].start_ms),
                    from_ms(run[-1].end_ms), _entry_of(one.taken.spec, run), who=author.who,
                    why=author.why, now=author.now,
                )  # fmt: skip
        audited(
            ledger, author, "meter.import", None, None, file=file,
            readings=sum(len(one.rows) for one in fresh),
            intervals=sum(len(one.pieces) for one in fresh), meters=names,
        )  # fmt: skip


def _runs(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """The pieces as runs of equal length within one month of UTC: one entry each."""
    run: list[Piece] = []
    for piece in sorted(pieces):
        if run and not _goes_on(run[-1], piece):
            yield run
            run = []
        run.append(piece)
    if run:
        yield run


def _goes_on(before: Piece, piece: Piece) -> bool:
    step = before.end_ms - before.start_ms
    one, other = from_ms(before.start_ms), from_ms(piece.start_ms)
    hole = piece.start_ms - before.end_ms
    return (
        piece.end_ms - piece.start_ms == step
        and (one.year, one.month) == (other.year, other.month)
        and hole % step == 0
        and hole // step <= _LONGEST_HOLE
    )


def _entry_of(spec: MeterSpec, run: Sequence[Piece]) -> dict[str, Any]:
    amounts = {piece.value for piece in run}
    scale = reduce(common, amounts - {Fraction(0)}, Fraction(spec.resolution))
    if max(amounts) / scale >= MOST_COUNTS:
        raise InvalidInput(msg("a number in it has too many digits; round it"))
    in_counts = {amount: int(amount / scale) for amount in amounts}
    step = run[0].end_ms - run[0].start_ms
    counts: list[int | None] = [in_counts[run[0].value]]
    places = [0]
    for before, piece in pairwise(run):
        counts += [None] * ((piece.start_ms - before.end_ms) // step)
        places.append(len(counts))
        counts.append(in_counts[piece.value])
    return {
        "step_ms": step,
        "scale": str(scale),
        "counts": counts,
        "label": Label.MEASURED.value,
        "others": {
            str(at): piece.label.value
            for at, piece in zip(places, run, strict=True)
            if piece.label is not Label.MEASURED
        },
    }
