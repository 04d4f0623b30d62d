"""POSTs line protocol with influxdb-client's async client, and says what came of it.

The client only carries bytes that are on disk already. Its batching WriteApi is not used: it
keeps an outage in memory without bound, and drops it at the end of its retries or of the process.
"""

from __future__ import annotations

import asyncio
import gzip
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, Self

import aiohttp
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync

from bms.config.shapes.sinks import InfluxFile
from bms.forward.server.retry_after import retry_after_s
from bms.forward.server.tls import trust, why_no_answer
from bms.texts.addresses import Address
from bms.texts.messages import Message, msg

GZIP_LEVEL = 1
WANTS_TLS = ("HTTP request to an HTTPS server", "HTTP request was sent to HTTPS port")
"""What Go's server (InfluxDB) and nginx answer with their 400 to a request without TLS."""


class RejectedLines(Exception):
    """The server will never take these lines as they are (400, 422)."""


class TooLarge(Exception):
    """The server takes fewer lines at once (413)."""


class NotNow(Exception):
    """Anything else: the lines are kept and sent again. `retry_after_s` if the server said so."""

    def __init__(
        self, message: str, retry_after_s: float | None = None, *, status: int = 0
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.status = status
        """Of HTTP; 0 without an answer."""


class Transport(Protocol):
    """Takes gzipped newline-separated lines; returns only after the server acknowledged them."""

    async def post(self, packed: bytes, *, rollup: bool = False) -> None: ...


def pack(body: bytes) -> bytes:
    """Newline-separated lines as a request carries them."""
    return gzip.compress(body, GZIP_LEVEL)


class InfluxTransport:
    """The write endpoint of one database, of any dialect. An async context manager."""

    def __init__(
        self,
        settings: InfluxFile,
        token: str,
        *,
        timeout_s: float,
        now: Callable[[], datetime],
        ca: Path | None = None,
    ) -> None:
        """Raises InvalidInput if `ca` is no certificate."""
        self._places = {rollup: settings.place(rollup=rollup) for rollup in (False, True)}
        self._timeout_s = timeout_s
        self._now = now
        self._settings = settings
        self._ca = ca
        client: Any = InfluxDBClientAsync(
            settings.url,
            token,
            settings.org or "-",
            timeout=round(timeout_s * 1000),
            allow_redirects=False,
            ssl_context=None if ca is None else trust(ca),
        )
        # The client's own gzip uses level 9: 22 ms of the loop for 5,000 lines instead of 2.
        self._headers = {
            "Content-Encoding": "gzip",
            "Content-Type": "text/plain; charset=utf-8",
        }
        # The client would show every server the token as 2.x wants it.
        client.api_client.default_headers.pop("Authorization", None)
        client.api_client.default_headers.update(authorization(settings, token))
        self._client = client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def post(self, packed: bytes, *, rollup: bool = False) -> None:
        """Send packed lines with millisecond times. Raises RejectedLines, TooLarge or NotNow."""
        place = self._places[rollup]
        try:
            async with asyncio.timeout(self._timeout_s):
                _, status, _ = await self._client.api_client.call_api(
                    place.path,
                    "POST",
                    query_params=list(place.parameters),
                    header_params=dict(self._headers),
                    body=packed,
                    _return_http_data_only=False,
                    _preload_content=True,
                )
        except InfluxDBError as error:
            raise self._meaning(error) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NotNow(why_no_answer(error, self._ca)) from error
        if status != 204:  # some 2xx that is no acknowledgement of a write, perhaps a proxy's page
            raise NotNow(
                msg(
                    "the answer was {status}, not 204 No Content: is this an InfluxDB?",
                    status=status,
                ),
                status=status,
            )

    def _meaning(self, error: InfluxDBError) -> Exception:
        status = getattr(error, "status", None)
        message = error.message
        text = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
        plain = any(said in text for said in WANTS_TLS)
        page = text.lstrip().startswith("<")
        text = f"{status}: {' '.join(text.split())[:500]}"
        if status == 413:
            return TooLarge(text)
        if status in (400, 422) and not plain and not page:
            return RejectedLines(text)
        # A proxy's refusal is not about the lines: nobody has looked at them.
        remedy = self._remedy(status or 0, error, plain=plain, page=page)
        text = msg("{answer}: {remedy}", answer=text, remedy=remedy) if remedy else text
        return NotNow(text, retry_after_s(error.retry_after, self._now()), status=status or 0)

    def _remedy(self, status: int, error: InfluxDBError, *, plain: bool, page: bool) -> str:
        if plain:
            return msg("write https:// in {key}", key="url")
        if status in (401, 403):
            return msg(
                "check the token in {token_variable} and what it may write ({command} says so)",
                token_variable=self._settings.token_variable,
                command="bms influx init",
            )
        if 300 <= status < 400:
            return points_elsewhere(error.headers.get("Location"))
        if page:
            return msg(
                "this is a web page, not the answer of a database: is {key} right?", key="url"
            )
        if status == 404:
            return msg("{command} makes what is missing", command="bms influx init")
        return ""


def points_elsewhere(location: str | None) -> Message:
    """What to do about a redirection."""
    return msg(
        "write in {key} the address that it points to ({location})",
        key="url",
        location=location and Address(location),
    )


def authorization(settings: InfluxFile, token: str) -> dict[str, str]:
    """The header that shows our token; empty without one."""
    if not token and settings.login:
        return {"Authorization": f"Basic {b64encode(settings.login.encode()).decode()}"}
    if not token:
        return {}
    if settings.dialect == "v1" and settings.write == "plain":
        return {"Authorization": f"Basic {b64encode(token.encode()).decode()}"}
    return {"Authorization": f"Token {token}"}
