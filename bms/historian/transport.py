"""POSTs line protocol with influxdb-client's async client, and says what came of it.

The client only carries bytes that are on disk already. Its batching WriteApi is not used: it
keeps an outage in memory without bound, and drops it at the end of its retries or of the process.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.domain.write_precision import WritePrecision

from bms.config.models import InfluxFile

RETRY_AFTER_LIMIT_S = 300.0
GZIP_LEVEL = 1


class RejectedLines(Exception):
    """The server will never take these lines as they are (400, 422)."""


class TooLarge(Exception):
    """The server takes fewer lines at once (413)."""


class NotNow(Exception):
    """Anything else: the lines are kept and sent again. `retry_after_s` if the server said so."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Transport(Protocol):
    """Takes newline-separated lines; returns only after the server acknowledged them."""

    async def post(self, body: bytes) -> None: ...


class InfluxTransport:
    """One InfluxDB 2.x write endpoint. An async context manager."""

    def __init__(
        self, settings: InfluxFile, token: str, *, timeout_s: float, now: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._now = now
        client: Any = InfluxDBClientAsync(
            settings.url,
            token,
            settings.org,
            timeout=round(timeout_s * 1000),
            allow_redirects=False,
        )
        # The client's own gzip uses level 9: 22 ms of the loop for 5,000 lines instead of 2.
        client.api_client.set_default_header("Content-Encoding", "gzip")
        self._client = client
        self._api = client.write_api()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()

    async def post(self, body: bytes) -> None:
        """Send lines with millisecond times. Raises RejectedLines, TooLarge or NotNow."""
        try:
            async with asyncio.timeout(self._timeout_s):
                done = await self._api.write(
                    self._settings.bucket,
                    self._settings.org,
                    gzip.compress(body, GZIP_LEVEL),
                    write_precision=WritePrecision.MS,
                )
        except InfluxDBError as error:
            raise self._meaning(error) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NotNow(f"{type(error).__name__}: {error}".rstrip(": ")) from error
        if not done:  # some 2xx that is no acknowledgement of a write, perhaps a proxy's page
            raise NotNow("the answer was not 204 No Content: is this an InfluxDB?")

    def _meaning(self, error: InfluxDBError) -> Exception:
        status = getattr(error, "status", None)
        message = error.message
        text = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
        text = f"{status}: {' '.join(text.split())[:500]}"
        if status in (400, 422):
            return RejectedLines(text)
        if status == 413:
            return TooLarge(text)
        return NotNow(text, retry_after_s(error.retry_after, self._now()))


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """A Retry-After header, in seconds or as an HTTP date, capped; None if absent or unreadable."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - now).total_seconds()
    if seconds != seconds:
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_LIMIT_S)
