"""Closing a client of asyncua for good, and keeping it quiet."""

from __future__ import annotations

import asyncio
import logging

from asyncua.client.client import Client

_CLOSE_LIMIT_S = 1.0

_log = logging.getLogger(__name__)


async def discard(client: Client) -> None:
    """Close a client for good. In a separate task: asyncua swallows a cancellation meanwhile."""
    if not client.uaclient.has_session:
        client.disconnect_socket()
        return
    closing = asyncio.ensure_future(client.disconnect())
    try:
        await asyncio.wait((closing,), timeout=_CLOSE_LIMIT_S)
    finally:
        if not closing.done():
            closing.cancel()
        closing.add_done_callback(_seen)
        client.disconnect_socket()


def _seen(closing: asyncio.Future[None]) -> None:
    error = None if closing.cancelled() else closing.exception()
    if error is not None:
        _log.debug("the session could not be closed nicely: %r", error)


def quiet() -> None:
    """asyncua logs each expected outage with a traceback; our own state says it once."""
    for name in ("asyncua.client", "asyncua.common"):
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.CRITICAL + 1)
