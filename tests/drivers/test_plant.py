"""The in-process plant as a driver."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from drivers.base import Write, WriteStatus
from drivers.plant import PlantDriver, PlantPoint
from drivers.points import ModbusAddress, OpcUaAddress, PlantAddress, Point, Quality, Sample

NOW = datetime(2026, 3, 2, tzinfo=UTC)


class Plant:
    def __init__(self, **values: float) -> None:
        self.values = values
        self.written: list[Mapping[str, float | None]] = []
        self.broken = False

    def points(self) -> Sequence[PlantPoint]:
        return [PlantPoint(name, writable=not name.startswith("ro")) for name in self.values]

    def read(self) -> Mapping[str, float]:
        if self.broken:
            raise RuntimeError("burst pipe")
        return self.values

    def write(self, values: Mapping[str, float | None]) -> None:
        if self.broken:
            raise RuntimeError("burst pipe")
        self.written.append(values)

    def advance(self, until: datetime) -> datetime:
        return until

    def close(self) -> None:
        self.values = {}


def point(name: str, release: float | None = None, writable: bool = True) -> Point:
    return Point(f"b.e.{name}", PlantAddress(name), "", writable, release)


def driver(plant: Plant, *points: Point) -> PlantDriver:
    return PlantDriver(plant, points, lambda: NOW)


async def test_samples_are_the_plants_floats_at_its_now() -> None:
    made = driver(Plant(a=1.0, b=2.5), point("a"), point("b"))
    assert await made.read(["b.e.b", "b.e.a"]) == [
        Sample("b.e.b", 2.5, Quality.GOOD, NOW),
        Sample("b.e.a", 1.0, Quality.GOOD, NOW),
    ]


async def test_points_of_links_are_found_by_their_id() -> None:
    plant = Plant(**{"b.e.a": 1.0, "b.e.c": 3.0})
    made = driver(
        plant,
        Point("b.e.a", ModbusAddress(1, "coil", 0), writable=True),
        Point("b.e.c", OpcUaAddress("urn:x", "s=c")),
    )
    assert [s.value for s in await made.read(["b.e.a", "b.e.c"])] == [1.0, 3.0]
    (result,) = await made.write([Write("b.e.a", True)])
    assert result.status is WriteStatus.OK
    assert plant.written == [{"b.e.a": 1.0}]


@pytest.mark.parametrize("value", [math.nan, math.inf])
async def test_no_number_is_bad_and_its_neighbour_good(value: float) -> None:
    made = driver(Plant(a=value, b=2.0), point("a"), point("b"), point("c"))
    a, b, c = await made.read(["b.e.a", "b.e.b", "b.e.c"])
    assert (a.value, a.quality, a.detail) == (None, Quality.BAD, f"the plant gives {value}")
    assert (b.value, b.quality) == (2.0, Quality.GOOD)
    assert (c.value, c.quality, c.detail) == (None, Quality.BAD, "the plant has no point c")


async def test_writes() -> None:
    plant = Plant(a=1.0, b=1.0, ro=1.0)
    points = [point("a"), point("b", release=7.0), point("ro"), point("x")]
    made = driver(plant, *points, Point("b.e.c", PlantAddress("a")))
    results = await made.write(
        [
            Write("b.e.a", None),
            Write("b.e.b", None),
            Write("b.e.ro", 1.0),
            Write("b.e.x", 1.0),
            Write("b.e.c", 1.0),
        ]
    )
    assert [r.status is WriteStatus.OK for r in results] == [True, True, False, False, False]
    assert [r.detail for r in results[2:]] == [
        "the point is not writable",
        "the plant has no point x",
        "the point is not writable",
    ]
    assert plant.written == [{"a": None, "b": 7.0}]


async def test_a_plant_that_fails_is_a_bad_sample_and_no_exception() -> None:
    plant = Plant(a=1.0)
    made = driver(plant, point("a"))
    plant.broken = True
    (sample,) = await made.read(["b.e.a"])
    assert (sample.quality, sample.detail) == (Quality.BAD, "the plant failed: burst pipe")
    (result,) = await made.write([Write("b.e.a", 1.0)])
    assert (result.status, result.detail) == (WriteStatus.REFUSED, "the plant: burst pipe")
