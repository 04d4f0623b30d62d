"""Which registers to read together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from drivers.codec import is_bit_table, width
from drivers.points import ModbusAddress, Point, PointId, Table

MAX_BITS = 2000
"""Most coils or discrete inputs in one read (Modbus application protocol, 6.1 and 6.2)."""
MAX_REGISTERS = 125
"""Most registers in one read (6.3 and 6.4)."""


@dataclass(frozen=True, slots=True)
class ModbusPoint:
    """A point that is known to live on a Modbus unit."""

    point: Point
    address: ModbusAddress

    @property
    def id(self) -> PointId:
        return self.point.id

    @property
    def start(self) -> int:
        return self.address.address

    @property
    def end(self) -> int:
        """One past its last register or bit."""
        return self.address.address + width(self.address)


@dataclass(frozen=True, slots=True)
class Block:
    """One read: `count` registers or bits from `address`, and the points inside, by address."""

    unit: int
    table: Table
    address: int
    count: int
    points: tuple[ModbusPoint, ...]

    def __str__(self) -> str:
        if self.count == 1:
            return f"{self.table} {self.address}"
        return f"{self.table} {self.address} to {self.address + self.count - 1}"


def plan(points: Iterable[ModbusPoint], *, max_registers: int, max_gap: int) -> list[Block]:
    """Merge points into as few reads as allowed.

    A read spans at most `max_registers` registers (bits: 2000) and runs over at most `max_gap`
    unused registers (bits: 16 times as many, the same number of bytes) in one go. A point is
    never split; one wider than `max_registers` is read alone. Overlapping points share a read.
    """
    blocks: list[Block] = []
    ordered = sorted(points, key=lambda p: (p.address.unit, p.address.table, p.start, p.end))
    for (unit, table), same in groupby(ordered, key=lambda p: (p.address.unit, p.address.table)):
        members = list(same)
        bits = is_bit_table(members[0].address)
        span = MAX_BITS if bits else min(max_registers, MAX_REGISTERS)
        gap = max_gap * 16 if bits else max_gap
        blocks.extend(_block(unit, table, run) for run in _runs(members, span, gap))
    return blocks


def _runs(members: Sequence[ModbusPoint], span: int, gap: int) -> Iterator[list[ModbusPoint]]:
    run: list[ModbusPoint] = []
    end = 0
    for member in members:
        fits = run and member.start - end <= gap and max(end, member.end) - run[0].start <= span
        if run and not fits:
            yield run
            run, end = [], 0
        run.append(member)
        end = max(end, member.end)
    if run:
        yield run


def _block(unit: int, table: Table, run: Sequence[ModbusPoint]) -> Block:
    start = run[0].start
    return Block(unit, table, start, max(p.end for p in run) - start, tuple(run))


def split(block: Block) -> tuple[Block, Block] | None:
    """Two smaller reads for the same points, cut at the widest hole nearest to the middle.

    None if the points share registers, so that there is nothing to cut.
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
        return None
    cut = best[2]
    return (
        _block(block.unit, block.table, block.points[:cut]),
        _block(block.unit, block.table, block.points[cut:]),
    )
