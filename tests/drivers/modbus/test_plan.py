"""Reads cover every point once, whole, within the limits."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from drivers.codec.encoding import width
from drivers.modbus.reading.plan import Block, ModbusPoint, plan, split
from drivers.modbus.wire.transport import UnitProfile
from drivers.points import ModbusAddress, Point, RegisterType, Table


def point(name: str, table: Table, at: int, kind: RegisterType = "uint16", unit: int = 1) -> Point:
    return Point(name, ModbusAddress(unit, table, at, kind))


def known(points: list[Point]) -> list[ModbusPoint]:
    found = []
    for item in points:
        assert isinstance(item.address, ModbusAddress)
        found.append(ModbusPoint(item, item.address))
    return found


def planned(points: list[ModbusPoint], limit: int, gap: int) -> list[Block]:
    return plan(points, lambda unit: UnitProfile(limit, gap))


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
    blocks = planned(known(points), limit, gap)
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
    todo = planned(known(points), 125, 124)
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
    assert shape(planned(known(points), 120, 16)) == [
        ("holding", 0, 18),
        ("holding", 35, 1),
    ]
    assert shape(planned(known(points), 17, 16)) == [
        ("holding", 0, 1),
        ("holding", 17, 1),
        ("holding", 35, 1),
    ]


def test_an_overlap_ends_where_the_longest_ends() -> None:
    points = [point("a", "holding", 0, "float64"), point("b", "holding", 1)]
    assert shape(planned(known(points), 120, 0)) == [("holding", 0, 4)]


def test_a_point_wider_than_the_limit_is_read_alone() -> None:
    points = [point("a", "holding", 0, "float64"), point("b", "holding", 4)]
    assert shape(planned(known(points), 2, 0)) == [
        ("holding", 0, 4),
        ("holding", 4, 1),
    ]


def test_a_cut_is_made_at_the_widest_hole() -> None:
    points = [point(f"p{a}", "holding", a) for a in (0, 1, 2, 9, 10, 11, 12)]
    (block,) = planned(known(points), 120, 16)
    halves = split(block)
    assert halves is not None
    assert shape(list(halves)) == [("holding", 0, 3), ("holding", 9, 4)]


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(["uint16", "int32", "float64"])),
        min_size=1,
        max_size=7,
    ),
    st.integers(4, 14),
    st.integers(0, 6),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), max_size=2),
)
def test_no_other_plan_has_fewer_reads_or_moves_less(
    layout: list[tuple[int, RegisterType]],
    limit: int,
    gap: int,
    holes: list[tuple[int, int]],
) -> None:
    """Against every way of dividing the points among reads."""
    points = known([point(f"p{n}", "holding", at, kind) for n, (at, kind) in enumerate(layout)])
    table: Table = "holding"
    forbidden = tuple((table, first, first + more) for first, more in holes)
    profile = UnitProfile(limit, gap, forbidden)
    blocks = plan(points, lambda unit: profile)
    for block in blocks:
        if len(block.points) > 1:
            assert allowed(list(block.points), profile)
    found = (len(blocks), sum(block.count for block in blocks))
    best = min(cost(division) for division in divisions(points) if fits(division, profile))
    assert found == best


def registers(run: list[ModbusPoint]) -> tuple[int, int]:
    return min(p.start for p in run), max(p.end for p in run)


def allowed(run: list[ModbusPoint], profile: UnitProfile) -> bool:
    start, end = registers(run)
    used = {at for p in run for at in range(p.start, p.end)}
    longest = longest_run_without(used, start, end)
    touched = any(first < end and start <= last for _, first, last in profile.forbidden)
    return end - start <= profile.max_registers and longest <= profile.max_gap and not touched


def longest_run_without(used: set[int], start: int, end: int) -> int:
    longest = current = 0
    for at in range(start, end):
        current = 0 if at in used else current + 1
        longest = max(longest, current)
    return longest


def fits(division: list[list[ModbusPoint]], profile: UnitProfile) -> bool:
    return all(len(run) == 1 or allowed(run, profile) for run in division)


def cost(division: list[list[ModbusPoint]]) -> tuple[int, int]:
    sizes = [end - start for start, end in map(registers, division)]
    return len(sizes), sum(sizes)


def divisions(points: list[ModbusPoint]) -> Iterator[list[list[ModbusPoint]]]:
    if not points:
        yield []
        return
    first, *rest = points
    for division in divisions(rest):
        yield [[first], *division]
        for number, run in enumerate(division):
            yield [*division[:number], [first, *run], *division[number + 1 :]]


def scaled(name: str, at: int, scale_at: int) -> Point:
    return Point(name, ModbusAddress(1, "holding", at, "int16", scale_address=scale_at))


def test_a_point_is_read_with_its_scale_factor() -> None:
    blocks = planned(known([scaled("a", 10, 14), scaled("b", 11, 14), scaled("c", 20, 6)]), 120, 0)
    assert shape(blocks) == [("holding", 6, 15)]
    blocks = planned(known([scaled("a", 10, 14), point("z", "holding", 18)]), 120, 0)
    assert shape(blocks) == [("holding", 10, 5), ("holding", 18, 1)]


def test_a_scale_factor_out_of_reach_is_read_by_itself() -> None:
    """Points that share it are read together; it is not counted with their registers."""
    points = [scaled("a", 10, 14), scaled("b", 10, 300), scaled("c", 12, 300), scaled("d", 40, 2)]
    blocks = planned(known(points), 20, 16)
    assert shape(blocks) == [("holding", 10, 5), ("holding", 40, 1), ("holding", 10, 3)]
    assert [block.scale_address for block in blocks] == [None, 2, 300]


@given(
    st.lists(st.tuples(st.integers(0, 1500), st.none() | st.integers(0, 65535)), max_size=40),
    st.integers(1, 125),
    st.integers(0, 124),
    st.sampled_from([(), ("holding",)]),
)
def test_no_layout_is_beyond_planning(
    layout: list[tuple[int, int | None]], limit: int, gap: int, from_start: tuple[Table, ...]
) -> None:
    points = [
        Point(f"p{n}", ModbusAddress(1, "holding", at % 124, "uint32", scale_address=scale))
        if from_start
        else Point(f"p{n}", ModbusAddress(1, "holding", at, "uint32", scale_address=scale))
        for n, (at, scale) in enumerate(layout)
        if not from_start or scale is None or scale < 125
    ]
    profile = UnitProfile(limit, gap, from_start=from_start)
    blocks = plan(known(points), lambda unit: profile)
    assert sorted(p.id for b in blocks for p in b.points) == sorted(p.id for p in points)
    for block in blocks:
        assert block.count <= max(limit, 2) or from_start
        assert (block.address == 0) or not from_start
        todo = [block]
        while todo:
            halves = split(todo.pop())
            todo += halves or ()


def test_what_is_forbidden_is_read_for_its_own_points_only() -> None:
    points = known([point(f"p{at}", "holding", at) for at in (1, 3, 5, 6)])
    profile = UnitProfile(120, 16, (("holding", 4, 5), ("input", 0, 9)))
    assert sorted(shape(plan(points, lambda unit: profile))) == [
        ("holding", 1, 3),
        ("holding", 5, 1),
        ("holding", 6, 1),
    ]
