"""The other end: one message is posted, and what the platform answers is bounded in time and
size."""

from __future__ import annotations

import asyncio
import ssl
import stat
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiohttp

from bms.config.shapes.upload_keys import PlatformFile
from bms.core.errors import InvalidInput
from bms.forward.server.retry_after import retry_after_s
from bms.forward.server.tls import trust, why_no_answer
from bms.texts.addresses import Address
from bms.texts.messages import msg
from bms.texts.system_errors import os_cause

MOST_ANSWER_BYTES: Final = 65_536
_SECRET_BYTES: Final = 8192
_NOT_THE_MESSAGE: Final = frozenset({401, 403, 404, 405, 407, 408, 421, 425, 429})
"""Statuses of 4xx that say nothing of the message: any other would fare the same."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes | None
    """None if it was longer than `MOST_ANSWER_BYTES`."""
    retry_after_s: float | None
    location: str | None


class NoAnswer(Exception):
    """There was none; says why."""


def secret_of(settings: PlatformFile, directory: Path, environment: Mapping[str, str]) -> str:
    """The secret that the platform knows us by; empty if the file names none.

    Raises InvalidInput if it is named and not there, or others may read it.
    """
    if settings.token_env is not None:
        found = environment.get(settings.token_env, "")
        if not found:
            raise InvalidInput(
                msg("the environment variable {variable} is empty", variable=settings.token_env)
            )
    elif settings.token_file is not None:
        found = _from_file(directory / settings.token_file)
    else:
        found = settings.url.login if isinstance(settings.url, Address) else ""
    if not found.isprintable():
        raise InvalidInput(msg("the secret of {url} is more than one line", url=settings.url))
    return found


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise InvalidInput(
                    msg("{path}: others may read it; run {command}",
                        path=path, command=f"chmod 600 {path.name}")
                )  # fmt: skip
            text = file.read(_SECRET_BYTES).decode("utf-8-sig").strip()
    except OSError as error:
        raise InvalidInput(
            msg("{path}: cannot be read: {error}", path=path, error=os_cause(error))
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(msg("{path}: this is no text", path=path)) from error
    if not text:
        raise InvalidInput(msg("{path}: it is empty", path=path))
    return text


def headers_of(settings: PlatformFile, secret: str) -> dict[str, str]:
    """How the secret is shown."""
    if not secret:
        return {}
    if settings.auth == "header":
        return {settings.auth_header: secret}
    if settings.auth == "basic" or (settings.token_env or settings.token_file) is None:
        return {"Authorization": f"Basic {b64encode(secret.encode()).decode()}"}
    return {"Authorization": f"Bearer {secret}"}


class PlatformServer:
    """One platform. An async context manager."""

    def __init__(
        self, settings: PlatformFile, directory: Path, secret: str, now: Callable[[], datetime]
    ) -> None:
        """Raises InvalidInput if `ca` is no certificate."""
        self._settings = settings
        self._now = now
        self._ca = None if settings.ca is None else directory / settings.ca
        self._tls: ssl.SSLContext | bool = True if self._ca is None else trust(self._ca)
        self._headers = {
            **headers_of(settings, secret),
            "Content-Type": "application/json; charset=utf-8",
            # What is packed can be far larger than what came.
            "Accept-Encoding": "identity",
        }
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers, auto_decompress=False)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, path: str, body: bytes) -> Answer:
        """Send a message. Raises NoAnswer."""
        assert self._session is not None
        try:
            async with (
                asyncio.timeout(self._settings.timeout_s),
                self._session.post(
                    self._settings.url + path, data=body, ssl=self._tls, allow_redirects=False
                ) as answer,
            ):
                return Answer(
                    answer.status,
                    await _bounded(answer.content),
                    retry_after_s(answer.headers.get("Retry-After"), self._now()),
                    answer.headers.get("Location"),
                )
        except TimeoutError as error:
            text = msg("no answer within {time_s:g} s", time_s=self._settings.timeout_s)
            raise NoAnswer(text) from error
        # What is no HTTP, and an address that is none, come as ValueErrors too.
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoAnswer(why_no_answer(error, self._ca)) from error


async def _bounded(content: aiohttp.StreamReader) -> bytes | None:
    found = bytearray()
    while part := await content.read(MOST_ANSWER_BYTES):
        found += part
        if len(found) > MOST_ANSWER_BYTES:
            return None
    return bytes(found)


def about_the_message(status: int) -> bool:
    """Whether a status says that the message is wrong, so that the next may fare better."""
    return 200 <= status < 300 or (400 <= status < 500 and status not in _NOT_THE_MESSAGE)
