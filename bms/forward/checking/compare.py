"""What was copied, counted here and on the server.

Raw samples are counted per point and measurement, energy per meter and also summed. A sample
counts once however often it was sent; one without a number has no `v` and does not count; what
the server refused for good is known and does not count either.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from math import fsum, isfinite
from types import MappingProxyType
from typing import Any, TypeAlias

from bms.config.shapes.sinks import InfluxFile
from bms.core.equipment import PointClass, base_of
from bms.forward.cursors import DeadLetter
from bms.forward.server.asking import Reader
from bms.forward.streams.outgoing import Outgoing
from bms.forward.streams.refill import SERIES_AT_ONCE, lost_numbers
from bms.forward.streams.sources import EnergySource, RollupSource, Selection, Sources
from bms.historian.records import from_ms
from bms.historian.streams import RollupRow
from drivers.points import PointId

ENERGY, ROLLUPS = "energy_15m", "analog_15m"
DeadLines: TypeAlias = Mapping[tuple[str, PointId, int], Set[int]]
"""The times of refused lines by measurement, point and revision."""
MINUTE_MS = 60_000
SAMPLES_AT_ONCE = 200_000
"""Samples held in memory while they are counted."""
ROWS_AT_ONCE = 5000
SEARCH_MARGIN_MS = 7 * 24 * 60 * MINUTE_MS
"""Rows are published about in the order of their times; a search begins this much earlier."""
NUMBERS = [klass for klass in PointClass if klass is not PointClass.EVENT]
"""Classes whose samples have a number to count."""
CLOSE = 1e-9
"""Sums of floats in another order differ in their last digits."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One point that differs between a server and us."""

    measurement: str
    point: PointId
    what: str
    """`count` or `kwh`."""
    here: float
    there: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measurement over one stretch of time."""

    measurement: str
    what: str
    """`count` or `kwh`."""
    here: float
    there: float
    differences: tuple[Difference, ...]
    given_up: int = 0
    """Samples that the disk budget gave up here; they are not counted in `here`."""
    lost: int = 0
    """Those of them that the server does not have."""

    @property
    def short(self) -> bool:
        """Whether the server has less of any point: more can be ours no longer kept here."""
        return any(d.there < d.here or d.what == "kwh" for d in self.differences)


class LocalCounts:
    """Counts of one state directory. Used on the thread of its sources."""

    def __init__(
        self, sources: Sources, settings: InfluxFile, dead: Callable[[], Iterable[DeadLetter]]
    ) -> None:
        self._sources = sources
        self._settings = settings
        self._selection = Selection(settings)
        self._dead = dead

    def bases(self) -> set[str]:
        """The bases of the points here."""
        return {base_of(series.point) for series in self._sources.history.series()}

    def refused(self) -> DeadLines:
        """Lines that the server has refused for good: they are not expected there."""
        return dead_lines(self._dead())

    def raw(self, start_ms: int, end_ms: int, dead: DeadLines) -> dict[str, Counter[PointId]]:
        """Distinct samples with a number in [start, end), by measurement and point; none dead."""
        history = self._sources.history
        wanted = {
            series.point: f"bms_{series.klass.value}"
            for series in history.series()
            if self._selection.wants(series.point, series.klass)
        }
        found: dict[str, Counter[PointId]] = defaultdict(Counter)
        for first_ms, last_ms in self._slices(start_ms, end_ms):
            seen: dict[PointId, set[int]] = defaultdict(set)
            for point, ms in _numbers(history, first_ms, last_ms):
                if point in wanted:
                    seen[point].add(ms)
            if not history.log_reaches(first_ms):
                for point, stored_ms in self._stored(first_ms, last_ms):
                    if point in wanted:
                        seen[point].update(stored_ms)
            for point, times in seen.items():
                times -= dead.get((wanted[point], point, 0), frozenset())
                if times:
                    found[wanted[point]][point] += len(times)
        return found

    def _stored(self, start_ms: int, end_ms: int) -> Iterator[tuple[PointId, list[int]]]:
        """The times of numbers in segments, some at a time."""
        trends = self._sources.trends
        if trends is None:
            return
        numbers = sorted(trends.names())
        for first in range(0, len(numbers), SERIES_AT_ONCE):
            blocks, _ = trends.stored(numbers[first : first + SERIES_AT_ONCE], start_ms, end_ms)
            for block in blocks.values():
                yield block.point, block.times_ms[block.numbers()].tolist()

    def given_up(self, start_ms: int, end_ms: int) -> dict[str, dict[PointId, int]]:
        """Samples with a number of [start, end) that the disk budget gave up, sent or not."""
        found: dict[str, dict[PointId, int]] = defaultdict(dict)
        trends = self._sources.trends
        if trends is not None:
            classes = trends.points()
            for point, n in lost_numbers(trends, self._selection, start_ms, end_ms).items():
                found[f"bms_{classes[point].value}"][point] = n
        return found

    def _slices(self, start_ms: int, end_ms: int) -> Iterator[tuple[int, int]]:
        trends = self._sources.trends
        samples = self._sources.history.samples_between(start_ms, end_ms)
        if trends is not None and trends.roll is not None:
            samples += sum(s.samples for s in trends.roll.segments(start_ms, end_ms))
        parts = max(1, -(-samples // SAMPLES_AT_ONCE))
        step = max(1, -(-(end_ms - start_ms) // parts))
        for first_ms in range(start_ms, end_ms, step):
            yield first_ms, min(end_ms, first_ms + step)

    def energy(
        self, start_ms: int, end_ms: int, dead: DeadLines
    ) -> tuple[Counter[PointId], dict[PointId, float]]:
        """Rows of energy in [start, end) by meter, and their sums; without dead lines."""
        source = self._sources.energy
        counts: Counter[PointId] = Counter()
        amounts: dict[PointId, list[float]] = defaultdict(list)
        if source is not None:
            after = first_after(
                source.last_energy(),
                lambda seq: source.energy(seq, 1)[0].start_ms,
                start_ms - SEARCH_MARGIN_MS,
            )
            for meter, rev, ms, amount in _all_energy(source, after):
                if start_ms <= ms < end_ms and ms not in dead.get((ENERGY, meter, rev), ()):
                    counts[meter] += 1
                    amounts[meter].append(amount)
        return counts, {meter: fsum(values) for meter, values in amounts.items()}

    def rollups(self, start_ms: int, end_ms: int, dead: DeadLines) -> Counter[PointId]:
        """Roll-up rows in [start, end) by point; without dead lines."""
        source = self._sources.rollups
        counts: Counter[PointId] = Counter()
        if source is not None:
            after = first_after(
                source.last_rollup(),
                lambda seq: source.rollups(seq, 1)[0].start_ms,
                start_ms - SEARCH_MARGIN_MS,
            )
            for point, rev, ms in _all_rollups(source, after):
                if start_ms <= ms < end_ms and ms not in dead.get((ROLLUPS, point, rev), ()):
                    counts[point] += 1
            for row, lines in self._unnumbered(source, start_ms, end_ms):
                counts[row.point] += sum(
                    row.start_ms not in dead.get((ROLLUPS, row.point, rev), ())
                    for rev in range(lines)
                )
        return +counts

    def _unnumbered(
        self, source: RollupSource, start_ms: int, end_ms: int
    ) -> Iterator[tuple[RollupRow, int]]:
        """Quarter hours that have left their stream, and of how many rows each is the sum."""
        trends = self._sources.trends
        first = source.rollups(0, ROWS_AT_ONCE)
        if trends is None or source.last_rollup() == 0:
            return
        # Rows leave in the order of their numbers, which is about that of their times.
        if first and (first[0].seq == 1 or start_ms > max(row.start_ms for row in first)):
            return
        numbers = sorted(trends.names())
        for at in range(0, len(numbers), SERIES_AT_ONCE):
            for row in trends.summed_quarters(numbers[at : at + SERIES_AT_ONCE], start_ms, end_ms):
                yield row, row.seq + 1  # `seq` tells how often it was revised


InThread = Callable[..., Awaitable[Any]]
"""Runs a call with its arguments on the thread that the local counts belong to."""


async def compare(
    reader: Reader,
    settings: InfluxFile,
    local: LocalCounts,
    start_ms: int,
    end_ms: int,
    in_thread: InThread,
) -> list[Comparison]:
    """Every measurement that the sink sends, over [start, end). Raises QueryFailed."""
    bases: set[str] = await in_thread(local.bases)
    if not bases:
        return []

    async def there(function: str, measurement: str, name: str, rollup: bool) -> dict[str, float]:
        return await reader.totals(
            function, measurement, name, start_ms, end_ms, bases=bases, rollup=rollup
        )

    results = []
    dead: DeadLines = await in_thread(local.refused)
    if "raw" in settings.send:
        raw = await in_thread(local.raw, start_ms, end_ms, dead)
        given_up = await in_thread(local.given_up, start_ms, end_ms)
        for klass in NUMBERS:
            name = f"bms_{klass.value}"
            results.append(
                comparison(
                    name,
                    "count",
                    raw.get(name, {}),
                    await there("count", name, "v", False),
                    given_up.get(name, {}),
                )
            )
    if "energy" in settings.send:
        counts, sums = await in_thread(local.energy, start_ms, end_ms, dead)
        for function, what, mine in (("count", "count", counts), ("sum", "kwh", sums)):
            found = await there(function, ENERGY, "kwh", True)
            found |= await there(function, ENERGY, "m3", True)
            results.append(comparison(ENERGY, what, mine, found))
    if "rollups" in settings.send:
        mine = await in_thread(local.rollups, start_ms, end_ms, dead)
        found = await there("count", ROLLUPS, "n", True)
        results.append(comparison(ROLLUPS, "count", mine, found))
    return results


def comparison(
    measurement: str,
    what: str,
    mine: Mapping[PointId, float],
    there: Mapping[PointId, float],
    given_up: Mapping[PointId, int] = MappingProxyType({}),
) -> Comparison:
    """Ours against theirs, by point; they may have the samples we gave up, or not."""
    differences = []
    lost = 0
    for point in sorted(set(mine) | set(there) | set(given_up)):
        here, found, gone = mine.get(point, 0), there.get(point, 0), given_up.get(point, 0)
        # The server has those of the given-up samples that were sent before.
        lost += round(min(gone, max(0, here + gone - found)))
        if not _same(here, found) and not here <= found <= here + gone:
            differences.append(Difference(measurement, point, what, here, found))
    return Comparison(
        measurement,
        what,
        fsum(mine.values()),
        fsum(there.values()),
        tuple(differences),
        sum(given_up.values()),
        lost,
    )


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= CLOSE * max(1.0, abs(a), abs(b))


async def kept_from(reader: Reader, settings: InfluxFile, now_ms: int) -> dict[str, int]:
    """From when on the server keeps a measurement; it need not have older rows.

    An hour of margin: what expires while it is counted is nobody's loss. Raises QueryFailed.
    """

    async def since(rollup: bool) -> int:
        retention_ms = await reader.retention_ms(rollup=rollup)
        return 0 if retention_ms is None else now_ms - retention_ms + 60 * MINUTE_MS

    raw = rollup = await since(False)
    if settings.place(rollup=True) != settings.place(rollup=False):
        rollup = await since(True)
    return defaultdict(lambda: raw, {ENERGY: rollup, ROLLUPS: rollup})


def dead_lines(letters: Iterable[DeadLetter]) -> DeadLines:
    """Where the refused lines are told."""
    found: dict[tuple[str, PointId, int], set[int]] = defaultdict(set)
    for letter in letters:
        for line in letter.lines:
            head, _, ms = line.decode(errors="replace").rpartition(" ")
            measurement, *tags = head.split(" ")[0].split(",")
            said = dict(tag.partition("=")[::2] for tag in tags)
            rev = said.get("rev", "0")
            if ms.lstrip("-").isdigit() and rev.isdigit():
                found[measurement, said.get("point", ""), int(rev)].add(int(ms))
    return found


def first_after(last: int, time_of: Callable[[int], int], start_ms: int) -> int:
    """The number before the first row not earlier than `start_ms`, times being about in order."""
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        if time_of(middle) < start_ms:
            low = middle + 1
        else:
            high = middle
    return low


def _numbers(history: Outgoing, start_ms: int, end_ms: int) -> Iterator[tuple[PointId, int]]:
    for row in history.log_between(start_ms, end_ms):
        for point, ms, value in zip(row.points, row.times_ms, row.values, strict=True):
            if start_ms <= ms < end_ms and isinstance(value, int | float) and isfinite(value):
                yield point, ms


def _all_energy(source: EnergySource, after: int) -> Iterator[tuple[PointId, int, int, float]]:
    while rows := source.energy(after, ROWS_AT_ONCE):
        yield from ((row.meter, row.rev, row.start_ms, float(row.amount)) for row in rows)
        after = rows[-1].seq


def _all_rollups(source: RollupSource, after: int) -> Iterator[tuple[PointId, int, int]]:
    while rows := source.rollups(after, ROWS_AT_ONCE):
        yield from ((row.point, row.rev, row.start_ms) for row in rows)
        after = rows[-1].seq


def hour_text(ms: int) -> str:
    """An instant as people and JSON read it."""
    return from_ms(ms).isoformat(timespec="minutes")
