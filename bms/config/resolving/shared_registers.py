"""Who writes which register: two points on one register would undo each other's commands."""

from __future__ import annotations

from collections.abc import Sequence

from bms.texts.messages import Message, msg
from drivers.codec.encoding import codec, width
from drivers.points import Address, ModbusAddress, Point, PointId


class Registers:
    """Notes the places of every machine's points and answers who has them already."""

    def __init__(self) -> None:
        self._machines: dict[tuple[str, frozenset[Address]], str] = {}
        self._writers: dict[object, list[tuple[int, PointId]]] = {}

    def claim(self, machine: str, link: str, points: Sequence[Point]) -> Message | None:
        """Note the points of a machine; a sentence if they are, or overlap, another's.

        Reading one register twice is fine. All the same registers, or writing one twice, is not.
        """
        whole = (link, frozenset(point.address for point in points))
        same = self._machines.setdefault(whole, machine)
        if same != machine:
            return msg(
                "'{machine}' has exactly the registers of '{other_machine}'",
                machine=machine,
                other_machine=same,
            )
        taken: Message | None = None
        for point in points:
            other = self._note(link, point) if point.writable else None
            if other is not None and taken is None:
                taken = msg(
                    "'{point}' writes the same register as '{other_point}'",
                    point=point.id,
                    other_point=other,
                )
        return taken

    def _note(self, link: str, point: Point) -> PointId | None:
        """Note a writable point; another one that overlaps it, if any."""
        other: PointId | None = None
        bits = _bits(point.address)
        for place in _places(link, point.address):
            writers = self._writers.setdefault(place, [])
            for taken_bits, taken in writers:
                if bits & taken_bits:
                    other = taken
            writers.append((bits, point.id))
        return other


def _places(link: str, address: Address) -> list[object]:
    if not isinstance(address, ModbusAddress):
        return [(link, address)]
    return [
        (link, address.unit, address.table, address.address + offset)
        for offset in range(width(address))
    ]


def _bits(address: Address) -> int:
    """The bits of each of its registers that are the point's, in its own byte order."""
    if not isinstance(address, ModbusAddress):
        return 0xFFFF
    made = codec(address)
    return ((1 << made.bits) - 1) << made.shift if made.partial else 0xFFFF
