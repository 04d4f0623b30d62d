"""`bms demo`: the simulated park, its controller and a live picture, from one command.

The park runs in a separate process (`python -m simulators serve`), as real Modbus and OPC-UA
servers; this package knows it only through them.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from bms.api.client import ask
from bms.app.simulate import Simulated, simulate
from bms.cli.children import alone, end_like_ctrl_c, started
from bms.cli.common import clock_now
from bms.config.load import load
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.core.errors import BmsError, Unreachable
from bms.field.plants import make_plant
from bms.historian.log.embedded import History
from bms.operations.requests.live_requests import STATUS, AskStatus
from bms.texts.language import say
from bms.texts.messages import msg

PLANT = "simulators.parks.demo.park:Park"
STEPS = tuple(timedelta(minutes=n) for n in (5, 15, 30, 60))
FILL_WITHIN_S = 90.0
"""The demo is ready to look at within two minutes: starting the processes takes 10 s, and a
shared machine may slow down after the trial."""
TRIAL_DAYS = 3
TRIAL_MONTHS = (1, 7)
"""A quiet season and a busy one: while nothing happens, the simulation takes longer steps."""
TREND_S = 7200.0
"""Analog points in the filled history; registers are kept at every step, states on change."""
START_WITHIN_S = 20.0
# Together under 3 s: the controller first, so that it can still release outputs.
CONTROLLER_STOP_S = 2.0
PARK_STOP_S = 0.9

Progress = Callable[[datetime, datetime], AbstractContextManager[Callable[[datetime], None]]]


def run_demo(
    directory: Path,
    *,
    step: timedelta | None,
    weather: Path | None,
    live_for: timedelta | None,
    progress: Progress,
) -> None:
    """Fill the history, start park and controller, show their status until Ctrl-C.

    Without a `step`, the finest one that this machine can fill with in time is used.
    """
    end_like_ctrl_c()
    try:
        with alone(directory) as lock:
            _run(directory, lock, step, weather, live_for, progress)
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be gone
            print(say("stopped"))


def _run(
    directory: Path,
    lock: int,
    step: timedelta | None,
    weather: Path | None,
    live_for: timedelta | None,
    progress: Progress,
) -> None:
    site_dir = directory / "site"
    if not (site_dir / "site.yaml").exists():
        shutil.copytree(_demo_site(), site_dir, ignore=shutil.ignore_patterns("state"))
    site = load(site_dir, STRATEGIES)
    options = {"state": str(directory / "park-state.json")}
    if weather is not None:
        options["weather"] = str(weather)
    _fill(site, options, step, progress)
    endpoints = directory / "endpoints.json"
    door = directory / "park.sock"
    park = _park_command(site_dir, endpoints, options, door)
    with started(park, directory / "park.log", PARK_STOP_S, lock):
        _wait_for_file(endpoints)
        controller = _controller_command(site_dir, endpoints)
        with started(controller, directory / "controller.log", CONTROLLER_STOP_S, lock):
            _wait_for_controller(site)
            print(
                say(
                    "to see what a fault does, in another terminal: {command}",
                    command=f"python -m simulators tell {door} fault trip binjiang.ch-1 for 20m",
                ),
                flush=True,
            )
            _watch(site, live_for)


def _demo_site() -> Path:
    spec = find_spec("simulators.parks.demo")
    if spec is None or spec.origin is None:
        raise BmsError(
            msg("the simulated park is not installed (package '{package}')", package="simulators")
        )
    return Path(spec.origin).parent / "site"


def _fill(site: Site, options: dict[str, str], step: timedelta | None, progress: Progress) -> None:
    """Bring the history from the start of last year (or from where it ends) to now."""
    now = clock_now()
    site.state_dir.mkdir(parents=True, exist_ok=True)
    with History(site.state_dir) as history:
        _, last = history.span()
    zone = ZoneInfo(site.file.zone)
    first = datetime(now.astimezone(zone).year - 1, 1, 1, tzinfo=zone).astimezone(UTC)
    start = first if last is None else last
    step = step or _step_in_time(site, options, now - start)
    end = now - (now - first) % step
    if end - start < step:
        return
    print(
        say(
            "filling the history from {start:%Y-%m-%d %H:%M} to now: the same engine in simulated "
            "time, in {step_min:g}-minute steps (live control runs every {cycle_s:g} s)",
            start=start.astimezone(zone),
            step_min=step.total_seconds() / 60,
            cycle_s=site.file.cycle_s,
        ),
        flush=True,
    )
    with progress(start, end) as report:
        done = _simulated(site, options, start, end, step, site.state_dir, report)
    print(
        say(
            "filled {days} days in {wall_s:.0f} s ({days_per_s:.1f} days/s)",
            days=(done.end - done.start).days,
            wall_s=done.wall_s,
            days_per_s=done.days_per_s,
        ),
        flush=True,
    )


def _simulated(
    site: Site,
    options: dict[str, str],
    start: datetime,
    end: datetime,
    step: timedelta,
    into: Path,
    report: Callable[[datetime], None] = lambda _now: None,
) -> Simulated:
    plant = make_plant(PLANT, start, options)
    try:
        return asyncio.run(
            simulate(
                site,
                plant,
                start=start,
                end=end,
                step=step,
                into=into,
                progress=report,
                trend_s=TREND_S,
            )
        )
    finally:
        plant.close()


def _step_in_time(site: Site, options: dict[str, str], span: timedelta) -> timedelta:
    """The finest step with which `span` is filled in time, judged by days of two seasons."""
    starts = [datetime(clock_now().year - 1, month, 1, tzinfo=UTC) for month in TRIAL_MONTHS]
    trial_options = {name: value for name, value in options.items() if name != "state"}
    for step in STEPS[:-1]:
        took_s = [_day_s(site, trial_options, start, step) for start in starts]
        if span / timedelta(days=1) * sum(took_s) / len(took_s) < FILL_WITHIN_S:
            return step
    return STEPS[-1]


def _day_s(site: Site, options: dict[str, str], start: datetime, step: timedelta) -> float:
    """How long a day takes; the first, with what is paid once, does not count."""
    days: list[float] = []
    end = start + timedelta(days=TRIAL_DAYS)
    with TemporaryDirectory() as folder:
        _simulated(
            site,
            options,
            start,
            end,
            step,
            Path(folder),
            lambda _now: days.append(time.perf_counter()),
        )
    return (days[-1] - days[0]) / (TRIAL_DAYS - 1)


def _park_command(
    site_dir: Path, endpoints: Path, options: dict[str, str], door: Path
) -> list[str]:
    with suppress(FileNotFoundError):
        endpoints.unlink()
    command = [sys.executable, "-m", "simulators", "serve", str(site_dir), "--plant", PLANT]
    command += ["--endpoints", str(endpoints), "--door", str(door)]
    for name, value in options.items():
        command += ["--option", f"{name}={value}"]
    return command


def _controller_command(site_dir: Path, endpoints: Path) -> list[str]:
    return [sys.executable, "-m", "bms", "run", str(site_dir), "--endpoints", str(endpoints)]


def _wait_for_file(path: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while not path.exists():
        if time.monotonic() > deadline:
            raise BmsError(
                msg(
                    "the simulated park did not start within {within_s:.0f} s",
                    within_s=START_WITHIN_S,
                )
            )
        time.sleep(0.05)


def _wait_for_controller(site: Site) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while True:
        try:
            status = ask(site.state_dir, STATUS, AskStatus())
        except Unreachable:
            status = None
        if status is not None and status.cycle.count > 2:
            return
        if time.monotonic() > deadline:
            raise BmsError(
                msg(
                    "the controller did not answer within {within_s:.0f} s", within_s=START_WITHIN_S
                )
            )
        time.sleep(0.1)


def _watch(site: Site, live_for: timedelta | None) -> None:
    """Refresh the status table each second; without a terminal, print it now and then."""
    from rich.live import Live

    from bms.cli.screens.tables import console as make_console
    from bms.cli.screens.tables import status_screen

    console = make_console()
    ends = None if live_for is None else time.monotonic() + live_for.total_seconds()

    def status() -> Any:
        return status_screen(ask(site.state_dir, STATUS, AskStatus()).shown())

    print(
        say(
            "live; Ctrl-C stops. In another terminal try: {command}",
            command=f"bms status {site.directory}",
        )
        + "\n",
        flush=True,
    )
    if console.is_terminal:
        with Live(status(), console=console, screen=False, auto_refresh=False) as live:
            while ends is None or time.monotonic() < ends:
                time.sleep(1.0)
                live.update(status(), refresh=True)
        return
    console = make_console(200)
    while ends is None or time.monotonic() < ends:
        console.print(status(), "")
        pause = 10.0 if ends is None else max(0.0, min(10.0, ends - time.monotonic()))
        time.sleep(pause)
