"""The servers of `make peers` as processes of a test: started, told what to do, ended."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.patience import PATIENCE_S
from tests.servers.build import modbus_server, opcua_server


def required(path: Path, what: str, target: str = "peers") -> Path:
    """The path, or a skip that says why; a failure where the servers are required."""
    if path.is_file():
        return path
    text = f"{what} is not built here: make {target}"
    if os.environ.get(f"BMS_REQUIRE_{target.upper()}"):
        pytest.fail(text)
    pytest.skip(text)


class Libmodbus:
    """The C server on libmodbus. Each call is one line to it and one line back."""

    def __init__(self) -> None:
        path = required(modbus_server(), "the libmodbus server")
        self._process = subprocess.Popen(
            [str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def say(self, *words: object) -> list[str]:
        """The words of the answer after `ok`."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(" ".join(map(str, words)) + "\n")
        stdin.flush()
        answer = stdout.readline().split()
        assert answer[:1] == ["ok"], answer
        return answer[1:]

    def listen(self, port: int = 0) -> int:
        """Serve TCP; the port."""
        return int(self.say("listen", port)[0])

    def end(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait(PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()


class NodeOpcUa:
    """The node-opcua server; `settings` are those named at the top of its script."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        path = required(opcua_server(), "the node-opcua server")
        told = {"pki": str(folder), "port": 0, **settings}
        self._process = subprocess.Popen(
            ["node", str(path), json.dumps(told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.port = int(self._answer()["port"])

    def say(self, **command: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        assert "error" not in answer, answer
        return answer

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the node-opcua server ended"
        found = json.loads(line)
        assert isinstance(found, dict)
        return found

    def kill(self) -> None:
        """Gone at once, as a machine that loses its power."""
        self._process.kill()
        self.end()

    def end(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait(PATIENCE_S)
