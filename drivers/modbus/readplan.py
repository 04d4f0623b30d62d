"""What a driver knows about its reads: prepared requests, and registers the device refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drivers.codec import BitBlock, Codec, RegisterBlock, is_bit_table
from drivers.modbus.frames import Request, read_request
from drivers.modbus.plan import Block, ModbusPoint, plan, split
from drivers.points import PointId, Value

PROBE_FIRST_S = 10.0
"""A device that is starting up may refuse what it has; so the first probe comes soon ..."""
PROBE_LIMIT_S = 3600.0
"""... and a register that it really does not have is asked for once an hour."""


class Part:
    """One prepared read: the request, and what turns its answer into values."""

    __slots__ = ("block", "decode", "ids", "positions", "request", "slots")

    def __init__(
        self, block: Block, codecs: dict[PointId, Codec], position: dict[PointId, int]
    ) -> None:
        self.block = block
        self.request: Request = read_request(block.unit, block.table, block.address, block.count)
        self.ids: tuple[PointId, ...] = tuple(p.id for p in block.points)
        self.positions = [position[point] for point in self.ids]
        first = self.positions[0]
        together = self.positions == list(range(first, first + len(self.positions)))
        self.slots = slice(first, first + len(self.positions)) if together else None
        """Where the samples go in the result, if they go there side by side."""
        self.decode: Callable[[bytes, int], Sequence[Value]]
        if is_bit_table(block.points[0].address):
            self.decode = BitBlock([p.start - block.address for p in block.points])
        else:
            self.decode = RegisterBlock(
                [(p.start - block.address, codecs[p.id]) for p in block.points]
            )


class Group:
    """One planned read, and what was learned about it.

    `parts` are the reads to make; `refused` are the smallest reads that the device answers with
    an exception, with its words. Nothing learned is for ever: at `probe_at` the whole is tried.
    """

    def __init__(self, whole: Part) -> None:
        self.whole = whole
        self.parts: list[Part] = [whole]
        self.refused: dict[Part, str] = {}
        self.probe_at = 0.0
        self._probe_s = PROBE_FIRST_S

    @property
    def learned(self) -> bool:
        return self.parts != [self.whole]

    def divide(self, part: Part, halves: Sequence[Part]) -> None:
        """Read `halves` in place of `part` from now on."""
        at = self.parts.index(part)
        self.parts[at : at + 1] = halves

    def refuse(self, part: Part, detail: str) -> None:
        """`part` cannot be made smaller, and the device refuses it."""
        if part in self.parts:
            self.parts.remove(part)
        self.refused[part] = detail

    def accept(self, part: Part) -> None:
        """A part that was refused answers after all."""
        del self.refused[part]
        self.parts.append(part)

    def heal(self) -> None:
        """The whole can be read in one again."""
        self.parts = [self.whole]
        self.refused.clear()
        self._probe_s = PROBE_FIRST_S

    def postpone(self, now_s: float) -> None:
        """Set the next probe; each comes after twice as long as the one before."""
        self.probe_at = now_s + self._probe_s
        self._probe_s = min(2 * self._probe_s, PROBE_LIMIT_S)


class ReadPlan:
    """How to read one set of points: the groups by unit, with what was learned about them."""

    def __init__(
        self,
        ids: Sequence[PointId],
        points: dict[PointId, ModbusPoint],
        codecs: dict[PointId, Codec],
        *,
        max_registers: int,
        max_gap: int,
    ) -> None:
        unique = dict.fromkeys(ids)
        self.size = len(unique)
        self._codecs = codecs
        self._position = {point: position for position, point in enumerate(unique)}
        self.repeats = None if len(unique) == len(ids) else [self._position[i] for i in ids]
        """Where each requested point is in the result, if any was asked for twice."""
        self.units: dict[int, list[Group]] = {}
        blocks = plan((points[i] for i in unique), max_registers=max_registers, max_gap=max_gap)
        for block in blocks:
            self.units.setdefault(block.unit, []).append(Group(self._part(block)))

    def halves(self, part: Part) -> list[Part]:
        """Two smaller parts for the same points; none if there is nothing to cut."""
        return [self._part(block) for block in split(part.block) or ()]

    def _part(self, block: Block) -> Part:
        return Part(block, self._codecs, self._position)
