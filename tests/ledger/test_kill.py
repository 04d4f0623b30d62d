"""A process that keeps the ledger is killed at random moments: nothing is lost, nothing twice."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from bms.config.site import Site
from bms.core.readings import Label
from bms.ledger.database.store import Ledger
from bms.ledger.entered.entering import Author, correct
from bms.storage import audit
from bms.storage.outbox import Outbox
from bms.storage.sqlite import transaction
from tests.ledger.support import METER, Books, at, check_months, check_stream, site_of

KILLS = 12
WAITING = "bms.storage.outbox.transaction"
CHILD = """
import sys
from pathlib import Path
from bms.core.instants import from_ms
from tests.ledger.support import Books, at, site_of
with Books(site_of(Path(sys.argv[1]), {"b.half": {"formula": "0.5 * m"}})) as books:
    print("begun", flush=True)
    day = 0
    while books.posting.step(at(60 * 24 * 400)) or day < 400:
        day += 1
print("done", flush=True)
"""


def test_kill_at_any_moment(tmp_path: Path) -> None:
    rng = random.Random(6)
    site = site_of(tmp_path, {"b.half": {"formula": "0.5 * m"}})
    total, marks = 0, [(0.0, 0)]
    for quarter in range(1, 96 * 120):
        total += rng.randrange(200)
        if rng.random() > 0.1:
            marks.append((15.0 * quarter, total))
    with Books(site) as books:
        books.read(marks)
    for _ in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "begun\n"
        time.sleep(rng.random() * 0.3)  # the moment of the kill, not a condition waited for
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        with Books(site) as books:
            check_stream(books, books.rows())
    with Books(site) as books:
        books.keep()
        tip = books.ledger.tip(books.ledger.known(METER) or 0)
        assert tip is not None
        booked = sum(slot.counts for _, slot in books.slots()) + tip.anchor.opened.counts
        assert booked == marks[-1][1]
        assert max(row.rev for row in books.rows()) == 0
        check_months(books)
        halves = {ms: slot.amount for ms, slot in books.slots("b.half")}
        assert halves == {ms: slot.amount / 2 for ms, slot in books.slots()}


@pytest.mark.case(
    "R9",
    when="The power goes between a change and its entry in the audit",
    then="The change is in force and the entry follows at the next start; neither is there alone.",
)
@pytest.mark.parametrize("stored", [False, True])
def test_an_entry_and_its_audit_are_there_both_or_neither(tmp_path: Path, stored: bool) -> None:
    site = site_of(tmp_path)
    Ledger(site.state_dir).close()
    process = get_context("fork").Process(target=_correct_and_die, args=(site, stored))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert list(audit.entries(site.state_dir)) == []
    with Ledger(site.state_dir) as ledger:
        ledger.deliver()
        ledger.deliver()
        assert len(ledger.entries(METER)) == stored
    found = [(entry["who"], entry["what"]) for entry in audit.entries(site.state_dir)]
    assert found == ([("wang", "meter.correct")] if stored else [])
    assert audit.verify(site.state_dir)[1] == []


@pytest.mark.case(
    "R9",
    when="A command is killed behind its entry in the audit, while the controller runs",
    then="The controller finds the change and its entry, and enters nothing twice",
)
def test_a_running_controller_enters_nothing_that_is_in_the_audit(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    with Ledger(site.state_dir) as ledger:
        ledger.deliver()
        for number in (1, 2):
            process = get_context("fork").Process(target=_correct_and_die_entered, args=(site,))
            process.start()
            process.join()
            assert process.exitcode == -signal.SIGKILL
            assert len(list(audit.entries(site.state_dir))) == number
            ledger.deliver()
            assert len(ledger.entries(METER)) == number
            assert len(list(audit.entries(site.state_dir))) == number
    assert audit.verify(site.state_dir)[1] == []


def test_of_two_that_find_an_entry_waiting_one_enters_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = site_of(tmp_path)
    Ledger(site.state_dir).close()
    with monkeypatch.context() as late:
        late.setattr(Ledger, "deliver", lambda _ledger: None)
        with Ledger(site.state_dir) as ledger:
            _correct(site, ledger)
    with Ledger(site.state_dir) as one, Ledger(site.state_dir) as other:

        def behind(connection: sqlite3.Connection, path: Path) -> AbstractContextManager[None]:
            monkeypatch.setattr(WAITING, transaction)
            other.deliver()
            return transaction(connection, path)

        monkeypatch.setattr(WAITING, behind)
        one.deliver()
        assert len(one.entries(METER)) == 1
    assert len(list(audit.entries(site.state_dir))) == 1


def _correct_and_die_entered(site: Site) -> None:
    record = audit.record

    def die(*given: Any, **details: Any) -> None:
        record(*given, **details)
        os.kill(os.getpid(), signal.SIGKILL)

    with Ledger(site.state_dir) as ledger:
        setattr(audit, "record", die)  # noqa: B010
        _correct(site, ledger)


def _correct(site: Site, ledger: Ledger) -> None:
    correct(
        site, ledger, site.metering[METER], start=at(0), end=at(60), amount="1",
        label=Label.CORRECTED, author=Author("wang", "why", at(600)),
    )  # fmt: skip


def _correct_and_die(site: Site, stored: bool) -> None:
    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with Ledger(site.state_dir) as ledger:
        if stored:
            setattr(Ledger, "deliver", die)  # noqa: B010
        else:
            setattr(Outbox, "note", die)  # noqa: B010
        _correct(site, ledger)
