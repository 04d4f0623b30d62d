"""Processes that end with the one that started them, however that ends."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from bms.core.errors import BmsError, Refused
from bms.texts.messages import msg

LOCK_TRIALS: Final = 100
LOCK_PAUSE_S: Final = 0.1
"""Those of before have ended within ten seconds, if they are about to."""
GONE_WITHIN_S: Final = 10
"""Children have three seconds to end."""
_PR_SET_PDEATHSIG: Final = 1


@contextmanager
def alone(directory: Path) -> Iterator[int]:
    """A lock on a directory, for this process and all its children; the handle to hand on.

    Waits for those of before that are about to end. Raises Refused if they go on.
    """
    directory.mkdir(parents=True, exist_ok=True)
    handle = os.open(directory / ".running", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        for _ in range(LOCK_TRIALS):
            if _locked(handle):
                break
            time.sleep(LOCK_PAUSE_S)
        else:
            raise Refused(msg("the demo in {directory} runs already", directory=directory))
        yield handle
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def end_like_ctrl_c(gone_within_s: int = GONE_WITHIN_S) -> None:
    """SIGTERM, and the end of the terminal unless that is to be outlived (nohup), end this process
    as Ctrl-C does; by the kernel if it is still there `gone_within_s` later."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        # An exception that comes from nowhere may be lost: in a destructor, or between two steps of
        # an event loop, which then waits for ever for the one that it did not take.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(gone_within_s)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, interrupt)


@contextmanager
def started(command: list[str], log: Path, stop_within_s: float, lock: int) -> Iterator[None]:
    """A child process, in a separate session so that Ctrl-C reaches only us.

    It is asked to end when this block does, or when this process is gone without a word.
    """
    parent, libc = os.getpid(), ctypes.CDLL(None)

    def bound() -> None:
        # The kernel sends this to the child when we are gone, also by kill -9 (prctl(2)).
        if hasattr(libc, "prctl"):
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # we went before that
            os._exit(1)

    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(lock,),
            preexec_fn=bound,
        )
    try:
        yield
        if child.poll() not in (None, 0):
            raise BmsError(
                msg(
                    "'{command}' ended by itself; see {file}",
                    command=" ".join(command[1:4]),
                    file=log,
                )
            )
    finally:
        child.terminate()
        try:
            child.wait(stop_within_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
