"""The controller as a process: signals, file descriptors, and who may be a second one."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bms.core.errors import BmsError
from tests.app.test_damaged_files import SITE
from tests.asking import ask
from tests.machine_time import utc_now
from tests.patience import PATIENCE_S, until

RUN = (sys.executable, "-m", "bms", "run")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name, text in SITE.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "site"


@contextmanager
def process(
    site: Path, before: Callable[[], None] | None = None, command: Sequence[str] = RUN
) -> Iterator[subprocess.Popen[str]]:
    """The controller as a process; killed at the end if it still runs."""
    with (site.parent / "log").open("ab") as log:
        started = subprocess.Popen(
            [*command, str(site)], stdout=log, stderr=log, text=True, preexec_fn=before
        )
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            started.send_signal(signal.SIGCONT)
        started.kill()
        started.wait()


def cycles(site: Path) -> int:
    """How many cycles its controller has made; 0 while it does not answer."""
    with suppress(BmsError, OSError):
        return int(ask(site / "state", "status")["cycle"]["count"])
    return 0


def goes_on(site: Path, running: subprocess.Popen[str], more: int = 20) -> Any:
    """Wait until it has made some more cycles."""
    before = cycles(site)
    return until(
        lambda: running.poll() is not None or cycles(site) >= before + more, "more cycles"
    ) and (running.poll() is None or pytest.fail((site.parent / "log").read_text()))


def joins(client: socket.socket, site: Path) -> bool:
    """Whether a client is let in; False while too many wait before it."""
    try:
        client.connect(str(site / "state" / "bms.sock"))
    except BlockingIOError:
        return False
    return True


def few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


@pytest.mark.case(
    "R1",
    when="More than a thousand clients connect and say nothing, or the process may open few files",
    then="The control goes on and requests are answered: who has too many connections loses the "
    "oldest idle one",
)
@pytest.mark.parametrize("before", [None, few_files])
def test_idle_clients_take_nothing_from_the_control(
    site: Path, before: Callable[[], None] | None
) -> None:
    with process(site, before) as running, ExitStack() as clients:
        until(lambda: cycles(site) > 2, "the first cycles")
        for _ in range(900):
            client = clients.enter_context(socket.socket(socket.AF_UNIX))
            client.settimeout(30)
            until(partial(joins, client, site), "room in the queue")
        goes_on(site, running)
        made = ask(
            site / "state", "override.set",
            point="b.holds.speed", value="40", duration="1h", reason="still works",
        )  # fmt: skip
        assert made["stored"]
        running.send_signal(signal.SIGTERM)
        assert running.wait(PATIENCE_S) == 0


@pytest.mark.case(
    "R6",
    when="A second controller is started: after the socket was removed, while the first is "
    "stopped, or just so",
    then="It is refused and names the process that has the site; two never command one plant",
)
@pytest.mark.parametrize("how", ["running", "socket gone", "stopped", "lock gone"])
def test_one_controller_a_site(site: Path, how: str) -> None:
    with process(site) as first:
        until(lambda: cycles(site) > 2, "the first cycles")
        if how == "socket gone":
            (site / "state" / "bms.sock").unlink()
        elif how == "stopped":
            first.send_signal(signal.SIGSTOP)
        elif how == "lock gone":
            (site / "state" / "controller.lock").unlink()
        with process(site) as second:
            assert second.wait(PATIENCE_S) == 4
        said = (site.parent / "log").read_text()
        assert "already running for this site" in said
        assert how == "lock gone" or f"process {first.pid} holds" in said
        first.send_signal(signal.SIGCONT)
        until((site / "state" / "bms.sock").is_socket, "the socket")
        goes_on(site, first)
    with process(site) as third:  # the first was killed
        until(lambda: cycles(site) > 2 or third.poll() is not None, "the first cycles")
        assert third.poll() is None


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="a process is the first of a container only by root's unshare",
)
@pytest.mark.case(
    "R5",
    when="The first process of a container is asked to stop while it still starts",
    then="It ends at once; nothing has to be killed",
)
def test_a_container_is_stopped_while_it_starts(site: Path) -> None:
    # Nothing that is loaded answers: the start never gets any further.
    command = ("unshare", "--pid", "--fork", "--kill-child", sys.executable, "-c", WAITING)
    with process(site, command=command) as outside:

        def inside() -> int:
            tasks = Path(f"/proc/{outside.pid}/task/{outside.pid}/children").read_text().split()
            return int(tasks[0]) if tasks else 0

        pid = until(inside, "the process")
        until(lambda: (site.parent / "waiting").exists(), "the start")
        os.kill(pid, signal.SIGTERM)
        assert outside.wait(PATIENCE_S) == 0


WAITING = """
import sys, time
from pathlib import Path
import bms.operations.editing.loading as loading
from bms.cli import main

def waiting(site, *_):
    (Path(site).parent / "waiting").touch()
    while True:  # a signal just before one long sleep would be seen only after it
        time.sleep(0.01)

loading.load_to_run = waiting
main(["run", sys.argv[1]])
"""


def test_a_stop_ends_in_order(site: Path) -> None:
    with process(site) as running:
        until(lambda: cycles(site) > 2, "the first cycles")
        running.send_signal(signal.SIGTERM)
        assert running.wait(PATIENCE_S) == 0
    assert not (site / "state" / "bms.sock").exists()
    told = json.dumps((site.parent / "log").read_text())
    assert "Traceback" not in told


def peak_mb(running: subprocess.Popen[str]) -> float:
    """The most memory that a process has had."""
    status = Path(f"/proc/{running.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


@pytest.mark.case(
    "R18",
    when="A file of the site grows to 9 MB",
    then="It is not read, and an alarm says how large one may be; the control goes on with what it "
    "had, in no more memory",
)
@pytest.mark.parametrize("name", ["schedules/air.yaml", "schedules/new.yaml", "links.yaml"])
def test_a_file_that_is_far_too_large(site: Path, name: str) -> None:
    with process(site) as running:
        until(lambda: cycles(site) > 2, "the first cycles")
        before = peak_mb(running)
        line = "# 0123456789 0123456789\n- {a: [1, 2, 3], b: {c: d}}\n"
        (site / name).write_text(line * (9_000_000 // len(line)), encoding="utf-8")

        def told() -> bool:
            alarms = ask(site / "state", "status")["alarms"]
            return any("is larger than" in alarm["text"] for alarm in alarms)

        until(told, "the alarm")
        goes_on(site, running)
        assert peak_mb(running) - before < 100


CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static volatile long long *ahead_s(void) {
    static volatile long long *place;
    if (!place) {
        int file = open(getenv("CLOCK_AHEAD"), O_RDONLY);
        place = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
    }
    return place;
}

int clock_gettime(clockid_t id, struct timespec *found) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int answer = real(id, found);
    if (id == CLOCK_REALTIME) found->tv_sec += *ahead_s();
    return answer;
}

time_t time(time_t *found) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (found) *found = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *found, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    found->tv_sec = now.tv_sec;
    found->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""
YEAR_S = 365 * 86_400
STEPS: dict[str, int] = {
    "set by the network, from 1970": 0,
    "a year ahead": YEAR_S,
    "back": 0,
    "an hour ahead": 3600,
    "an hour behind": -3600,
    "a year behind": -YEAR_S,
    "ten years ahead": 10 * YEAR_S,
    "back again": 0,
}
MOST_MB = 400
"""Far more than it needs, and far less than one run for each missed moment of years takes."""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="moving the clock needs a compiler")
@pytest.mark.case(
    "R3",
    when="The clock is set by years or hours, as on a gateway without a battery",
    then="The control goes on at its pace: nothing that was missed is made up for",
)
def test_the_clock_is_set_by_years(site: Path, tmp_path: Path) -> None:
    (tmp_path / "clock.c").write_text(CLOCK)
    library = tmp_path / "clock.so"
    made = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(tmp_path / "clock.c"), "-ldl"]
    subprocess.run(made, check=True)
    ahead = tmp_path / "ahead"
    ahead.write_bytes(struct.pack("q", 120 - int(utc_now().timestamp())))
    command = ("env", f"LD_PRELOAD={library}", f"CLOCK_AHEAD={ahead}", *RUN)
    with process(site, command=command) as running:
        until(lambda: cycles(site) > 2, "the first cycles")
        goes_on(site, running, 60)
        assert ask(site / "state", "status")["time"].startswith("1970")
        for name, seconds in STEPS.items():
            with ahead.open("r+b") as file:
                file.write(struct.pack("q", seconds))
            goes_on(site, running, 60)
            status = ask(site / "state", "status")
            shown = datetime.fromisoformat(status["time"])
            assert abs((shown - utc_now()).total_seconds() - seconds) < 60, name
            keys = {alarm["key"] for alarm in status["alarms"]}
            assert not {key for key in keys if key.startswith(("task:", "control:"))}, name
        assert peak_mb(running) < MOST_MB
        running.send_signal(signal.SIGTERM)
        assert running.wait(PATIENCE_S) == 0
