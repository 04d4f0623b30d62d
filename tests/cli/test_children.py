"""A process that is asked to end does, also where the asking is lost on the way."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.patience import PATIENCE_S

DEAF = """
import time
from bms.cli.children import end_like_ctrl_c

class Deaf:
    def __del__(self):
        print("here", flush=True)
        time.sleep(600)  # what is raised in a destructor is printed and forgotten

end_like_ctrl_c(gone_within_s=1)
deaf = Deaf()
del deaf
while True:
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_lost_interrupt_still_ends_the_process(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DEAF],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Tests that were started by nohup hand on that it is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == -signal.SIGALRM
