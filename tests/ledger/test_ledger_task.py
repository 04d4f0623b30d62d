"""The ledger of a running site: kept by itself, its troubles raised as alarms and cleared again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bms.config.site import Site
from bms.core.decisions import Condition
from bms.ledger import ledger_task
from bms.ledger.database.store import FILE_NAME
from bms.ledger.ledger_task import LedgerTask
from bms.ledger.posting import Posting
from bms.storage.aside import lying_aside
from tests.ledger.support import METER, Books, at, site_of
from tests.patience import async_until, patience


@asynccontextmanager
async def running(site: Site) -> AsyncIterator[tuple[LedgerTask, dict[str, Condition]]]:
    """The ledger task at work, and the alarms that it has raised."""
    alarms: dict[str, Condition] = {}
    ledger = LedgerTask(
        site, lambda: at(62), lambda c: alarms.update({c.key: c}), alarms.__delitem__
    )
    task = asyncio.create_task(ledger.run())
    try:
        yield ledger, alarms
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        ledger.close()


async def test_it_keeps_the_ledger_and_raises_what_a_person_should_see(tmp_path: Path) -> None:
    site = site_of(tmp_path, {"b.m": {"rated_kw": 100}})
    with Books(site) as books:
        books.read([(0, 0), (15, 100), (30, 200), (45, 9_000_000), (60, 9_000_100)])
    async with running(site) as (ledger, alarms):
        await async_until(lambda: bool(alarms))
        assert list(alarms) == ["b.m:register"]
        day = (await ledger.days([METER], at(62)))[METER]
        assert day is not None
        assert day.used is None  # a quarter hour of the day is missing
        assert day.register == 90_001
    with Books(site) as books:
        assert len(books.rows()) == 3


async def test_a_damaged_ledger_is_put_aside_as_it_is_and_made_again(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    with Books(site) as books:
        books.read([(0, 0), (15, 100)])
    garbage = b"not a database at all, but long enough to be looked at" * 40
    (site.state_dir / FILE_NAME).write_bytes(garbage)
    for extra in ("-wal", "-shm"):
        (site.state_dir / f"{FILE_NAME}{extra}").unlink(missing_ok=True)
    async with running(site) as (ledger, alarms):
        await async_until(lambda: lying_aside(site.state_dir))
        async with patience():
            while (await ledger.days([METER], at(62)))[METER] is None:
                await asyncio.sleep(0.01)
        assert not alarms
    (aside,) = lying_aside(site.state_dir)
    assert (aside.name, aside.why) == (FILE_NAME, "damaged")
    assert (aside.folder / FILE_NAME).read_bytes() == garbage
    with Books(site) as books:
        assert sum(row.amount for row in books.rows()) == 1


async def test_whatever_goes_wrong_is_an_alarm_and_stops_no_controller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = site_of(tmp_path)
    with Books(site) as books:
        books.read([(0, 0), (15, 100)])

    def broken(*_: object) -> bool:
        raise ValueError("two register values at 0 ms")

    monkeypatch.setattr(Posting, "step", broken)
    monkeypatch.setattr(ledger_task, "RETRY_S", 0.01)
    async with running(site) as (_, alarms):
        await async_until(lambda: "store:ledger" in alarms)
        assert "two register values" in alarms["store:ledger"].text
        monkeypatch.undo()
        await async_until(lambda: not alarms)
    with Books(site) as books:
        assert len(books.rows()) == 1
