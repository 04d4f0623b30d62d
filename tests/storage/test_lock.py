"""The lock of a state directory: one holder, whatever becomes of its file."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from bms.core.errors import DiskError, Refused, StoreError, UnusableFile
from bms.storage.lock import FILE_NAME, SiteLock


def test_a_second_holder_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    first, second = SiteLock(tmp_path), SiteLock(tmp_path)
    first.take()
    first.take()
    assert first.is_held
    with pytest.raises(Refused, match=f"process {os.getpid()} holds"):
        second.take()
    assert not second.is_held
    first.release()
    second.take()
    assert second.is_held
    second.release()


def test_a_removed_file_is_made_and_held_again(tmp_path: Path) -> None:
    lock = SiteLock(tmp_path)
    lock.take()
    (tmp_path / FILE_NAME).unlink()
    assert not lock.is_held
    lock.take()
    assert lock.is_held
    with pytest.raises(Refused):
        SiteLock(tmp_path).take()
    lock.release()


def test_what_another_took_meanwhile_stays_its_own(tmp_path: Path) -> None:
    first, second = SiteLock(tmp_path), SiteLock(tmp_path)
    first.take()
    (tmp_path / FILE_NAME).unlink()
    second.take()
    with pytest.raises(Refused):
        first.take()
    first.release()
    second.release()


def test_a_file_system_without_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_handle: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(StoreError, match="local disk"):
        SiteLock(tmp_path).take()


def test_what_is_no_file_and_where_none_can_be(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(UnusableFile, match="no file"):
        SiteLock(tmp_path).take()
    with pytest.raises(DiskError):
        SiteLock(tmp_path / "nowhere").take()
