"""The demo park and its controller as separate processes, for tests that watch from outside."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bms.core.errors import Unreachable
from simulators.parks import demo
from tests.asking import ask
from tests.patience import PATIENCE_S, until

SITE = Path(demo.__file__).parent / "site"
PLANT = "simulators.parks.demo.park:Park"


def bms(*args: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command line as its user would."""
    done = subprocess.run(
        [sys.executable, "-m", "bms", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    if check:
        assert done.returncode == 0, (
            f"bms {args}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done


class Park:
    """A running simulated park, and a controller that can be started, stopped and killed."""

    def __init__(self, directory: Path) -> None:
        self.site = directory / "site"
        self.endpoints_file = directory / "endpoints.json"
        self.log = directory / "controller.log"
        self.state = directory / "state"
        shutil.copytree(SITE, self.site, ignore=shutil.ignore_patterns("state"))
        self._servers: subprocess.Popen[str] | None = None
        self.controller: subprocess.Popen[bytes] | None = None
        self.started_in_s = 0.0
        """What its last start took on this machine."""

    def start_servers(self) -> None:
        self._servers = subprocess.Popen(
            [
                sys.executable, "-m", "simulators", "serve", str(self.site),
                "--plant", PLANT, "--endpoints", str(self.endpoints_file),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        until(self.endpoints_file.exists, "endpoints of the simulated park")
        assert self._servers.stdout is not None
        assert json.loads(self._servers.stdout.readline())["ready"]

    @property
    def endpoints(self) -> dict[str, dict[str, Any]]:
        loaded: dict[str, dict[str, Any]] = json.loads(self.endpoints_file.read_text())
        return loaded

    def tell_servers(self, line: str) -> None:
        """`stop LINK` or `start LINK`; returns once it is done."""
        assert self._servers is not None
        assert self._servers.stdin is not None
        assert self._servers.stdout is not None
        self._servers.stdin.write(line + "\n")
        self._servers.stdin.flush()
        answer = json.loads(self._servers.stdout.readline())
        assert "error" not in answer, answer

    def start_controller(self) -> None:
        begun = time.monotonic()
        with self.log.open("ab") as log:
            self.controller = subprocess.Popen(
                [
                    sys.executable, "-m", "bms", "run", str(self.site),
                    "--endpoints", str(self.endpoints_file),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        until(self._settled, "controller running with good points")
        self.started_in_s = time.monotonic() - begun

    def _settled(self) -> bool:
        assert self.controller is not None
        assert self.controller.poll() is None, self.log.read_text()
        with suppress(Unreachable):
            status = self.status()
            return bool(status["cycle"]["count"] > 2 and all(x["online"] for x in status["links"]))
        return False

    def kill_controller(self) -> None:
        assert self.controller is not None
        self.controller.kill()
        self.controller.wait()

    def stop_controller(self) -> None:
        """SIGTERM. The exit code must be 0."""
        assert self.controller is not None
        self.controller.terminate()
        assert self.controller.wait(PATIENCE_S) == 0, self.log.read_text()

    def status(self) -> Any:
        return ask(self.site / "state", "status")

    def points(self, pattern: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = ask(self.site / "state", "points", filter=pattern)
        return rows

    def why(self, point: str) -> Any:
        return ask(self.site / "state", "why", point=point)

    def close(self) -> None:
        for process in (self.controller, self._servers):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(PATIENCE_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        if self._servers is not None:
            for stream in (self._servers.stdin, self._servers.stdout):
                if stream is not None:
                    stream.close()


@contextmanager
def running_park(directory: Path) -> Iterator[Park]:
    """The park with its controller, all started; everything is stopped at the end."""
    park = Park(directory)
    try:
        park.start_servers()
        park.start_controller()
        yield park
    finally:
        park.close()
