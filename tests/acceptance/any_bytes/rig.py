"""One running controller, the fields that feed it nonsense, and everything that must go on.

A driver joins with a `HostileField`: the part of a site that is read from it, servers on real
sockets that answer with anything, and points that are always answered rightly.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from click.testing import CliRunner

from bms.app.composition import composed
from bms.app.controller import App
from bms.cli import main
from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.clock import SystemClock
from bms.historian.log.embedded import History
from drivers.points import PointId, Quality, Sample, Value
from tests.asking import ask
from tests.historian.influx_server import InfluxServer
from tests.patience import async_until

LOOK_EVERY_S = 0.2
LATE_S = 30.0
"""So long a neighbour may be without an answer on end: on a machine with much else to do this
process, which makes its answers too, gets no time now and then. What nonsense has done to a link
stays."""


class HostileField(Protocol):
    """What one driver is fed with. `base` is its part of the site, named like no other."""

    @property
    def base(self) -> str: ...

    @property
    def links(self) -> Sequence[str]:
        """Lines of `links.yaml`, once it is started: `name: {protocol: ...}`."""
        ...

    @property
    def files(self) -> Mapping[str, str]:
        """The other files of the site: devices, equipment, groups, schedules of its base."""
        ...

    @property
    def neighbours(self) -> Mapping[PointId, Value]:
        """Points that are always answered rightly, among the others, and their values."""
        ...

    @property
    def inputs(self) -> int:
        """How many answers it has made up so far."""
        ...

    def can_be(self, point: PointId, value: Value) -> bool:
        """Whether a GOOD value is one that the point can have, whatever was sent."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Stack:
    """The running controller, and what is true of it whatever it was fed."""

    def __init__(
        self, directory: Path, app: App, fields: Sequence[HostileField], influx: InfluxServer
    ) -> None:
        self.directory = directory
        self._app = app
        self._fields = fields
        self._influx = influx
        self._field_of = {field.base: field for field in fields}
        self._neighbours = {p: v for field in fields for p, v in field.neighbours.items()}
        self._late_since: dict[PointId, float] = {}
        self.seen: dict[Quality, int] = dict.fromkeys(Quality, 0)
        """Samples of the hostile points by quality, over all looks."""
        self.details: set[str] = set()
        """Why points were BAD."""

    @property
    def inputs(self) -> int:
        return sum(field.inputs for field in self._fields)

    async def fed(self, inputs: int) -> None:
        """Feed so many in all, looking at the image meanwhile, and at least once."""
        self.look()
        while self.inputs < inputs:
            await asyncio.sleep(LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        """Neighbours are right, and all others BAD with a reason or a value that can be one."""
        image = samples_of(self._app)
        for point, sample in image.items():
            if point in self._neighbours:
                self._look_at_neighbour(sample)
                continue
            self.seen[sample.quality] += 1
            if sample.quality is not Quality.GOOD:
                assert sample.detail, sample
                self.details.add(sample.detail)
            if sample.quality is Quality.BAD:
                assert sample.value is None, sample
                continue
            assert isinstance(sample.value, bool | int | float | str), sample
            if isinstance(sample.value, float):
                assert math.isfinite(sample.value), sample
            field = self._field_of[point.partition(".")[0]]
            assert sample.quality is Quality.STALE or field.can_be(point, sample.value), sample
            if isinstance(sample.value, str):
                assert sample.value.encode().decode() == sample.value

    def _look_at_neighbour(self, sample: Sample) -> None:
        if sample.quality is not Quality.BAD:
            assert sample.value == self._neighbours[sample.point], sample
        if sample.quality is Quality.GOOD:
            self._late_since.pop(sample.point, None)
            return
        now = asyncio.get_running_loop().time()
        assert now - self._late_since.setdefault(sample.point, now) < LATE_S, sample

    async def everything_answers(self) -> None:
        """Every command that shows the field answers, from the socket and at the keyboard."""
        state = self.directory / "state"
        for op in ("status", "points"):
            assert await asyncio.to_thread(ask, state, op), op
        for base in (field.base for field in self._fields):
            points = [p for p in samples_of(self._app) if p.startswith(f"{base}.")]
            for point in points[:: max(1, len(points) // 5)]:
                await self._command("why", self.directory, point)
        for words in (["status"], ["points"], ["links"]):
            text = await self._command(*words[:1], self.directory, *words[1:])
            assert text, words
        for words in (["status"], ["points"], ["links"]):
            json.loads(await self._command(*words, self.directory, "--json"))

    async def _command(self, *words: object) -> str:
        arguments = [str(word) for word in words]
        result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
        assert result.exit_code == 0, (arguments, result.output, result.exception)
        return str(result.output)

    async def recorded_and_copied(self) -> None:
        """History and its copy have gone on: each neighbour is in both, and nothing was refused."""
        view: Any = await asyncio.to_thread(ask, self.directory / "state", "status")
        keys = [alarm["key"] for alarm in view["alarms"]]
        assert not [k for k in keys if k.split(":")[0] in ("history", "sink", "copy", "task")], keys

        def copied() -> bool:
            lines = "\n".join(self._influx.stored)
            return all(point in lines for point in self._neighbours)

        await async_until(copied, "the copy of every neighbour")
        with History(self.directory / "state", read_only=True) as history:
            known = {row[1] for row in history.series_rows()}
        assert known.issuperset(self._neighbours)


def samples_of(app: App) -> Mapping[PointId, Sample]:
    """The image of the last cycle."""
    last = app.runtime.last
    return {} if last is None else last.snapshot.samples


@asynccontextmanager
async def hostile_site(
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    fields: Sequence[HostileField],
) -> AsyncIterator[Stack]:
    """A controller that runs on these fields, once every neighbour is GOOD.

    When it ends, it must still have been running.
    """
    monkeypatch.setenv("BMS_INFLUX_TOKEN", "secret")
    for field in fields:
        await field.start()
    try:
        async with InfluxServer() as influx:
            _write(directory, fields, influx.url)
            site = load(directory, STRATEGIES)
            stop, begun = asyncio.Event(), asyncio.Event()
            async with composed(site, SystemClock()) as app:
                task = asyncio.create_task(app.run(stop, begun.set))
                try:
                    await begun.wait()
                    stack = Stack(directory, app, fields, influx)
                    await async_until(
                        lambda: task.done() or _all_good(app, fields), "the neighbours' values"
                    )
                    yield stack
                    assert not task.done(), "the controller has ended"
                finally:
                    stop.set()
                    await task
    finally:
        for field in fields:
            await field.stop()


def _all_good(app: App, fields: Sequence[HostileField]) -> bool:
    samples = samples_of(app)
    return all(
        point in samples and samples[point].quality is Quality.GOOD
        for field in fields
        for point in field.neighbours
    )


def _write(directory: Path, fields: Sequence[HostileField], url: str) -> None:
    bases = ", ".join(f"{field.base}: {{}}" for field in fields)
    files = {
        "site.yaml": f"id: hostile\nzone: Asia/Shanghai\ncycle_s: 0.2\nbases: {{{bases}}}\n"
        "history: {commit_s: 0.5, trend_s: 1}\n"
        f"influx: {{url: '{url}', org: o, bucket: raw}}\n",
        "links.yaml": "links:\n" + "".join(f"  {link}\n" for f in fields for link in f.links),
    }
    for field in fields:
        files |= field.files
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
