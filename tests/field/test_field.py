"""The process image under links that answer, fail, hang and lie."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Self

import pytest

from bms.core.decisions import Condition
from bms.field import field_link as field_module
from bms.field.image import Field
from bms.texts.messages import msg
from drivers import polled as polled_module
from drivers.backoff import waiting
from drivers.base import Batch, Write, WriteResult, WriteStatus
from drivers.codec.codes import LEFT, not_available
from drivers.health import DriverHealth
from drivers.memory import bad_sample
from drivers.opcua.driver import OpcUaDriver
from drivers.points import ModbusAddress, Point, PointId, Quality, Sample
from drivers.times import Times
from tests.machine_time import utc_now
from tests.patience import async_until, patience

START = datetime(2026, 3, 2, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time


class Scripted:
    """A driver whose behaviour the test chooses; it records what was asked of it."""

    def __init__(self, names: Sequence[str], clock: Clock) -> None:
        self.points = [Point(name, ModbusAddress(1, "coil", i)) for i, name in enumerate(names)]
        self.clock = clock
        self.values: dict[PointId, float] = dict.fromkeys(names, 0.0)
        self.quality = Quality.GOOD
        self.reads = 0
        self.writes: list[Write] = []
        self.before_read: Callable[[], object] = lambda: None
        self.detail: Callable[[], str] = lambda: "no answer"
        self.hang = False
        self.progress = asyncio.Event()

    async def read(self, points: Sequence[PointId]) -> list[Sample]:
        self.reads += 1
        self.progress.set()
        self.before_read()
        if self.hang:
            await asyncio.Event().wait()
        detail = "" if self.quality is Quality.GOOD else self.detail()
        return [Sample(p, self.values[p], self.quality, self.clock.now(), detail) for p in points]

    async def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        self.writes += writes
        for write in writes:
            assert write.value is not None
            self.values[write.point] = float(write.value)
        return [WriteResult(w.point, w.value, WriteStatus.OK) for w in writes]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def reads_reach(self, count: int) -> None:
        async with patience():
            while self.reads < count:
                self.progress.clear()
                await self.progress.wait()


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def running(field: Field) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(field.run())


async def stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_write_overtakes_the_poll_and_is_read_back(clock: Clock) -> None:
    driver = Scripted(["b.l.enable"], clock)
    field = Field(clock.now)
    field.add("l", "here", driver, poll_s=600)
    assert field.snapshot(clock.now())["b.l.enable"].quality is Quality.BAD
    task = await running(field)
    await driver.reads_reach(1)
    field.submit([Write("b.l.enable", 0), Write("b.l.enable", 1), Write("b.group.mode", "on")])
    await field.settle(5)
    await driver.reads_reach(2)
    assert driver.writes == [Write("b.l.enable", 1)]
    async with patience():
        while not (results := field.take_results()):
            await asyncio.sleep(0)
    assert [r.status for r in results] == [WriteStatus.OK]
    assert field.snapshot(clock.now())["b.l.enable"].value == 1
    await stopped(task)


async def test_a_hanging_link_ages_only_its_own_points(clock: Clock) -> None:
    good, hung = Scripted(["b.good.power"], clock), Scripted(["b.hung.power"], clock)
    field = Field(clock.now)
    field.add("good", "here", good, poll_s=0.02)
    field.add("hung", "there", hung, poll_s=0.02)
    task = await running(field)
    await hung.reads_reach(1)
    hung.hang = True
    await hung.reads_reach(2)
    assert field.snapshot(clock.now())["b.hung.power"].quality is Quality.GOOD
    clock.time += timedelta(seconds=40)
    await good.reads_reach(good.reads + 2)
    image = field.snapshot(clock.now())
    assert image["b.good.power"].quality is Quality.GOOD
    assert image["b.hung.power"].quality is Quality.STALE
    assert [c.key for c in field.conditions(clock.now())] == ["link:hung"]
    health = {h.link: h for h in field.health(clock.now())}
    assert health["good"].online
    assert not health["hung"].online
    await stopped(task)


async def test_a_link_that_hangs_as_the_clock_is_set_back_ages_all_the_same(clock: Clock) -> None:
    driver = Scripted(["b.x.power"], clock)
    field = Field(clock.now)
    field.add("x", "here", driver, poll_s=0.02)
    task = await running(field)
    await driver.reads_reach(1)
    driver.hang = True
    await driver.reads_reach(2)
    clock.time -= timedelta(hours=1)
    assert field.snapshot(clock.now())["b.x.power"].quality is Quality.GOOD
    clock.time += timedelta(seconds=40)
    assert field.snapshot(clock.now())["b.x.power"].quality is Quality.STALE
    assert [c.key for c in field.conditions(clock.now())] == ["link:x"]
    await stopped(task)


async def test_a_hanging_read_back_does_not_lose_the_result(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(field_module, "CALL_LIMIT_S", 0.05)
    monkeypatch.setattr(polled_module, "CALL_LIMIT_S", 0.05)
    driver = Scripted(["b.x.enable"], clock)
    field = Field(clock.now)
    field.add("x", "here", driver, poll_s=0.01)
    task = await running(field)
    await driver.reads_reach(1)
    driver.hang = True
    field.submit([Write("b.x.enable", 1)])
    async with patience():
        while not driver.writes:
            await asyncio.sleep(0)
    await driver.reads_reach(driver.reads + 2)
    assert [r.status for r in field.take_results()] == [WriteStatus.OK]
    await stopped(task)


async def test_a_driver_that_never_returns_is_cut_off(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(field_module, "CALL_LIMIT_S", 0.05)
    monkeypatch.setattr(polled_module, "CALL_LIMIT_S", 0.05)
    driver = Scripted(["b.x.power"], clock)
    driver.hang = True
    field = Field(clock.now)
    field.add("x", "here", driver, poll_s=0.01)
    task = await running(field)
    await driver.reads_reach(3)
    await stopped(task)


async def test_a_defect_in_a_driver_does_not_end_its_polling(clock: Clock) -> None:
    driver = Scripted(["b.x.power"], clock)
    failures = iter([ZeroDivisionError("defect")])

    def fail_once() -> None:
        if driver.reads == 2:
            error = next(failures, None)
            if error is not None:
                raise error

    driver.before_read = fail_once
    field = Field(clock.now)
    field.add("x", "here", driver, poll_s=0.01)
    task = await running(field)
    await driver.reads_reach(4)
    assert field.snapshot(clock.now())["b.x.power"].quality is Quality.GOOD
    await stopped(task)


async def test_one_silent_device_behind_a_good_link_is_one_alarm(clock: Clock) -> None:
    driver = Scripted(["b.a.power", "b.a.energy", "b.dead.power", "b.dead.energy"], clock)
    original = driver.read

    async def half(points: Sequence[PointId]) -> list[Sample]:
        return [
            s._replace(quality=Quality.BAD, value=None, detail="unit 2: no answer")
            if s.point.startswith("b.dead.")
            else s
            for s in await original(points)
        ]

    driver.read = half  # type: ignore[method-assign]
    field = Field(clock.now)
    field.add("x", "here", driver, poll_s=0.01)
    task = await running(field)
    await driver.reads_reach(2)
    clock.time += timedelta(seconds=31)
    await driver.reads_reach(driver.reads + 2)
    conditions = field.conditions(clock.now())
    assert [c.key for c in conditions] == ["device:b.dead"]
    assert "unit 2: no answer" in conditions[0].text
    await stopped(task)


async def _first_results(field: Field) -> list[WriteResult]:
    async with patience():
        while not (results := field.take_results()):
            await asyncio.sleep(0)
    return results


async def test_nothing_is_written_before_the_devices_were_first_read(clock: Clock) -> None:
    driver = Scripted(["b.ch-1.enable"], clock)
    driver.values["b.ch-1.enable"] = 1.0  # it runs, and whoever decided to stop it did not know
    field = Field(clock.now)
    field.add("x", "here", driver, poll_s=0.02)
    field.submit([Write("b.ch-1.enable", 0)])
    task = await running(field)
    (result,) = await _first_results(field)
    assert result.status is WriteStatus.TIMEOUT
    assert "not sent" in result.detail
    assert driver.writes == []
    assert field.snapshot(clock.now())["b.ch-1.enable"].value == 1.0
    field.submit([Write("b.ch-1.enable", 0)])
    assert (await _first_results(field))[0].status is WriteStatus.OK
    await stopped(task)


async def test_a_device_that_answers_no_read_is_written_to_after_each_try(clock: Clock) -> None:
    driver = Scripted(["b.relay.enable"], clock)
    driver.quality = Quality.BAD
    field = Field(clock.now)
    field.add("x", "here", driver, poll_s=0.02)
    field.submit([Write("b.relay.enable", 1)])
    task = await running(field)
    assert (await _first_results(field))[0].status is WriteStatus.OK
    assert driver.writes == [Write("b.relay.enable", 1)]
    await stopped(task)


async def test_the_countdown_to_the_next_attempt_is_no_news(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    field = Field(clock.now)
    driver = Scripted(["b.dead.power"], clock)
    driver.quality = Quality.BAD
    driver.detail = lambda: waiting("no connection within 1 s", 30 - driver.reads)
    field.add("x", "scripted", driver, poll_s=0.01)
    task = await running(field)
    clock.time += timedelta(seconds=600)
    texts = set()
    for count in (3, 6, 9):
        await driver.reads_reach(count)
        texts |= {condition.text for condition in field.conditions(clock.now())}
    await stopped(task)
    (text,) = texts  # or each second would be a change of the alarm, on disk and in the log
    assert text.endswith("no connection within 1 s")
    assert len([r for r in caplog.records if "no connection" in r.getMessage()]) == 1
    (health,) = field.health(clock.now())
    assert "next attempt in" in health.detail


async def test_a_link_without_points_is_neither_waited_for_nor_an_alarm(clock: Clock) -> None:
    driver = OpcUaDriver("opc.tcp://127.0.0.1:1", (), times=Times(now=utc_now))
    field = Field(clock.now)
    field.add("spare", "here", driver, poll_s=0.02)
    task = await running(field)
    await field.first_polls(5)
    for _ in range(10):
        await asyncio.sleep(0)
    clock.time += timedelta(seconds=600)
    assert field.snapshot(clock.now()) == {}
    assert field.conditions(clock.now()) == []
    (health,) = field.health(clock.now())
    assert (health.online, health.detail) == (True, "no points on this link")
    assert health.driver.requests == 0, "there is nothing to connect for"
    await stopped(task)


class Told(Scripted):
    """A driver that keeps its own pace: it delivers what the test tells it to."""

    clock_skew_s = None

    def __init__(self, points: Sequence[Point], clock: Clock) -> None:
        super().__init__([], clock)
        self.points = list(points)
        self.deliver: Callable[[Batch], None] | None = None

    async def feed(self, deliver: Callable[[Batch], None], period_s: float) -> None:
        self.deliver = deliver
        await asyncio.Event().wait()

    def health(self) -> DriverHealth:
        return DriverHealth(connected=True)

    async def tell(self, **details: str) -> None:
        """Each named point once: GOOD, or BAD for a reason."""
        deliver = await async_until(lambda: self.deliver)
        wanted = [point.id for point in self.points if point.id.rpartition(".")[2] in details]
        samples = [
            bad_sample(point, self.clock.now(), detail)
            if (detail := details[point.rpartition(".")[2]])
            else Sample(point, 1.0, Quality.GOOD, self.clock.now())
            for point in wanted
        ]
        deliver(Batch(wanted, samples, not any(details.values())))


def paced(role: str, scan_s: float | None = None) -> Point:
    return Point(f"b.e.{role}", ModbusAddress(1, "holding", 0), scan_s=scan_s)


@pytest.mark.case(
    "M14",
    when="Every point of a link is read once a minute",
    then="The points stay GOOD between reads; they age by their own pace, not by that of the link",
)
async def test_points_age_by_their_own_pace(clock: Clock) -> None:
    slow, slower = paced("power", 60), paced("energy", 900)
    driver, field = Told([slow, slower], clock), Field(clock.now)
    field.add("x", "here", driver, poll_s=1)
    task = await running(field)
    await driver.tell(power="", energy="")
    field.snapshot(clock.now())
    for seconds, power, energy in (
        (59, Quality.GOOD, Quality.GOOD),
        (120, Quality.GOOD, Quality.GOOD),
        (30, Quality.STALE, Quality.GOOD),
        (2600, Quality.STALE, Quality.STALE),
    ):
        clock.time += timedelta(seconds=seconds)
        image = field.snapshot(clock.now())
        assert [image[p.id].quality for p in (slow, slower)] == [power, energy]
        silent = [c.key for c in field.conditions(clock.now())]
        assert silent == ([] if power is Quality.GOOD else ["link:x"])
    await stopped(task)


async def test_a_link_of_mixed_paces_is_silent_by_its_fastest_point(clock: Clock) -> None:
    fast, slow = paced("power"), paced("energy", 900)
    driver, field = Told([fast, slow], clock), Field(clock.now)
    field.add("x", "here", driver, poll_s=1)
    task = await running(field)
    await driver.tell(power="", energy="")
    field.snapshot(clock.now())
    clock.time += timedelta(seconds=70)
    image = field.snapshot(clock.now())
    assert [image[p.id].quality for p in (fast, slow)] == [Quality.STALE, Quality.GOOD]
    assert [c.key for c in field.conditions(clock.now())] == ["link:x"]
    await stopped(task)


@pytest.mark.case(
    "B2",
    when="A point is looked for in a register that its device does not have",
    then="After two minutes an alarm names the device, the points and the reason",
)
async def test_points_that_a_device_lacks_are_named_in_one_alarm(clock: Clock) -> None:
    roles = [f"r{n}" for n in range(9)]
    driver, field = Told([paced(role) for role in ("power", *roles)], clock), Field(clock.now)
    field.add("x", "here", driver, poll_s=1)
    task = await running(field)

    async def told(details: dict[str, str]) -> list[Condition]:
        await driver.tell(power="", **details)
        field.snapshot(clock.now())
        return field.conditions(clock.now())

    refused = msg("holding 5: exception 2 (illegal data address)")
    assert await told(dict.fromkeys(roles, refused)) == []
    clock.time += timedelta(seconds=100)
    assert await told(dict.fromkeys(roles, refused)) == []
    clock.time += timedelta(seconds=30)
    (found,) = await told(dict.fromkeys(roles, refused))
    assert found.key == "points:b.e"
    assert "b.e answers, but has no good value of r0, r1, r2, r3, r4 and 4 more" in found.text
    assert "illegal data address" in found.text
    (again,) = await told(dict.fromkeys(roles, refused))
    assert again is found
    (less,) = await told(dict.fromkeys(roles, "") | {"r7": refused})
    assert "no good value of r7: holding 5" in less.text
    assert await told({"r7": ""}) == []
    await stopped(task)


async def test_what_a_device_declares_to_have_no_value_of_is_no_alarm(clock: Clock) -> None:
    """An inverter at night says by its codes that it has nothing to tell."""
    driver, field = (
        Told([paced("power"), paced("energy"), paced("enable")], clock),
        Field(clock.now),
    )
    field.add("x", "here", driver, poll_s=1)
    task = await running(field)
    for _ in range(3):
        await driver.tell(power="", energy=not_available("0x8000"), enable=LEFT)
        field.snapshot(clock.now())
        assert field.conditions(clock.now()) == []
        clock.time += timedelta(seconds=100)
    await stopped(task)


async def test_a_value_in_the_reason_is_no_news(clock: Clock) -> None:
    driver, field = Told([paced("power"), paced("energy")], clock), Field(clock.now)
    field.add("x", "here", driver, poll_s=1)
    task = await running(field)
    texts = set()
    for number in range(4):
        await driver.tell(power="", energy=msg("{number:g} is outside 0 to 9", number=number + 10))
        field.snapshot(clock.now())
        texts |= {c.text for c in field.conditions(clock.now())}
        clock.time += timedelta(seconds=100)
    assert len(texts) == 1
    await stopped(task)


async def test_one_missed_read_of_what_is_read_rarely_is_no_alarm(clock: Clock) -> None:
    driver, field = Told([paced("power", 300), paced("energy", 900)], clock), Field(clock.now)
    field.add("x", "here", driver, poll_s=1)
    task = await running(field)
    await driver.tell(power="", energy="")
    keys = []
    for second in range(0, 1500, 100):
        if second and second % 300 == 0:
            late = msg("no answer")
            await driver.tell(power=late, **({"energy": late} if second % 900 == 0 else {}))
        field.snapshot(clock.now())
        keys.append([condition.key for condition in field.conditions(clock.now())])
        clock.time += timedelta(seconds=100)
    # The power from 300 s on; from 900 s on the energy too, and with it the whole link.
    assert keys == [[]] * 8 + [["points:b.e"]] * 1 + [[]] * 5 + [["link:x"]]
    await stopped(task)
