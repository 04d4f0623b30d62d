"""Days of a meter, read by the year."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from bms.config.site import MeterSpec
from bms.core.instants import DAY_MS, from_ms, local_midnight, to_ms
from bms.energy.quarters import QUARTER_MS, coverage
from bms.ledger.database.queries import LedgerQueries


class DailyQueries(LedgerQueries):
    """`LedgerQueries`, and what can be asked of days."""

    def days(self, spec: MeterSpec, first: date, last: date) -> dict[date, tuple[float, float]]:
        """What a meter measured on each local day from `first` to `last`, both included: the
        amount and the coverage of the day. Days of which nothing is known are left out.

        Years of days are read at once: a blob is summed on either side of the local midnight.
        """
        number = self.known(spec.id)
        if number is None:
            return {}
        zone = ZoneInfo(spec.zone)
        edges = [
            to_ms(local_midnight(first + timedelta(days=n), zone))
            for n in range((last - first).days + 2)
        ]
        sums = [[0.0, 0] for _ in edges]
        for ms, amount, covered_ms in self._pieces(number, edges):
            at = bisect_right(edges, ms) - 1
            sums[at][0] += amount
            sums[at][1] += covered_ms
        return {
            first + timedelta(days=n): (
                amount,
                float(coverage(int(covered_ms), edges[n + 1] - edges[n])),
            )
            for n, (amount, covered_ms) in enumerate(sums[:-1])
            if covered_ms
        }

    def _pieces(self, number: int, edges: Sequence[int]) -> Iterator[tuple[int, float, int]]:
        """Parts of UTC days that lie within one local day: start, amount and covered time."""
        first, last = edges[0], edges[-1]
        for day_ms, blob in self._rows(
            "SELECT ms, blob FROM day WHERE meter = ? AND ms > ? AND ms < ?",
            number,
            first - DAY_MS,
            last,
        ):
            counts, scales, _, covered, _ = self._columns(blob, 5)
            low = bisect_right(edges, day_ms)
            cuts = [max(day_ms, first), *edges[low : bisect_left(edges, day_ms + DAY_MS)]]
            for start, end in pairwise([*cuts, min(day_ms + DAY_MS, last)]):
                a, b = (start - day_ms) // QUARTER_MS, (end - day_ms) // QUARTER_MS
                amount = _amount(counts[a:b], scales[a:b], self._worth)
                yield start, amount, sum(covered[a:b])
        for ms, (count, scale, _, covered_ms, _) in self._open_slots(number, first, last).items():
            yield ms, count * self._worth(scale), covered_ms

    def _worth(self, scale: int) -> float:
        """What a count is worth; rows without a slot have scale 0 and no counts."""
        return float(self.scale_of(scale)) if scale else 0.0

    def first_day(self, spec: MeterSpec) -> date | None:
        """The first local day of which anything is known; None before that."""
        number = self.known(spec.id)
        if number is None:
            return None
        ((first_ms,),) = self._rows(
            "SELECT min(ms) FROM (SELECT min(ms) AS ms FROM day WHERE meter = ?1 UNION ALL "
            "SELECT min(ms) FROM slot WHERE meter = ?1)",
            number,
        )
        if first_ms is None:
            return None
        found = self.raw_slots(number, first_ms, first_ms + DAY_MS)
        known_ms = min((ms for ms, raw in found.items() if raw[3]), default=first_ms)
        return from_ms(known_ms).astimezone(ZoneInfo(spec.zone)).date()


def _amount(counts: Sequence[int], scales: Sequence[int], worth: Callable[[int], float]) -> float:
    """The sum of counts times what each is worth, which is nearly always the same for all."""
    used = set(scales)
    if len(used) == 1:
        return sum(counts) * worth(used.pop())
    return sum(count * worth(scale) for count, scale in zip(counts, scales, strict=True))
