"""Modbus TCP devices and gateways that do not repeat the transaction id of the request."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.base import Write, WriteStatus
from drivers.points import Quality
from tests.drivers.fieldbus import Asked, Device, Reply, bench, holding
from tests.drivers.modbus.test_faults import BROKEN, REFUSED, right
from tests.patience import SILENCE_S

A_BACKOFF_S = 75.0

Script = Callable[[Asked], Reply]


def value_of(address: int) -> int:
    return 1000 + address


def told(asked: Asked, transaction: int = 0) -> bytes:
    """Every register holds its own address, so that the answer to another request is recognised."""
    values = [value_of(asked.address + n) for n in range(asked.count)]
    return asked.frame(asked.registers(values), transaction=transaction)


ODD: dict[str, Script] = {
    "always 0": lambda a: told(a),
    "always the same": lambda a: told(a, 0x1234),
    "its own count": lambda a: told(a, (a.transaction * 3 + 1) & 0xFFFF),
    "bytes swapped": lambda a: told(a, (a.transaction >> 8) | (a.transaction & 0xFF) << 8),
    "right after all": lambda a: told(a, a.transaction),
    "byte by byte": lambda a: [bytes((byte,)) for byte in told(a)],
    "split in the header": lambda a: [told(a)[:3], told(a)[3:]],
}


@pytest.mark.parametrize("how", ODD)
async def test_the_transaction_id_is_not_looked_at_where_that_is_declared(how: str) -> None:
    async with bench(ODD[how], holding(0, 1, 100, 101), transaction_ids=False) as b:
        for _ in range(3):
            samples = await b.driver.read(b.ids)
            assert [(s.value, s.quality) for s in samples] == [
                (value_of(at), Quality.GOOD) for at in (0, 1, 100, 101)
            ]
        assert b.bus.connections == 1


async def test_undeclared_the_answer_is_not_used_and_the_way_out_named() -> None:
    async with bench(ODD["always 0"], holding(0, 1), timeout_s=SILENCE_S) as b:
        samples = await b.driver.read(b.ids)
        assert {s.quality for s in samples} == {Quality.BAD}
        assert "transaction_ids: false" in samples[0].detail


async def test_a_late_answer_is_never_taken_for_the_next_one() -> None:
    """One answer comes a request late, and from then on they all do."""
    kept: list[bytes] = []

    def shifted(asked: Asked) -> Reply:
        kept.append(told(asked))
        return kept.pop(0) if len(kept) > 1 else None

    points = holding(0, 1, 100, 101, 200, 201)
    settings = {"timeout_s": SILENCE_S, "transaction_ids": False}
    async with bench(lambda a: told(a), points, **settings) as b:

        async def poll() -> list[Quality]:
            samples = await b.driver.read(b.ids)
            for sample, at in zip(samples, (0, 1, 100, 101, 200, 201), strict=True):
                assert sample.quality is not Quality.GOOD or sample.value == value_of(at)
            b.clocks.pass_s(A_BACKOFF_S)
            return [sample.quality for sample in samples]

        assert set(await poll()) == {Quality.GOOD}
        b.bus.script = shifted
        for _ in range(8):
            await poll()
        b.bus.script = lambda a: [*kept, told(a)] if kept else told(a)
        await poll()
        kept.clear()
        await poll()
        assert set(await poll()) == {Quality.GOOD}


async def test_an_answer_sent_twice_is_not_the_next_one() -> None:
    points = holding(0, 1, 100, 101)
    async with bench(lambda a: told(a) + told(a), points, transaction_ids=False) as b:
        for _ in range(3):
            samples = await b.driver.read(b.ids)
            assert [s.value for s in samples] == [value_of(at) for at in (0, 1, 100, 101)]


async def test_the_rest_of_an_older_frame_is_not_the_answer() -> None:
    """A copy of the last answer that is cut in two by the next question began before it."""
    rest: list[bytes] = []

    def script(asked: Asked) -> Reply:
        frame = told(asked)
        found = [*rest, frame + frame[:7]]
        rest[:] = [frame[7:]]
        return found

    async with bench(script, holding(0, 1, 100, 101), transaction_ids=False) as b:
        for _ in range(3):
            samples = await b.driver.read(b.ids)
            assert [s.value for s in samples] == [value_of(at) for at in (0, 1, 100, 101)]


@pytest.mark.parametrize("fault", REFUSED)
async def test_an_answer_that_does_not_fit_is_not_used(fault: str) -> None:
    script, _ = REFUSED[fault]
    settings = {"timeout_s": SILENCE_S, "transaction_ids": False}
    async with bench(script, holding(0, 1), **settings) as b:
        samples = await b.driver.read(b.ids)
        assert [(s.value, s.quality) for s in samples] == [(None, Quality.BAD)] * 2
        b.bus.script = told
        b.clocks.pass_s(A_BACKOFF_S)
        assert [s.value for s in await b.driver.read(b.ids)] == [1000, 1001]


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_stream_that_cannot_be_trusted_is_closed(fault: str) -> None:
    script, words = BROKEN[fault]
    async with bench(script, holding(0, 1), transaction_ids=False) as b:
        samples = await b.driver.read(b.ids)
        assert [(s.value, s.quality) for s in samples] == [(None, Quality.BAD)] * 2
        assert words in samples[0].detail
        b.bus.script = told
        b.clocks.pass_s(A_BACKOFF_S)
        assert [s.value for s in await b.driver.read(b.ids)] == [1000, 1001]


async def test_half_an_answer_is_passed_over() -> None:
    settings = {"timeout_s": SILENCE_S, "transaction_ids": False}
    async with bench(lambda a: right(a)[:9], holding(0, 1), **settings) as b:
        assert {s.quality for s in await b.driver.read(b.ids)} == {Quality.BAD}
        b.bus.script = told
        b.clocks.pass_s(A_BACKOFF_S)
        assert [s.value for s in await b.driver.read(b.ids)] == [1000, 1001]
        assert b.bus.connections == 1


async def test_a_late_exception_is_not_taken_for_the_next_answer() -> None:
    settings = {"timeout_s": SILENCE_S, "transaction_ids": False}
    async with bench(lambda a: None, holding(0, 1), **settings) as b:
        assert {s.quality for s in await b.driver.read(b.ids)} == {Quality.BAD}
        b.clocks.pass_s(A_BACKOFF_S)
        b.bus.script = lambda a: [a.exception(2), told(a)] if len(b.bus.asked) == 2 else told(a)
        assert [s.value for s in await b.driver.read(b.ids)] == [1000, 1001]


async def test_a_write_is_sent_once_and_only_ok_if_acknowledged() -> None:
    device = Device({(1, 0): 5})

    def unnumbered(asked: Asked) -> Reply:
        reply = device(asked)
        assert isinstance(reply, bytes)
        return b"\0\0" + reply[2:]

    settings = {"timeout_s": SILENCE_S, "transaction_ids": False}
    async with bench(unnumbered, holding(0, writable=True), **settings) as b:
        (result,) = await b.driver.write([Write("u1.r0", 7)])
        assert (result.status, device.holding[1, 0]) == (WriteStatus.OK, 7)
        b.bus.script = lambda a: None
        asked = len(b.bus.asked)
        (result,) = await b.driver.write([Write("u1.r0", 9)])
        assert result.status is WriteStatus.TIMEOUT
        assert len(b.bus.asked) == asked + 1


async def test_in_shadow_mode_nothing_that_writes_leaves() -> None:
    settings = {"shadow": True, "transaction_ids": False}
    async with bench(lambda a: told(a), holding(0, writable=True), **settings) as b:
        (result,) = await b.driver.write([Write("u1.r0", 7)])
        assert result.status is WriteStatus.SHADOW
        assert not b.bus.asked


async def test_only_one_request_is_on_the_way() -> None:
    settings = {"max_in_flight": 4, "transaction_ids": False}
    async with bench(lambda a: told(a), holding(0, 100, 200, 300), **settings) as b:
        samples = await b.driver.read(b.ids)
        assert [s.value for s in samples] == [value_of(at) for at in (0, 100, 200, 300)]
