"""The same engine on simulated time, against any `Plant`, as fast as the machine goes."""

from __future__ import annotations

import asyncio
import gc
import math
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Self

from bms.app.simulating.ledger_beside import LedgerBeside
from bms.app.upkeep_round import COMMAND
from bms.config.site import Site
from bms.control import assemble
from bms.control.engine.cycle import Engine
from bms.control.watch.weather_sensors import WEATHER, WeatherSensors
from bms.core.clock import SimulatedClock
from bms.core.errors import PlantFailed, Refused, StoreError
from bms.forward.positions import least_taken, taken
from bms.historian.log.embedded import History
from bms.historian.recording.recorder import Recorder
from bms.historian.records import Batch, to_ms
from bms.historian.upkeep.rounds import Outcome, Request, outcome_of, run, start
from bms.ledger.database.store import Ledger
from bms.ledger.posting import Posting
from bms.operations.seasons.live_switched import STATES, LiveSwitched
from bms.storage.sqlite import make_directory
from bms.storage.state import Store
from bms.texts.messages import msg, quoted
from drivers.plant import LongSteps, Plant, PlantDriver, PlantEnded
from drivers.points import PointId, Sample

STORE_EVERY = timedelta(days=1)
"""Simulated time between commits: durability matters less than speed when it can be redone."""
COMPACT_EVERY = timedelta(days=30)
"""Simulated time between compactions: one file per group and blob per point for each."""
LOG_KEPT = timedelta(hours=48)


QUARTER_S = 900.0
HEARD_EVERY = 16
"""Cycles between two times that the event loop may do something else."""
MOST_STEPS = 5
"""Who asks for steps of a minute wants to see what a plant does by itself within a few."""
SETTLES_S = 300.0
"""So long after a change every step is looked at: plants take minutes to get to rest."""
KEEP_EVERY = timedelta(days=7)
"""Simulated time between two times that the energy ledger is brought up to date."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a simulation did."""

    start: datetime
    end: datetime
    step_s: float
    cycles: int
    writes: int
    alarms_raised: int
    wall_s: float
    ended: str = ""
    """Why the plant ended before it was meant to; empty if it did not."""

    @property
    def days_per_s(self) -> float:
        return (self.end - self.start).total_seconds() / 86400 / max(self.wall_s, 1e-9)


class _Batches:
    """History written beside the simulation: SQLite and zlib let the interpreter go on.

    Each month is compacted in a separate process, as on a gateway, while the next is simulated.
    """

    def __init__(self, site: Site, directory: Path) -> None:
        self._site = site
        self._directory = directory
        self._history = History(directory)
        self._ledger = LedgerBeside(site.metering, directory)
        self._kept: datetime | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._writing: Future[None] | None = None
        self._compacted: datetime | None = None
        self._child: subprocess.Popen[str] | None = None
        self.last = self._history.span()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()
        if self._child is not None:  # it broke off; what it did not finish is redone
            self._child.kill()
            self._child.communicate()
        self._ledger.close()
        self._history.close()

    def append(self, batch: Batch, now: datetime, *, final: bool = False) -> None:
        """Write `batch` once the one before is stored; raises the error of that one."""
        self.finish()
        self._writing = self._thread.submit(self._store, batch, now, final)

    def finish(self) -> None:
        """Wait until everything is stored."""
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _store(self, batch: Batch, now: datetime, final: bool) -> None:
        self._history.append(batch)
        if self._compacted is None or self._kept is None:
            self._compacted = self._kept = now
        if final:
            self._ledger.finish()
            with Ledger(self._directory) as ledger:
                Posting(self._site.metering, self._history, ledger).catch_up(now)
            self._reap(now)
            self._prune(run(self._request(now), taken), now)
            return
        if now - self._kept >= KEEP_EVERY:
            self._kept = now
            self._ledger.post(now)
        if now - self._compacted >= COMPACT_EVERY:
            self._compacted = now
            self._reap(now)
            self._child = start(self._request(now), COMMAND)

    def _reap(self, now: datetime) -> None:
        if self._child is not None:
            child, self._child = self._child, None
            self._prune(outcome_of(child), now)

    def _prune(self, outcome: Outcome, now: datetime) -> None:
        if outcome.error:
            raise StoreError(quoted(outcome.error))
        if outcome.compacted is not None:
            self._ledger.finish()  # it reads what is to go
            least = least_taken(self._directory, None, self._history.uid())
            while self._history.prune(now - LOG_KEPT, compacted=outcome.compacted, taken=least):
                pass

    def _request(self, now: datetime) -> Request:
        # Simulated quarter hours are not news: sinks find them in the history if they want them.
        return Request(
            directory=str(self._directory),
            now_ms=to_ms(now),
            zone=self._site.file.zone,
            zones={base.id: base.zone for base in self._site.bases.values()},
            retain_days=self._site.file.history.retain_days,
            within_s=float("inf"),
            publish=False,
            whole_days=False,
        )


def _advanced(plant: Plant, until: datetime) -> datetime:
    """Raises PlantEnded, and PlantFailed for whatever else a plant of others raises."""
    try:
        return plant.advance(until)
    except PlantEnded:
        raise
    except Exception as error:
        raise PlantFailed(msg("the plant failed: {error}", error=error)) from error


class _Steps:
    """How far to advance next: by `step`, and farther while nothing happens.

    Nothing happens where no controller has to be asked, nothing is to be written and nothing has
    changed for a while. Then the plant's longest right step is taken, but never one over a moment
    at which a controller, a meter or the history wants to look.
    """

    def __init__(self, plant: Plant, step: timedelta, looks_s: Sequence[float]) -> None:
        self._step_s = step.total_seconds()
        longest_s = plant.longest_step_s if isinstance(plant, LongSteps) else 0.0
        self._most = min(MOST_STEPS, max(1, int(longest_s // self._step_s)))
        self._looks_s = looks_s
        self._changed: datetime | None = None

    def next_s(self, engine: Engine, now: datetime, *, changed: bool) -> float:
        """Seconds to the next look, after that at `now`."""
        if self._most == 1:
            return self._step_s
        if changed or self._changed is None:
            self._changed = now
        if (now - self._changed).total_seconds() < SETTLES_S:
            return self._step_s
        left_s = engine.left_s(now, self._step_s)
        if left_s <= self._step_s:
            return self._step_s
        # The first look at or after a moment is the one at which it counts.
        steps = min(self._most, math.ceil(left_s / self._step_s)) if left_s < 1e9 else self._most
        at_s = now.timestamp()
        for every_s in self._looks_s:
            steps = min(steps, max(1, int((every_s - at_s % every_s) // self._step_s)))
        return steps * self._step_s


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Collect garbage rarely: the samples of a cycle alone would start a collection per cycle.

    Measured on the demo park: building and dropping its 829 samples takes 350 µs with the
    default threshold of 700 objects, 220 µs without collections. Nothing here makes cycles.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.set_threshold(100_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def simulate(
    site: Site,
    plant: Plant,
    *,
    start: datetime,
    end: datetime,
    step: timedelta,
    into: Path,
    progress: Callable[[datetime], None] = lambda _now: None,
    trend_s: float = 3600.0,
) -> Simulated:
    """Run `site` against `plant` from `start` to `end`, keeping history and state in `into`.

    A later simulation, or `bms run` on the same directory, carries on where this one ended.
    The steps become longer while nothing happens, if the plant says how long they may be
    (`drivers.plant.LongSteps`). Ends where the plant ends, if that is earlier. Raises Refused if
    `into` already holds history after `start`, PlantFailed if the plant cannot go on.
    """
    make_directory(into)
    clock = SimulatedClock(start)
    points = [point for link in site.links.values() for point in link.points]
    ids = [point.id for point in points]
    begun = perf_counter()
    cycles = writes = alarms = 0
    ended = ""
    with _Batches(site, into) as history, Store(into) as store, _rare_collections():
        last = history.last
        if last is not None and last > start:
            raise Refused(
                msg(
                    "{path} already holds history up to {time}; start the simulation there, or "
                    "choose another directory",
                    path=into,
                    time=last.isoformat(timespec="seconds"),
                )
            )
        saved = store.load_states()
        live = LiveSwitched(site, store.switched.read(start), saved)
        weather = WeatherSensors(site.equipment.values(), saved.pop(WEATHER, None))
        saved.pop(STATES, None)
        overrides, interventions = store.active(start), store.interventions.read()
        engine = Engine(assemble(site, overrides, live.context, interventions), site.outputs, saved)
        recorder = Recorder(
            site,
            trend_s=trend_s,
            commit_s=STORE_EVERY.total_seconds(),
            edge_tolerance_s=max(60.0, step.total_seconds()),
        )
        facts: Mapping[PointId, Sample] = {}
        steps = _Steps(plant, step, (QUARTER_S, trend_s))
        ahead_s = step.total_seconds()
        async with PlantDriver(plant, points, now=clock.now) as driver:
            while clock.now() < end:
                try:
                    ahead = timedelta(seconds=ahead_s)
                    clock.set(_advanced(plant, min(clock.now() + ahead, end)))
                except PlantEnded as reason:
                    ended = str(reason)
                    break
                now = clock.now()
                told = dict(zip(ids, await driver.read(ids), strict=True))
                told.update(facts)
                samples = weather.believed(told, now)
                begins = live.advance(samples, now)
                if begins:
                    engine.replace(assemble(site, overrides, live.context, interventions))
                conditions = (*live.conditions(now), *weather.conditions)
                cycle = engine.cycle(samples, now, conditions, clock.steady())
                facts = cycle.facts
                if cycle.writes:
                    engine.written(await driver.write(cycle.writes), now)
                    writes += len(cycle.writes)
                alarms += sum(1 for event in cycle.alarms if event.kind == "raised")
                changes = (*cycle.changed, *cycle.reordered)
                recorder.offer(now, samples, changes, cycle.alarms)
                cycles += 1
                happened = begins or bool(cycle.writes or changes or cycle.alarms)
                ahead_s = steps.next_s(engine, now, changed=happened)
                batch = recorder.take(now)
                if batch is not None:
                    history.append(batch, now)
                    progress(now)
                # Nothing else here waits: without this, Ctrl-C would be heard only at the end.
                if cycles % HEARD_EVERY == 0:
                    await asyncio.sleep(0)
        history.append(recorder.last() or Batch(), clock.now(), final=True)
        history.finish()
        states = engine.states() | live.states() | weather.states()
        store.save_states(states, live.begun(), clock.now())
    progress(clock.now())
    return Simulated(
        start,
        clock.now(),
        step.total_seconds(),
        cycles,
        writes,
        alarms,
        perf_counter() - begun,
        ended,
    )
