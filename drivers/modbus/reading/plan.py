"""Which registers to read together. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple

from bms.texts.messages import Message, msg
from drivers.codec.encoding import width
from drivers.modbus.wire.transport import UnitProfile
from drivers.points import ModbusAddress, Point, PointId, Table

MAX_BITS = 2000
"""Most coils or discrete inputs in one read (Modbus application protocol, 6.1 and 6.2)."""
MAX_REGISTERS = 125
"""Most registers in one read (6.3 and 6.4)."""
_BITS: tuple[Table, ...] = ("coil", "discrete")


@dataclass(frozen=True, slots=True)
class ModbusPoint:
    """A point that is known to live on a Modbus unit."""

    point: Point
    address: ModbusAddress
    apart: bool = False
    """Its scale factor lies too far away to be read with it, and is read by itself."""

    @property
    def id(self) -> PointId:
        return self.point.id

    @property
    def start(self) -> int:
        """Its first register or bit, that of its scale factor included unless that is apart."""
        scale = None if self.apart else self.address.scale_address
        return self.address.address if scale is None else min(self.address.address, scale)

    @property
    def end(self) -> int:
        """One past its last register or bit."""
        end = self.address.address + width(self.address)
        scale = None if self.apart else self.address.scale_address
        return end if scale is None else max(end, scale + 1)


@dataclass(frozen=True, slots=True)
class Block:
    """One read: `count` registers or bits from `address`, and the points inside, by address."""

    unit: int
    table: Table
    address: int
    count: int
    points: tuple[ModbusPoint, ...]
    from_start: bool = False
    """The device ignores where a read begins: `address` is 0, whatever the points are."""

    @property
    def scale_address(self) -> int | None:
        """The scale factor of all its points, if that is read by itself."""
        first = self.points[0]
        return first.address.scale_address if first.apart else None

    def __str__(self) -> str:
        return self.named()

    def named(self) -> Message:
        """Its registers or bits, for people."""
        if self.count == 1:
            return msg("{table} {address}", table=self.table, address=self.address)
        last = self.address + self.count - 1
        return msg("{table} {address} to {last}", table=self.table, address=self.address, last=last)


def plan(points: Iterable[ModbusPoint], profile_of: Callable[[int], UnitProfile]) -> list[Block]:
    """The fewest reads that bring all points; among those, the ones that move least.

    A read keeps to its unit's profile: it spans at most `max_registers` registers (bits: 2000),
    runs over at most `max_gap` unused registers (bits: 16 times as many, the same number of
    bytes) in one go, and touches nothing forbidden. A point is never split, and stays together
    with its scale factor, unless that is farther away than one read reaches: then points that
    share it are read together, and it by itself. One that is wider than the limit, or forbidden,
    is read alone, so that what the device says of it concerns no other. Overlapping points share
    a read. Of a table that is `from_start` there is one read, from 0 to its last point.
    """
    blocks: list[Block] = []
    placed = [_apart(p, profile_of(p.address.unit)) for p in points]
    ordered = sorted(placed, key=lambda p: (*_together(p), p.start, p.end))
    for (unit, table, _), same in groupby(ordered, key=_together):
        profile = profile_of(unit)
        members = list(same)
        if table in profile.from_start:
            blocks.append(_block(unit, table, members, from_start=True))
            continue
        limits = _Limits(
            _span(table, profile),
            profile.max_gap * 16 if table in _BITS else profile.max_gap,
            tuple((first, last) for kind, first, last in profile.forbidden if kind == table),
        )
        for island in _islands(members, limits):
            blocks.extend(_block(unit, table, run) for run in _fewest(island, limits.span))
    return blocks


def _together(member: ModbusPoint) -> tuple[int, Table, int]:
    """What can share a read: one unit, one table, and one scale factor if that is apart."""
    address = member.address
    scale = address.scale_address if member.apart and address.scale_address is not None else -1
    return address.unit, address.table, scale


def _span(table: Table, profile: UnitProfile) -> int:
    return MAX_BITS if table in _BITS else min(profile.max_registers, MAX_REGISTERS)


def _apart(member: ModbusPoint, profile: UnitProfile) -> ModbusPoint:
    address = member.address
    if address.scale_address is None or address.table in profile.from_start:
        return member
    far = member.end - member.start > _span(address.table, profile)
    return replace(member, apart=True) if far else member


class _Limits(NamedTuple):
    span: int
    gap: int
    forbidden: tuple[tuple[int, int], ...]

    def forbids(self, start: int, end: int) -> bool:
        """Something in [start, end) must not be read."""
        return any(first < end and start <= last for first, last in self.forbidden)


def _islands(members: Sequence[ModbusPoint], limits: _Limits) -> Iterator[list[ModbusPoint]]:
    """Runs of points between which no read can reach."""
    run: list[ModbusPoint] = []
    end = 0
    for member in members:
        if limits.forbids(member.start, member.end):
            yield [member]
            continue
        if run and (member.start - end > limits.gap or limits.forbids(end, member.start)):
            yield run
            run = []
        run.append(member)
        end = max(end, member.end) if len(run) > 1 else member.end
    if run:
        yield run


def _fewest(run: Sequence[ModbusPoint], span: int) -> list[Sequence[ModbusPoint]]:
    """Cut a run into the fewest pieces of at most `span`, and among those into the shortest."""
    # best[n]: reads, registers and last cut of the first n points.
    best: list[tuple[int, int, int]] = [(0, 0, 0)]
    for last in range(1, len(run) + 1):
        found: tuple[int, int, int] | None = None
        end = 0
        for first in range(last - 1, -1, -1):
            end = max(end, run[first].end)
            size = end - run[first].start
            if size > span and first < last - 1:
                break
            candidate = (best[first][0] + 1, best[first][1] + size, first)
            found = candidate if found is None else min(found, candidate)
        assert found is not None
        best.append(found)
    pieces: list[Sequence[ModbusPoint]] = []
    at = len(run)
    while at:
        pieces.append(run[best[at][2] : at])
        at = best[at][2]
    return pieces[::-1]


def _block(
    unit: int, table: Table, run: Sequence[ModbusPoint], *, from_start: bool = False
) -> Block:
    start = 0 if from_start else run[0].start
    return Block(unit, table, start, max(p.end for p in run) - start, tuple(run), from_start)


def split(block: Block) -> tuple[Block, ...] | None:
    """Smaller reads for the same points: two, cut at the widest hole nearest to the middle.

    Where the points share registers there is nothing to cut; then scale factors are read by
    themselves, as a register between a point and its factor may be missing. None if they are.
    """
    best: tuple[int, int, int] | None = None
    end = block.points[0].end
    middle = len(block.points) / 2
    for index, member in enumerate(block.points[1:], start=1):
        if member.start >= end:
            candidate = (member.start - end, -abs(round(2 * (index - middle))), index)
            best = candidate if best is None else max(best, candidate)
        end = max(end, member.end)
    if best is None:
        return _without_scales(block)
    cut = best[2]
    unit, table, points, whole = block.unit, block.table, block.points, block.from_start
    return (
        _block(unit, table, points[:cut], from_start=whole),
        _block(unit, table, points[cut:], from_start=whole),
    )


def _without_scales(block: Block) -> tuple[Block, ...] | None:
    if block.from_start or all(p.apart or p.address.scale_address is None for p in block.points):
        return None
    alone = [replace(p, apart=p.address.scale_address is not None) for p in block.points]
    alone.sort(key=lambda p: (*_together(p), p.start, p.end))
    return tuple(
        _block(block.unit, block.table, list(same)) for _, same in groupby(alone, key=_together)
    )
