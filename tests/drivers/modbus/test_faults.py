"""Devices that misbehave on the wire: a wrong number is never shown as a right one."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import Write, WriteStatus
from drivers.modbus.wire.frames import read_request
from drivers.modbus.wire.wire import TcpWire
from drivers.points import Quality, RegisterType
from tests.drivers.fieldbus import CLOSE, Asked, Reply, bench, holding
from tests.drivers.modbus.wires import Asking
from tests.patience import SILENCE_S, patience

RIGHT = [111, 222]
WRONG = [901, 902]


def right(asked: Asked) -> bytes:
    return asked.frame(asked.registers(RIGHT))


def wrong_values(asked: Asked) -> bytes:
    return asked.registers(WRONG)


UNANSWERED: dict[str, Callable[[Asked], Reply]] = {
    "silence": lambda a: None,
    "wrong transaction": lambda a: a.frame(wrong_values(a), transaction=a.transaction ^ 1),
    "next transaction": lambda a: a.frame(wrong_values(a), transaction=a.transaction + 1 & 0xFFFF),
    "transaction 0": lambda a: a.frame(wrong_values(a), transaction=0),
    "half a frame": lambda a: right(a)[:7],
    "function only": lambda a: a.frame(b"\3"),
    "not Modbus": lambda a: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "wrong protocol": lambda a: a.frame(wrong_values(a), protocol=1),
    "garbage": lambda a: bytes(range(64, 128)),
}
NOISE = ("not Modbus", "wrong protocol", "garbage")
REFUSED: dict[str, tuple[Callable[[Asked], Reply], str]] = {
    "wrong unit": (lambda a: a.frame(wrong_values(a), unit=9), "unit 9 answered"),
    "unit 0": (lambda a: a.frame(wrong_values(a), unit=0), "unit 0 answered"),
    "wrong function": (lambda a: a.frame(a.registers(WRONG, function=4)), "function 4 answered"),
    "another request's exception": (
        lambda a: a.frame(bytes((0x84, 2))),
        "function 132 answered",
    ),
    "too few registers": (lambda a: a.frame(a.registers([901])), "5 bytes answered"),
    "too many registers": (lambda a: a.frame(a.registers([901, 902, 903])), "9 bytes answered"),
    "byte count too small": (lambda a: a.frame(b"\3\2" + b"\3\x85\3\x86"), "does not repeat"),
    "byte count too large": (lambda a: a.frame(b"\3\6" + b"\3\x85\3\x86"), "does not repeat"),
    "no data": (lambda a: a.frame(b"\3\0"), "3 bytes answered"),
}
BROKEN: dict[str, tuple[Callable[[Asked], Reply], str]] = {
    "closing": (lambda a: CLOSE, "closed the connection"),
    "closing half way": (lambda a: [right(a)[:9], CLOSE], "closed the connection"),
}
PIECES: dict[str, Callable[[Asked], Reply]] = {
    "byte by byte": lambda a: [bytes((byte,)) for byte in right(a)],
    "split in the header": lambda a: [right(a)[:3], right(a)[3:]],
    "split in the data": lambda a: [right(a)[:11], right(a)[11:]],
    "a stale answer first": lambda a: (
        a.frame(wrong_values(a), transaction=a.transaction ^ 5) + right(a)
    ),
    "a stale answer after": lambda a: (
        right(a) + a.frame(wrong_values(a), transaction=a.transaction ^ 5)
    ),
    "twice": lambda a: right(a) + right(a),
    "twice, the second different": lambda a: [right(a), a.frame(wrong_values(a))],
    "noise first": lambda a: b"HTTP/1.1 400 Bad Request" + right(a),
    "noise first, in pieces": lambda a: [b"\xff" * 7, b"\xff" + right(a)[:5], right(a)[5:]],
    "half of it first": lambda a: right(a)[:11] + right(a),
    "length 0": lambda a: a.frame(a.registers(RIGHT), length=0),
    "length 6": lambda a: a.frame(a.registers(RIGHT), length=6),
    "length one too large": lambda a: a.frame(a.registers(RIGHT), length=8),
    "length 200": lambda a: a.frame(a.registers(RIGHT), length=200),
    "length 65535": lambda a: a.frame(a.registers(RIGHT), length=65535),
    "one byte more than is due": lambda a: a.frame(a.registers(RIGHT) + b"\0", length=8),
    "length too small, in pieces": lambda a: [
        a.frame(a.registers(RIGHT), length=6)[:11],
        right(a)[11:],
    ],
    "stale, split": lambda a: [
        a.frame(wrong_values(a), transaction=7)[:8],
        a.frame(wrong_values(a), transaction=7)[8:] + right(a)[:2],
        right(a)[2:],
    ],
}


@pytest.mark.parametrize("fault", UNANSWERED)
async def test_what_is_no_answer_ends_in_a_time_out(fault: str) -> None:
    async with bench(UNANSWERED[fault], holding(0, 1), timeout_s=SILENCE_S) as b:
        for _ in range(2):
            samples = await b.driver.read(b.ids)
            assert {s.quality for s in samples} == {Quality.BAD}
            assert all(f"no answer within {SILENCE_S} s" in s.detail for s in samples)
            assert all(("not Modbus TCP" in s.detail) is (fault in NOISE) for s in samples)
            b.clocks.pass_s(75)
        b.bus.script = right
        assert [s.value for s in await b.driver.read(b.ids)] == RIGHT


@pytest.mark.case(
    "M18",
    when="A device answers with another number of bytes than was asked for",
    then="The answer is not used, and the reason says so",
)
@pytest.mark.parametrize("fault", REFUSED)
async def test_an_answer_that_does_not_fit_is_not_used(fault: str) -> None:
    script, words = REFUSED[fault]
    async with bench(script, holding(0, 1)) as b:
        samples = await b.driver.read(b.ids)
        assert [(s.value, s.quality) for s in samples] == [(None, Quality.BAD)] * 2
        assert words in samples[0].detail
        b.bus.script = right
        assert [s.value for s in await b.driver.read(b.ids)] == RIGHT
        assert b.bus.connections == 1, "the frames were whole: no reason to reconnect"


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_stream_that_cannot_be_trusted_is_closed(fault: str) -> None:
    script, words = BROKEN[fault]
    async with bench(script, holding(0, 1)) as b:
        samples = await b.driver.read(b.ids)
        assert [(s.value, s.quality) for s in samples] == [(None, Quality.BAD)] * 2
        assert words in samples[0].detail
        b.bus.script = right
        b.clocks.pass_s(75)
        assert [s.value for s in await b.driver.read(b.ids)] == RIGHT
        assert b.bus.connections == 2


@pytest.mark.parametrize("how", PIECES)
async def test_a_right_answer_is_found_however_it_comes(how: str) -> None:
    async with bench(PIECES[how], holding(0, 1)) as b:
        for _ in range(3):
            samples = await b.driver.read(b.ids)
            assert [(s.value, s.quality) for s in samples] == [(v, Quality.GOOD) for v in RIGHT]
        assert b.bus.connections == 1


@pytest.mark.parametrize("code", [1, 4, 5, 6, 7, 8, 9, 10, 11, 255])
@pytest.mark.parametrize("told", [0, 3, 4, 6], ids=lambda n: f"length {n}")
@pytest.mark.parametrize("more", [b"", b"\0"], ids=["", "a byte more"])
async def test_an_exception_leaves_the_connection_and_names_itself(
    code: int, told: int, more: bytes
) -> None:
    def refusing(asked: Asked) -> bytes:
        return asked.frame(bytes((asked.function | 0x80, code)) + more, length=told)

    async with bench(refusing, holding(0, 1)) as b:
        samples = await b.driver.read(b.ids)
        assert [(s.value, s.quality) for s in samples] == [(None, Quality.BAD)] * 2
        assert samples[0].detail.startswith(f"exception {code} (")
        b.bus.script = right
        b.clocks.pass_s(75)
        assert [s.value for s in await b.driver.read(b.ids)] == RIGHT
        assert b.bus.connections == 1


async def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    """The answer to the first request comes right before the answer to the second."""
    held: list[bytes] = []

    def late(asked: Asked) -> Reply:
        if not held:
            held.append(asked.frame(wrong_values(asked)))
            return None
        return [held[0], right(asked)]

    async with bench(late, holding(0, 1), timeout_s=SILENCE_S) as b:
        assert {s.quality for s in await b.driver.read(b.ids)} == {Quality.BAD}
        b.clocks.pass_s(75)
        assert [s.value for s in await b.driver.read(b.ids)] == RIGHT


async def test_a_cancelled_read_leaves_nothing_for_the_next_one() -> None:
    waiting = asyncio.Event()
    held: list[bytes] = []

    def script(asked: Asked) -> Reply:
        if not held:
            held.append(asked.frame(wrong_values(asked)))
            waiting.set()
            return None
        return held[0] + right(asked)

    async with bench(script, holding(0, 1)) as b:
        reading = asyncio.create_task(b.driver.read(b.ids))
        async with patience():
            await waiting.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert [s.value for s in await b.driver.read(b.ids)] == RIGHT


WRITE_FAULTS: dict[str, tuple[Callable[[Asked], Reply], WriteStatus, str]] = {
    "another value": (
        lambda a: a.frame(struct.pack(">BHH", a.function, a.address, a.count + 1)),
        WriteStatus.TIMEOUT,
        "does not repeat",
    ),
    "another address": (
        lambda a: a.frame(struct.pack(">BHH", a.function, a.address + 1, a.count)),
        WriteStatus.TIMEOUT,
        "does not repeat",
    ),
    "exception": (lambda a: a.exception(4), WriteStatus.REFUSED, "exception 4"),
    "acknowledge": (lambda a: a.exception(5), WriteStatus.TIMEOUT, "still working"),
    "silence": (lambda a: None, WriteStatus.TIMEOUT, "no answer within"),
    "closing": (lambda a: CLOSE, WriteStatus.TIMEOUT, "closed the connection"),
}


@pytest.mark.case(
    "M18",
    when="A device answers a write with another value than was written",
    then="The write does not count as done, and is not sent again by itself",
)
@pytest.mark.parametrize("fault", WRITE_FAULTS)
@pytest.mark.parametrize("kind", ["uint16", "float32"])
async def test_a_write_is_sent_once_and_only_ok_if_acknowledged(
    fault: str, kind: RegisterType
) -> None:
    script, status, words = WRITE_FAULTS[fault]
    points = holding(0, kind=kind, writable=True)
    async with bench(script, points, timeout_s=SILENCE_S) as b:
        (result,) = await b.driver.write([Write("u1.r0", 7)])
        assert (result.status, words in result.detail) == (status, True), result
        assert [a.function for a in b.bus.asked] == [6 if kind == "uint16" else 16]


async def test_after_a_silent_write_the_others_of_the_unit_are_not_sent() -> None:
    points = holding(0, 1, 2, writable=True)
    async with bench(lambda a: None, points, timeout_s=SILENCE_S) as b:
        results = await b.driver.write([Write(p.id, 1) for p in points])
        assert [r.status for r in results] == [WriteStatus.TIMEOUT] * 3
        assert ["not sent" in r.detail for r in results] == [False, True, True]
        assert len(b.bus.asked) == 1


async def test_a_read_and_a_write_never_overlap() -> None:
    """A read sent before a write ends before it, so it cannot bring the old value back after."""
    registers = {0: 5}

    def script(asked: Asked) -> Reply:
        if asked.function == 6:
            registers[0] = asked.count
            return asked.frame(struct.pack(">BHH", 6, asked.address, asked.count))
        return asked.frame(asked.registers([registers[0]]))

    async with bench(script, holding(0, writable=True)) as b:
        finished: list[object] = []

        async def read() -> None:
            finished.append([s.value for s in await b.driver.read(["u1.r0"])])

        async def write(value: int) -> None:
            (result,) = await b.driver.write([Write("u1.r0", value)])
            finished.append(result.status)

        async with patience(), asyncio.TaskGroup() as group:
            for task in (read(), write(8), read(), write(9), read()):
                group.create_task(task)
        assert finished == [[5], WriteStatus.OK, WriteStatus.OK, [9], [9]], "writes go first"


class _Transport(asyncio.Transport):
    """Keeps what is sent; the test plays the device."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += bytes(data)

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True


REQUEST = read_request(1, "holding", 0, 2)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 255)), max_size=3),
    st.lists(st.integers(1, 12), max_size=4),
    st.binary(max_size=12),
)
async def test_mutated_answers_in_any_pieces_give_the_right_data_or_an_error(
    changes: list[tuple[int, int]], cuts: list[int], before: bytes
) -> None:
    waiting, transport = Asking(REQUEST), _Transport()
    wire = TcpWire(waiting, read_only=False)
    wire.connection_made(transport)
    wire.send(waiting)
    answer = bytearray(transport.sent[:2] + REQUEST.tcp_answer + b"\0\x6f\0\xde")
    whole = bytes(answer)
    for at, byte in changes:
        answer[at] = byte
    stream = before + bytes(answer)
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
        wire.data_received(stream[start:end])
    wire.connection_lost(None)
    (found,) = waiting.found
    if isinstance(found, bytes):
        assert found[:3] == whole[6:9]
        assert len(found) == len(whole) - 6
    else:
        assert bytes(answer[:9]) != whole[:9] or before
