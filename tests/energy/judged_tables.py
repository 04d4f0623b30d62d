"""How registers and growth are judged, as tables: `python -m tests.energy.judged_tables` writes
them.

The proofs show that what is judged is right (`test_truth.py`, `test_growth_proof.py`). These tables
hold how it comes out then, to the last count: a change of one is a change of what is published of
meters that nobody touched. Say why in the commit.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from random import Random
from types import MappingProxyType

from bms.core.readings import Label
from bms.energy.intervals import Interval, Mark, Register, judged
from bms.energy.quarters import QUARTER_MS, Course
from bms.energy.register import HOUR_MS
from tests.energy.growth_sites import KINDS, site_of

GOLDEN = Path(__file__).parent / "golden"
T0 = QUARTER_MS * 2_000_000
MOST = 400
"""Counts in a quarter hour that the meter uses at most."""
SITES = (*range(len(KINDS)), *range(100, 100 + len(KINDS)))
"""Seeds; those from 100 on have stops and wilder weather."""
LIVES = 40

Row = tuple[object, ...]


# --- registers -------------------------------------------------------------------------------


def _power(first_ms: int, last_ms: int, most: int) -> int | None:
    """A power that flows in every other twelve hours, and is sure for an hour and more."""
    if last_ms - first_ms < HOUR_MS or first_ms // (12 * HOUR_MS) % 2 or not most:
        return None
    return most * (last_ms - first_ms) // (2 * HOUR_MS)


def register_of(seed: int) -> Register:
    """Rated or not, large or small, with its past or without, beside a power or alone."""
    size = (10**9, 10**6, 10**5, None)[seed % 4]
    rated = seed % 3 != 1
    return Register(
        size,
        Fraction(MOST * 4 * 3, 2) if rated else None if seed % 2 else Fraction(10**7),
        rated=rated,
        wraps_in_ms=size * HOUR_MS // (MOST * 4) if rated and size is not None else None,
        own_past=seed % 5 != 0,
        slack=1000 if seed % 2 else 0,
        power=_power if seed % 4 == 2 else None,
        ask_ms=seed * 60_000,
    )


def marks_of_life(seed: int) -> list[Mark]:
    """What was read of a register to which something happens now and then."""
    rng = Random(seed)
    size = register_of(seed).size or 10**12
    ms, total = T0 + rng.randrange(QUARTER_MS), rng.choice([5000, size - 5000, size // 2])
    steady, rarely = rng.randrange(5, MOST), rng.choice([1, 1, 1, 4, 8])
    shown, held_until, away_until = total, 0, 0
    found: list[Mark] = []
    for at in range(rng.randrange(120, 260)):
        what = rng.choice(["use"] * (14 if seed % 2 else 80) + [
            "rest", "outage", "hold", "reset", "swap", "zero", "spike", "dip", "leap", "more",
        ])  # fmt: skip
        quarters = rng.randrange(2, 700) if what == "outage" else 1
        ms += quarters * QUARTER_MS + (rng.randrange(-60_000, 60_000) if seed % 6 == 0 else 0)
        total += 0 if what == "rest" else rng.randrange(steady, steady + 3) * quarters
        if what == "hold":
            held_until = at + rng.randrange(1, 30)
        elif what == "reset":
            total = rng.randrange(3)
        elif what == "swap":
            total += rng.choice([10**4, 10**5, 10**7])
        elif what == "zero":
            away_until = at + rng.randrange(1, 12)
        elif what == "more":
            steady = rng.randrange(5, MOST)
        if at % rarely == 0 and at >= held_until:
            shown = total % size
        spiked = {"spike": size - 1, "dip": max(0, shown - 1), "leap": shown * 10}
        counts = 0 if at < away_until else spiked.get(what, shown)
        found.append(Mark(ms, counts, manual=rng.random() < 0.01))
    return found


def registers() -> Iterator[Row]:
    """Plain steps that follow each other are one row, with their number and sum."""
    yield "seed", "start_ms", "end_ms", "steps", "counts", "label", "event", "quarters"
    for seed in range(LIVES):
        yield from life_of(seed)


def life_of(seed: int) -> Iterator[Row]:
    parts = judged(marks_of_life(seed), register_of(seed)).parts
    for plain, group in groupby(parts, lambda part: part.event is None):
        of_it = list(group)
        for row in [of_it] if plain else [[part] for part in of_it]:
            yield seed, *_row(row)


def _row(parts: list[Interval]) -> Row:
    known = [part.counts for part in parts if part.counts is not None]
    labels = "+".join(sorted({part.label.value for part in parts}))
    quarters = list(Course().quarters(parts))
    missing = sum(q.label is Label.MISSING for q in quarters)
    return (
        parts[0].start_ms - T0, parts[-1].end_ms - T0, len(parts),
        sum(known) if known else "", labels, parts[0].event or "",
        f"{len(quarters)}/{missing}/{sum(q.counts for q in quarters)}",
    )  # fmt: skip


# --- growth ----------------------------------------------------------------------------------


def growth() -> Iterator[Row]:
    yield (
        "seed",
        "verdict",
        "low_pct",
        "growth_pct",
        "high_pct",
        "low_kwh",
        "kwh",
        "high_kwh",
        ("decides"),
        "said",
    )
    for seed in SITES:
        yield growth_of(seed)


def growth_of(seed: int) -> Row:
    found = site_of(seed, nasty=seed >= 100).judge()
    projected = found.projection
    return (
        seed, found.verdict.value,
        *(_number(n) for n in (found.low_pct, found.growth_pct, found.high_pct)),
        *((_number(n) for n in (projected.low_kwh, projected.kwh, projected.high_kwh))
          if projected is not None else ("", "", "")),
        "; ".join(found.decides), " | ".join((found.reason, *found.notes)),
    )  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.9g}"


TABLES: Mapping[str, Callable[[], Iterator[Row]]] = MappingProxyType(
    {"registers": registers, "growth": growth}
)


def read(name: str) -> list[list[str]]:
    with (GOLDEN / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name, rows in TABLES.items():
        with (GOLDEN / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows())


if __name__ == "__main__":
    main()
