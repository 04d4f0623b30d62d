"""Reads cover every point once, whole, within the limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.codec import width
from drivers.modbus.plan import Block, ModbusPoint, plan, split
from drivers.points import ModbusAddress, Point, RegisterType, Table


def point(name: str, table: Table, at: int, kind: RegisterType = "uint16", unit: int = 1) -> Point:
    return Point(name, ModbusAddress(unit, table, at, kind))


def known(points: list[Point]) -> list[ModbusPoint]:
    found = []
    for item in points:
        assert isinstance(item.address, ModbusAddress)
        found.append(ModbusPoint(item, item.address))
    return found


def shape(blocks: list[Block]) -> list[tuple[str, int, int]]:
    return [(block.table, block.address, block.count) for block in blocks]


layouts = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from(["holding", "input", "coil", "discrete"]),
        st.integers(0, 400),
        st.sampled_from(["uint16", "int32", "float64"]),
    ),
    min_size=1,
    max_size=60,
)


@given(layouts, st.integers(1, 125), st.integers(0, 124))
def test_every_point_is_read_whole_and_once(
    layout: list[tuple[int, Table, int, RegisterType]], limit: int, gap: int
) -> None:
    points = [point(f"p{n}", t, a, k, u) for n, (u, t, a, k) in enumerate(layout)]
    blocks = plan(known(points), max_registers=limit, max_gap=gap)
    assert sorted(p.id for b in blocks for p in b.points) == sorted(p.id for p in points)
    for block in blocks:
        for member in block.points:
            assert (member.address.unit, member.address.table) == (block.unit, block.table)
            assert block.address <= member.start
            assert member.end <= block.address + block.count
        most = 2000 if block.table in ("coil", "discrete") else limit
        assert block.count <= most or block.count == max(width(p.address) for p in block.points)
        assert block.address + block.count <= 65536


@given(layouts)
def test_splitting_ends_at_points_that_share_registers(
    layout: list[tuple[int, Table, int, RegisterType]],
) -> None:
    points = [point(f"p{n}", t, a, k, u) for n, (u, t, a, k) in enumerate(layout)]
    todo = plan(known(points), max_registers=125, max_gap=124)
    smallest = []
    while todo:
        block = todo.pop()
        halves = split(block)
        if halves is None:
            smallest.append(block)
        else:
            assert halves[0].points + halves[1].points == block.points
            todo.extend(halves)
    assert sorted(p.id for b in smallest for p in b.points) == sorted(p.id for p in points)
    for block in smallest:
        covered = {r for p in block.points for r in range(p.start, p.end)}
        assert covered == set(range(block.address, block.address + block.count))


def test_gaps_and_spans() -> None:
    points = [point("a", "holding", 0), point("b", "holding", 17), point("c", "holding", 35)]
    assert shape(plan(known(points), max_registers=120, max_gap=16)) == [
        ("holding", 0, 18),
        ("holding", 35, 1),
    ]
    assert shape(plan(known(points), max_registers=17, max_gap=16)) == [
        ("holding", 0, 1),
        ("holding", 17, 1),
        ("holding", 35, 1),
    ]


def test_an_overlap_ends_where_the_longest_ends() -> None:
    points = [point("a", "holding", 0, "float64"), point("b", "holding", 1)]
    assert shape(plan(known(points), max_registers=120, max_gap=0)) == [("holding", 0, 4)]


def test_a_point_wider_than_the_limit_is_read_alone() -> None:
    points = [point("a", "holding", 0, "float64"), point("b", "holding", 4)]
    assert shape(plan(known(points), max_registers=2, max_gap=0)) == [
        ("holding", 0, 4),
        ("holding", 4, 1),
    ]


def test_a_cut_is_made_at_the_widest_hole() -> None:
    points = [point(f"p{a}", "holding", a) for a in (0, 1, 2, 9, 10, 11, 12)]
    (block,) = plan(known(points), max_registers=120, max_gap=16)
    halves = split(block)
    assert halves is not None
    assert shape(list(halves)) == [("holding", 0, 3), ("holding", 9, 4)]
