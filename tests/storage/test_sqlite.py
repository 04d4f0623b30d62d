"""Databases are made whole, also when several want one at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest

from bms.core.errors import DiskError
from bms.storage.sqlite import Layout, open_database, store_errors, transaction
from bms.texts.messages import Message, message_of, msg

LAYOUT = Layout(msg("test"), 0x7E57, 1, "CREATE TABLE row (n INTEGER NOT NULL)")
AT_ONCE = 8


def test_many_that_make_one_at_once_all_write_into_the_same(tmp_path: Path) -> None:
    for turn in range(10):
        path, together = tmp_path / f"{turn}.db", Barrier(AT_ONCE)

        def write(n: int, path: Path = path, together: Barrier = together) -> None:
            together.wait()
            connection = open_database(path, LAYOUT)
            try:
                with transaction(connection, path):
                    connection.execute("INSERT INTO row VALUES (?)", (n,))
            finally:
                connection.close()

        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(write, range(AT_ONCE)))
        connection = open_database(path, LAYOUT, read_only=True)
        found = {n for (n,) in connection.execute("SELECT n FROM row")}
        connection.close()
        assert found == set(range(AT_ONCE))


def test_what_sqlite_says_of_the_disk_is_a_message(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    open_database(path, LAYOUT).close()
    with (
        closing(open_database(path, LAYOUT, read_only=True)) as reader,
        pytest.raises(DiskError) as caught,
        store_errors(path),
    ):
        reader.execute("INSERT INTO row VALUES (1)")
    cause = message_of(caught.value).arguments["error"]
    assert isinstance(cause, Message)
    assert cause == "attempt to write a readonly database"
