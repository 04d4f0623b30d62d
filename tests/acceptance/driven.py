"""The demo park driven through simulated days by everything that `bms run` runs but the wires:
the runtime, the operations of its API and its state database, on a clock that a test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.clock import SimulatedClock
from bms.field.image import Field
from bms.field.plants import make_plant
from bms.operations.changes import Changes
from bms.operations.overrides.override_record import OverrideRecord
from bms.operations.past import Past
from bms.operations.registry import served_by
from bms.operations.requests.live_requests import CycleView, ReloadSite, SiteReloaded
from bms.operations.requests.operation import request_of
from bms.operations.running import Running
from bms.operations.runtime import Runtime
from bms.storage.state import Store
from drivers.base import Write, WriteResult
from drivers.plant import PlantDriver
from drivers.points import PointId, Sample
from tests.acceptance.park import PLANT, SITE
from tests.asking import plain

ZONE = ZoneInfo("Asia/Shanghai")
STEP = timedelta(minutes=1)
LONG_STEP = timedelta(minutes=15)
"""Nobody looks closely."""
SAVE_STATES = timedelta(minutes=30)

T = TypeVar("T")


def local(text: str) -> datetime:
    """An instant from wall-clock time of the park."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


class _PlantField(Field):
    """The process image of a plant, read and written between cycles."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.samples: Mapping[PointId, Sample] = {}
        self.writes: list[Write] = []
        self.results: list[WriteResult] = []

    def snapshot(self, now: datetime) -> Mapping[PointId, Sample]:
        return self.samples

    def submit(self, writes: Iterable[Write]) -> None:
        self.writes.extend(writes)

    def take_results(self) -> list[WriteResult]:
        results, self.results = self.results, []
        return results


class Driven:
    """A day of the park. Times are wall-clock times of the park, devices as the plant has them."""

    def __init__(self, state: Path, start: datetime, *, site: Path = SITE) -> None:
        self.site = load(site, STRATEGIES)
        self.clock = SimulatedClock(start)
        self._state = state
        self._plant = make_plant(PLANT, start, {})
        points = [point for link in self.site.links.values() for point in link.points]
        self._ids = [point.id for point in points]
        self._driver = PlantDriver(self._plant, points, now=self.clock.now)
        self._saved = start
        self.start_controller()

    def start_controller(self) -> None:
        """From what is on the disk, as after a power cut if one ran before."""
        now = self.clock.now()
        self.store = Store(self._state)
        self._field = _PlantField(self.clock.now)
        self.runtime = Runtime(
            self.site,
            self._field,
            self.store.active(now),
            self.store.load_states(),
            self.store.switched.read(now),
        )
        running = Running(
            runtime=self.runtime,
            now=self.clock.now,
            in_store=self._in_store,
            beside=_beside,
            changes=Changes(self.runtime),
            overrides=OverrideRecord(self.runtime, self._in_store, 0),
            past=Past(self.runtime, lambda: None, ThreadPoolExecutor(1)),
            cycle=_no_cycle,
            kwh_today=_no_energy,
            reload=_no_reload,
        )
        self._served = served_by(running)

    def power_cut(self) -> None:
        """The controller is gone in the middle of everything, and comes back."""
        self.store.close()
        self.start_controller()

    def close(self) -> None:
        self.store.close()
        self._plant.close()

    async def _in_store(self, call: Callable[[Store], T]) -> T:
        return call(self.store)

    async def ask(self, op: str, user: str = "root", **args: Any) -> Any:
        """An operation of the API, as `user` would ask for it."""
        served = self._served[op]
        return plain(op, await served.carry_out(request_of(served.operation, args), user))

    async def until(self, text: str) -> None:
        """Drive on, the last half hour minute by minute; afterwards the devices show what was
        commanded at that time."""
        end = local(text)
        while self.clock.now() < end:
            near = end - self.clock.now() <= 2 * LONG_STEP
            step = STEP if near else LONG_STEP
            self.clock.set(self._plant.advance(min(self.clock.now() + step, end)))
            now = self.clock.now()
            self._field.samples = {s.point: s for s in await self._driver.read(self._ids)}
            self.runtime.cycle(now)
            begun = self.runtime.live_switched.begun()
            if begun or now >= self._saved + SAVE_STATES:
                self._saved = now
                self.store.save_states(self.runtime.states(), begun, now)
                self.runtime.live_switched.kept(begun)
            writes, self._field.writes = self._field.writes, []
            if writes:
                self._field.results = await self._driver.write(writes)

    def device(self, point: PointId) -> float:
        """What a device has, past everything that the controller believes."""
        return self._plant.read()[point]

    def devices(self, *points: PointId) -> list[float]:
        """The same for several."""
        return [self.device(point) for point in points]

    def why(self, point: PointId) -> str:
        """The winner's reason."""
        award = self.runtime.award(point)
        assert award is not None, point
        return award.winner.reason


async def _no_reload(asked: ReloadSite, user: str) -> SiteReloaded:
    raise NotImplementedError(asked, user)


def _no_cycle() -> CycleView:
    raise AssertionError("nothing here asks for the status")


async def _no_energy(_now: datetime) -> Mapping[str, float | None]:
    return {}


async def _beside(call: Callable[[], T]) -> T:
    return call()


@asynccontextmanager
async def driven(state: Path, start: str, *, site: Path = SITE) -> AsyncIterator[Driven]:
    """The park from a wall-clock time on."""
    park = Driven(state, local(start), site=site)
    try:
        yield park
    finally:
        park.close()
