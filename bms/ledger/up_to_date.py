"""The ledger for those who read it: brought up to date first if that is possible."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from bms.config.site import Site
from bms.core.errors import DiskError, StoreError
from bms.historian.log.log_queries import FILE_NAME as HISTORY
from bms.historian.log.log_queries import LAYOUT as HISTORY_LAYOUT
from bms.historian.log.log_queries import Queries
from bms.ledger.database.store import FILE_NAME, Ledger
from bms.ledger.posting import Posting
from bms.storage.sqlite import needs_update, version_of
from bms.texts.messages import msg


@contextmanager
def open_ledger(site: Site, directory: Path, now: datetime) -> Iterator[Ledger]:
    """The ledger in a state directory, up to `now`.

    A ledger that is not there yet is made from the history. Where nothing can be written, and
    beside a history of an earlier layout, it is read as it stands. Raises StoreError if
    there is neither a ledger nor a history.
    """
    if not (directory / HISTORY).exists() and not (directory / FILE_NAME).exists():
        raise StoreError(
            msg(
                "{path}: there is no energy ledger and no history yet; start the controller first",
                path=directory,
            )
        )
    with ExitStack() as stack:
        history = None
        if (directory / HISTORY).exists():
            history = stack.enter_context(Queries(directory, read_only=True))
        if _left_as_it_is(directory):
            yield stack.enter_context(Ledger(directory, read_only=True))
            return
        try:
            ledger = stack.enter_context(Ledger(directory))
        except StoreError:
            if not (directory / FILE_NAME).exists():
                raise
            ledger = stack.enter_context(Ledger(directory, read_only=True))
        else:
            # A file that its reader may not write opens all the same.
            with suppress(DiskError):
                Posting(site.metering, history, ledger).catch_up(now)
        yield ledger


def check_layout(directory: Path) -> None:
    """Raises StoreError where a controller has to bring the ledger up to date before anybody
    enters something into it."""
    if _left_as_it_is(directory):
        raise StoreError(needs_update(directory / FILE_NAME, version_of(directory / FILE_NAME)))


def _left_as_it_is(directory: Path) -> bool:
    """Whether a ledger is there that only a controller may bring up to date.

    A history of an older layout says that an older controller runs here, or may be put back: it
    could not open a ledger of today.
    """
    history, ledger = directory / HISTORY, directory / FILE_NAME
    return ledger.exists() and history.exists() and version_of(history) < HISTORY_LAYOUT.version
