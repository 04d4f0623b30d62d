"""Gateways whose frames say a wrong length: each unit is read, and none costs another anything."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable

import pytest

from bms.field.commissioning.survey import scan_modbus
from drivers.base import Write, WriteStatus
from drivers.points import Quality
from tests.drivers.fieldbus import Asked, Device, FieldBus, Reply, bench, holding
from tests.machine_time import utc_now
from tests.patience import SILENCE_S

MAPPED = (1, 3, 7, 9)
WORDS = {(unit, at): 100 * unit + at for unit in (1, 2, 3, 4) for at in MAPPED}

Lie = Callable[[int], int]
"""The length that is told of a frame, from the right one."""
LIES: dict[str, Lie] = {
    "one too large": lambda length: length + 1,
    "three too large": lambda length: length + 3,
    "always 6": lambda length: 6,
    "always 0": lambda length: 0,
    "always 65535": lambda length: 65535,
    "one too small": lambda length: length - 1,
}


def lying(lie: Lie, only: int | None = 1, *, split: int = 0) -> Callable[[Asked], Reply]:
    """Unit `only` (None: every one) tells wrong lengths; each frame is cut in two at `split`."""
    device = Device(dict(WORDS))

    def script(asked: Asked) -> Reply:
        reply = device(asked)
        assert isinstance(reply, bytes)
        if only in (None, asked.unit):
            told = lie(len(reply) - 6)
            reply = reply[:4] + struct.pack(">H", told) + reply[6:]
        return [reply[:split], reply[split:]] if split else reply

    return script


@pytest.mark.case(
    "M1",
    when="A gateway says of each frame of one unit that it is longer than it is",
    then="The unit is read all the same, and its neighbours never notice",
)
@pytest.mark.case(
    "M2",
    when="A gateway says of each frame that it is 6 bytes long, whatever is in it",
    then="Its units are read all the same",
)
@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("split", [0, 3, 7, 8, 10])
@pytest.mark.parametrize("numbered", [True, False], ids=["ids", "no ids"])
async def test_both_units_are_read_from_the_first_poll_on(
    lie: str, split: int, numbered: bool
) -> None:
    points = holding(1, 3, unit=1) + holding(1, 3, unit=2)
    script = lying(LIES[lie], split=split)
    async with bench(script, points, max_gap=0, transaction_ids=numbered) as b:
        for _ in range(3):
            samples = await b.driver.read(b.ids)
            assert [(s.value, s.quality) for s in samples] == [
                (value, Quality.GOOD) for value in (101, 103, 201, 203)
            ]
        assert b.bus.connections == 1
        assert b.driver.health().failures == 0


@pytest.mark.parametrize("lie", LIES)
async def test_a_write_is_confirmed_by_its_answer_alone(lie: str) -> None:
    points = holding(1, unit=1, writable=True) + holding(3, unit=1, kind="uint32", writable=True)
    async with bench(lying(LIES[lie]), points) as b:
        results = await b.driver.write([Write("u1.r1", 7), Write("u1.r3", 70000)])
        assert [r.status for r in results] == [WriteStatus.OK] * 2


@pytest.mark.case(
    "M3",
    when="A device says of its exceptions that they are a byte longer than they are",
    then="The register that it lacks is BAD with 'illegal data address', all others are read",
)
@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("numbered", [True, False], ids=["ids", "no ids"])
async def test_what_is_refused_is_bad_and_its_neighbours_are_read(lie: str, numbered: bool) -> None:
    points = holding(1, 3, 5, 7, 9, unit=1) + holding(1, 3, unit=2)

    def script(asked: Asked) -> Reply:
        touched = range(asked.address, asked.address + asked.count)
        if asked.unit == 1 and 5 in touched:
            frame = asked.exception(2)
        else:
            words = [100 * asked.unit + at for at in touched]
            frame = asked.frame(asked.registers(words))
        return frame[:4] + struct.pack(">H", LIES[lie](len(frame) - 6)) + frame[6:]

    async with bench(script, points, transaction_ids=numbered) as b:
        for _ in range(2):
            found = {s.point: s for s in await b.driver.read(b.ids)}
            refused = found.pop("u1.r5")
            assert refused.quality is Quality.BAD
            assert "illegal data address" in refused.detail
            assert {point: s.value for point, s in found.items()} == {
                "u1.r1": 101, "u1.r3": 103, "u1.r7": 107, "u1.r9": 109,
                "u2.r1": 201, "u2.r3": 203,
            }  # fmt: skip
        assert b.bus.connections == 1


@pytest.mark.parametrize("lie", LIES)
async def test_the_scan_finds_every_unit(lie: str) -> None:
    bus = FieldBus(lying(LIES[lie], None))
    await bus.start()
    try:
        found = [
            one.found.unit
            async for one in scan_modbus(
                [("127.0.0.1", bus.port)],
                [1, 2, 3, 4],
                rtu=False,
                timeout_s=SILENCE_S,
                rate_hz=1000,
                now=utc_now,
                report=lambda text: None,
            )
        ]
    finally:
        await bus.stop()
    assert found == [1, 2, 3, 4]


async def test_several_answers_in_one_segment_with_noise_between_them() -> None:
    """Four requests on the way, answered at once, out of order, with lengths that lie."""
    waiting: list[bytes] = []

    def script(asked: Asked) -> Reply:
        words = [asked.address + n for n in range(asked.count)]
        frame = asked.frame(asked.registers(words))
        waiting.append(frame[:5] + b"\x06" + frame[6:])
        if len(waiting) < 4:
            return None
        segment = b"\xff\x00\x01".join(reversed(waiting))
        waiting.clear()
        return segment

    async with bench(script, holding(0, 100, 200, 300), max_in_flight=4) as b:
        groups = await asyncio.gather(*(b.driver.read([point]) for point in b.ids))
        assert [sample.value for group in groups for sample in group] == [0, 100, 200, 300]


async def test_half_an_answer_takes_nothing_from_the_next_even_in_pieces() -> None:
    """What is missing of one must not be taken from another, of which only a part has come."""
    waiting: list[Asked] = []

    def script(asked: Asked) -> Reply:
        waiting.append(asked)
        if len(waiting) < 2:
            return None
        first, second = waiting
        torn = first.frame(first.registers([1] * first.count))[:12]
        whole = second.frame(second.registers([7] * second.count))
        return [torn + whole[:12], whole[12:]]

    points = holding(*range(8), unit=1) + holding(*range(4), unit=2)
    async with bench(script, points, max_in_flight=2, timeout_s=SILENCE_S) as b:
        torn, whole = await asyncio.gather(b.driver.read(b.ids[:8]), b.driver.read(b.ids[8:]))
        assert {s.quality for s in torn} == {Quality.BAD}
        assert [s.value for s in whole] == [7] * 4
