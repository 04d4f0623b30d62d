"""The energy ledger of a long simulation, kept in a process beside.

Posting is arithmetic, which would hold up the simulation for as long as it takes, thread or not:
measured on the demo park, 76 ms of CPU a simulated day beside 620 of its own.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path

from bms.config.site import MeterSpec
from bms.core.errors import BmsError, StoreError
from bms.core.time_zones import use_newest
from bms.historian.log.embedded import History
from bms.ledger.database.store import Ledger
from bms.ledger.posting import Posting
from bms.texts.messages import msg, quoted

_ENDS_S = 5.0


class LedgerBeside:
    """Posts what is in the history of `directory` up to the times that it is told.

    The process begins with the first of them, and ends with this one, however that ends.
    """

    def __init__(self, specs: Mapping[str, MeterSpec], directory: Path) -> None:
        self._work = (dict(specs), directory)
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._posting = False

    def post(self, now: datetime) -> None:
        """Have it go on to `now`, once it is done with what it was told before. Raises StoreError
        for that."""
        self.finish()
        if self._connection is None:
            self._connection = self._started()
        self._posting = True
        with suppress(OSError):  # one that is gone is told of when it is waited for
            self._connection.send(now)

    def finish(self) -> None:
        """Wait until it has posted what it was told. Raises StoreError."""
        if not self._posting or self._connection is None:
            return
        self._posting = False
        try:
            wrong = self._connection.recv()
        except (EOFError, OSError):
            raise StoreError(msg("the process that keeps the energy ledger has stopped")) from None
        if wrong is not None:
            raise StoreError(quoted(wrong))

    def close(self) -> None:
        """End the process; a step that it breaks off is not there."""
        if self._process is None or self._connection is None:
            return
        self._connection.close()
        try:
            self._process.wait(_ENDS_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = self._connection = None

    def _started(self) -> Connection:
        ours, theirs = socket.socketpair()
        connection = Connection(ours.detach())
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the simulation
            )
        with suppress(OSError):
            connection.send(self._work)
        return connection


def _serve(connection: Connection) -> None:
    """Post up to each time that comes; answer None, or at last what was wrong."""
    specs, directory = connection.recv()
    try:
        with History(directory, read_only=True) as history, Ledger(directory) as ledger:
            posting = Posting(specs, history, ledger)
            while True:
                posting.catch_up(connection.recv())
                connection.send(None)
    except BmsError as error:
        connection.send(str(error))


if __name__ == "__main__":
    use_newest()
    with suppress(EOFError, OSError):  # whoever started it is done, or gone
        _serve(Connection(int(sys.argv[1])))
