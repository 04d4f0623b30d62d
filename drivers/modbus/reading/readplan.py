"""What a driver knows about its reads: prepared requests, and registers the device refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from drivers.codec.block import BitBlock, Decoded, Field, RegisterBlock
from drivers.codec.encoding import Codec, is_bit_table
from drivers.memory import STALE_FOR, STALE_MISSES, bad_sample
from drivers.modbus.reading.plan import Block, ModbusPoint, split
from drivers.modbus.wire.frames import Request, read_request
from drivers.points import PointId, Quality, Sample

PROBE_FIRST_S = 10.0
"""A device that is starting up may refuse what it has; so the first probe comes soon ..."""
PROBE_LIMIT_S = 3600.0
"""... and a register that it really does not have is asked for once an hour."""


class Part:
    """One prepared read: the request, the decoder of its answer, and the last samples."""

    __slots__ = ("also", "block", "ids", "last", "misses", "read", "request", "stale_for")

    def __init__(self, block: Block, codecs: Mapping[PointId, Codec], stale_for: timedelta) -> None:
        self.block = block
        self.request: Request = read_request(block.unit, block.table, block.address, block.count)
        scale = block.scale_address
        self.also: Request | None = (
            None if scale is None else read_request(block.unit, block.table, scale, 1)
        )
        """A scale factor that is read by itself; its register follows those of the answer."""
        self.ids: tuple[PointId, ...] = tuple(p.id for p in block.points)
        self.read: Callable[[bytes, int], Decoded] = _decoder(block, codecs)
        """Decodes the answer; the second argument is where its data begin."""
        self.stale_for = stale_for
        self.last: Sequence[Sample] = ()
        """What the last read brought, until it is too old to show."""
        self.misses = 0
        """Reads since then that brought nothing."""

    @property
    def dark(self) -> bool:
        """Nothing is left to show: every point is BAD until there is an answer."""
        return not self.last and self.misses > 0

    def missed(self, now: datetime, detail: str) -> list[Sample]:
        """A read brought nothing: the last good values as STALE at first, then BAD."""
        self.misses += 1
        last = self.last
        if last and (self.misses > STALE_MISSES or now - last[0].time > self.stale_for):
            last = self.last = ()
        if not last:
            return [bad_sample(point, now, detail) for point in self.ids]
        return [
            sample._replace(quality=Quality.STALE, detail=detail)
            if sample.quality is Quality.GOOD
            else sample
            for sample in last
        ]

    def refused(self, now: datetime, detail: str) -> list[Sample]:
        """The device has no such registers: BAD, and the old values are void."""
        self.last = ()
        return [bad_sample(point, now, detail) for point in self.ids]


def _decoder(block: Block, codecs: Mapping[PointId, Codec]) -> Callable[[bytes, int], Decoded]:
    first = block.address
    if is_bit_table(block.points[0].address):
        inverted = [n for n, p in enumerate(block.points) if codecs[p.id].convert is not None]
        return BitBlock([p.address.address - first for p in block.points], inverted).read
    fields = [
        Field(p.address.address - first, codecs[p.id], _scale_offset(p, block))
        for p in block.points
    ]
    return RegisterBlock(fields).read


def _scale_offset(member: ModbusPoint, block: Block) -> int | None:
    scale = member.address.scale_address
    if scale is None:
        return None
    return block.count if member.apart else scale - block.address


class Group:
    """One planned read, and what was learned about it.

    `parts` are the reads to make; `refused` are the smallest reads that the device answers with
    an exception, with its words. Nothing learned is for ever: at `probe_at` the whole is tried.
    """

    def __init__(
        self,
        block: Block,
        codecs: Mapping[PointId, Codec],
        *,
        stale_for: timedelta = STALE_FOR,
    ) -> None:
        self._codecs = codecs
        self._stale_for = stale_for
        self.whole = self._part(block)
        self.parts: list[Part] = [self.whole]
        self.refused: dict[Part, str] = {}
        self.probe_at = 0.0
        self._probe_s = PROBE_FIRST_S

    @property
    def unit(self) -> int:
        return self.whole.block.unit

    @property
    def learned(self) -> bool:
        return self.parts != [self.whole]

    def halves(self, part: Part) -> list[Part]:
        """Two smaller parts for the same points; none if there is nothing to cut."""
        return [self._part(block) for block in split(part.block) or ()]

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

    def _part(self, block: Block) -> Part:
        return Part(block, self._codecs, self._stale_for)


def groups(
    blocks: Iterable[Block], codecs: Mapping[PointId, Codec], *, period_s: float = 0.0
) -> list[Group]:
    """One group per block. Values are shown as STALE for 30 s, or 2.5 periods if that is more."""
    stale_for = max(STALE_FOR, timedelta(seconds=2.5 * period_s))
    return [Group(block, codecs, stale_for=stale_for) for block in blocks]
