"""Every request to a server: bounded in time, counted, and its errors made ours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from bms.texts.messages import msg
from bms.texts.system_errors import os_cause
from drivers.errors import BadAnswer, ConnectionLost, DeviceRefused, DriverError, NoAnswer
from drivers.health import Tally


class TooMuch(DeviceRefused):
    """The server takes fewer nodes, or bytes, in one request."""


@asynccontextmanager
async def bounded(timeout_s: float, tally: Tally | None) -> AsyncIterator[None]:
    """The one place where requests are counted, and errors of asyncua become ours."""
    begun = time.monotonic()
    if tally is not None:
        tally.requests += 1
    try:
        async with _translated(timeout_s):
            yield
    except DeviceRefused:
        raise
    except DriverError as error:
        if tally is not None:
            tally.failures += 1
            tally.timeouts += isinstance(error, NoAnswer)
        raise
    if tally is not None:
        tally.latencies.add(time.monotonic() - begun)


@asynccontextmanager
async def _translated(timeout_s: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError:
        raise NoAnswer(msg("no answer within {limit_s:g} s", limit_s=timeout_s)) from None
    except UaStatusCodeError as error:
        name = ua.StatusCode(error.code).name
        if error.code in _SESSION_IS_GONE:
            raise ConnectionLost(
                msg("the server ended the session: {status}", status=name)
            ) from None
        if error.code in _TOO_MUCH:
            raise TooMuch(name) from None
        raise DeviceRefused(name) from None
    except OSError as error:
        raise ConnectionLost(msg("no connection: {cause}", cause=os_cause(error))) from None
    except UnicodeError as error:  # a name with empty labels
        raise ConnectionLost(msg("no connection: {cause}", cause=error)) from None
    except DriverError:
        raise
    except Exception as error:  # asyncua raises plain errors for frames it cannot decode
        raise BadAnswer(
            msg("the server's answer cannot be used: {error}", error=repr(error))
        ) from None


_TOO_MUCH = frozenset(
    (
        StatusCodes.BadTooManyOperations,
        StatusCodes.BadEncodingLimitsExceeded,
        StatusCodes.BadRequestTooLarge,
        StatusCodes.BadResponseTooLarge,
    )
)
_SESSION_IS_GONE = frozenset(
    (
        StatusCodes.BadSessionIdInvalid,
        StatusCodes.BadSessionClosed,
        StatusCodes.BadSessionNotActivated,
        StatusCodes.BadSecureChannelIdInvalid,
        StatusCodes.BadSecureChannelClosed,
        StatusCodes.BadConnectionClosed,
        StatusCodes.BadServerHalted,
        StatusCodes.BadShutdown,
        StatusCodes.BadTcpSecureChannelUnknown,
    )
)
