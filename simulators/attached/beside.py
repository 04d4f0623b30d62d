"""A process beside, in lock step: what crashes or hangs there takes nobody with it."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

_ENDS_S = 5.0


class NoAnswer(Exception):
    """The process is gone, or has not answered in time."""

    def __init__(self, text: str, *, late: bool = False) -> None:
        super().__init__(text)
        self.late = late


class Beside:
    """`python -m MODULE FD`: it is told its work by one message, then answers one by one."""

    def __init__(self, module: str, work: object) -> None:
        ours, theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._send(work)

    def ask(self, question: object, within_s: float | None = None) -> Any:
        """The answer. Raises NoAnswer."""
        self._send(question)
        return self.answer(within_s)

    def answer(self, within_s: float | None = None) -> Any:
        """What the process says next, for ever waited for without `within_s`. Raises NoAnswer."""
        try:
            if not self._connection.poll(within_s):
                raise NoAnswer(f"no answer within {within_s:g} s", late=True)
            return self._connection.recv()
        except (EOFError, OSError):
            raise NoAnswer("stopped without a word") from None

    @property
    def code(self) -> int | None:
        """How it ended, as the system says; None while it lives."""
        return self._process.poll()

    def ended(self, within_s: float | None = None) -> None:
        """Wait until it has written its last words, a few seconds at most."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDS_S if within_s is None else within_s)

    def stop(self) -> None:
        """End it: it sees that nobody listens. One that hangs is killed after a few seconds."""
        self._connection.close()
        self.ended()
        if self.code is None:
            self._process.kill()
            self._process.wait()

    def _send(self, message: object) -> None:
        # A process that is gone has left its reason, which the answer tells.
        with suppress(OSError):
            self._connection.send(message)
