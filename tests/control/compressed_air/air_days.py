"""Days of a station of compressors, written down: `python -m tests.control.compressed_air.air_days`
writes them again."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

from simulators.physics.air_station import AirUnitSpec
from tests.control.compressed_air.air_rig import Station, Works, compressor, dryer

GOLDEN = Path(__file__).with_name("golden")
Row = tuple[object, ...]
HEAD: Row = ("hour", "kpa", "units", "dryers", "load_pct", "kw")
FOUR = [AirUnitSpec(110.0, 20.0)] * 4
UNLIKE = [AirUnitSpec(160.0, 28.0), AirUnitSpec(110.0, 20.0), AirUnitSpec(110.0, 20.0),
          AirUnitSpec(55.0, 10.0)]  # fmt: skip


def station(specs: list[AirUnitSpec], leaks_m3min: float) -> Station:
    members = [
        compressor(f"ac-{i}", spec.flow_m3min, spec.rated_kw, without=("speed",))
        for i, spec in enumerate(specs, 1)
    ]
    return Station(specs, [*members, dryer("dr-1"), dryer("dr-2")], leaks_m3min=leaks_m3min,
                   critical_kpa=600)  # fmt: skip


def _day(made: Station, works: Works, cap: Callable[[int], int]) -> Iterator[Row]:
    made.demand_m3min = works
    made.start_with(["ac-1"])
    yield HEAD
    for quarter in range(96):
        made.rig.give("max_units", cap(quarter // 4))
        made.run(900.0, 5.0)
        yield (
            round(made.rig.seconds / 3600.0, 2),
            round(made.kpa),
            " ".join(made.on),
            " ".join(n for n in ("dr-1", "dr-2") if made.rig.values[f"b.{n}.enable"]),
            round(100.0 * made.plant.delivered_m3min / _can(made)),
            round(sum(made.plant.powers_kw)),
        )


def _can(made: Station) -> float:
    pairs = zip(made.plant.running, made.plant.units, strict=True)
    return sum(unit.flow_m3min for running, unit in pairs if running) or 1.0


def workday() -> Iterator[Row]:
    """Four units that are alike, on a working day."""
    return _day(station(FOUR, 9.0), Works(7, 36.0), lambda _: 4)


def unlike_workday() -> Iterator[Row]:
    """Units of three sizes: the least set that does the work."""
    return _day(station(UNLIKE, 4.0), Works(7, 40.0), lambda _: 4)


def capped_day() -> Iterator[Row]:
    """A cap that is too low from eight to noon: it is released, and is in force again."""
    return _day(station(FOUR, 9.0), Works(7, 36.0), lambda hour: 1 if 8 <= hour < 12 else 4)


DAYS: dict[str, Callable[[], Iterator[Row]]] = {
    "workday": workday,
    "unlike_workday": unlike_workday,
    "capped_day": capped_day,
}


def written(row: Row) -> list[str]:
    """A row as it stands in a file."""
    return [str(cell) for cell in row]


def write(folder: Path = GOLDEN) -> None:
    folder.mkdir(exist_ok=True)
    for name, rows in DAYS.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(map(written, rows()))


if __name__ == "__main__":
    write()
