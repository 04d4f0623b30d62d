"""Writing points of an OPC-UA server: values, and calls of methods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import cast

from asyncua import ua

from bms.texts.messages import message_of, msg
from drivers.base import Write, WriteResult, WriteStatus
from drivers.errors import BadAnswer, DeviceRefused, DriverError
from drivers.opcua.session.calls import TooMuch
from drivers.opcua.session.session import OpcUaSession, UnknownNamespace
from drivers.opcua.values.meaning import Meaning
from drivers.points import OpcUaAddress, Point, Value

_Outcome = tuple[WriteStatus, str]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A value on its way to a node."""

    number: int
    """Which of the writes it is."""
    node: ua.NodeId
    variant: ua.Variant
    element: int | None


async def write_all(
    writes: Sequence[tuple[Write, Point, Meaning]],
    connected: Callable[[], Awaitable[OpcUaSession]],
    failed: Callable[[DriverError], Awaitable[bool]],
    answered: Callable[[], None],
    *,
    shadow: bool,
) -> list[WriteResult]:
    """One result per write, in order. Plain values go in batches under the server's limit."""
    outcomes: dict[int, _Outcome] = {}
    ready: list[_Ready] = []
    for number, (write, point, meaning) in enumerate(writes):
        refusal = _refusal(write, point)
        if refusal or shadow:
            status = WriteStatus.REFUSED if refusal else WriteStatus.SHADOW
            outcomes[number] = status, refusal
            continue
        value = point.release_value if write.value is None else write.value
        assert value is not None
        address = cast("OpcUaAddress", point.address)
        try:
            session = await connected()
            if address.method is None:
                node = session.node(address)
                sent = await _sent(session, node, meaning, value)
                ready.append(_Ready(number, node, sent, meaning.index))
                continue
            arguments = await _arguments(session, address, meaning, value)
        except (ValueError, UnknownNamespace, DeviceRefused, BadAnswer) as error:
            outcomes[number] = WriteStatus.REFUSED, message_of(error)
            continue
        except DriverError as error:
            await failed(error)
            outcomes[number] = WriteStatus.TIMEOUT, msg("not sent: {reason}", reason=error)
            continue
        outcomes[number] = await _call(session, address, arguments, failed, answered)
    outcomes |= await _send(ready, connected, failed, answered)
    return [
        WriteResult(write.point, write.value, *outcomes[number])
        for number, (write, _, _) in enumerate(writes)
    ]


def _refusal(write: Write, point: Point) -> str:
    if not point.writable:
        return msg("the point is not writable")
    if write.value is None and point.release_value is None:
        return msg("the point cannot be released: no {key}", key="release_value")
    return ""


async def _sent(
    session: OpcUaSession, node: ua.NodeId, meaning: Meaning, value: Value
) -> ua.Variant:
    """What to write. ValueError says why the value does not fit the node."""
    element = meaning.index is not None
    kind = await (session.kind(node) if element else session.scalar_kind(node))
    if meaning.bit is None:
        found = meaning.variant(value, kind)
    else:
        # The other bits stay as they are now: a server has no way to write one of them.
        (word,) = await session.values([node])
        found = meaning.with_bit(word.value, value, kind)
    return ua.Variant([found.Value], kind) if element else found


async def _arguments(
    session: OpcUaSession, address: OpcUaAddress, meaning: Meaning, value: Value
) -> list[ua.Variant]:
    """What to call the method with. ValueError says why the value does not fit it."""
    kinds = await session.argument_kinds(session.method(address))
    if len(kinds) > 1:
        raise ValueError(
            msg(
                "the method takes {arguments} arguments; a point has one value",
                arguments=len(kinds),
            )
        )
    if kinds:
        return [meaning.variant(value, kinds[0])]
    if value is not True and value != 1:
        raise ValueError(msg("the method takes no argument: only '{state}' calls it", state="on"))
    return []


async def _call(
    session: OpcUaSession,
    address: OpcUaAddress,
    arguments: Sequence[ua.Variant],
    failed: Callable[[DriverError], Awaitable[bool]],
    answered: Callable[[], None],
) -> _Outcome:
    try:
        status = await session.call(session.node(address), session.method(address), arguments)
    except DeviceRefused as error:
        return WriteStatus.REFUSED, message_of(error)
    except DriverError as error:
        await failed(error)
        return WriteStatus.TIMEOUT, message_of(error)
    answered()
    return _said(status)


async def _send(
    ready: Sequence[_Ready],
    connected: Callable[[], Awaitable[OpcUaSession]],
    failed: Callable[[DriverError], Awaitable[bool]],
    answered: Callable[[], None],
) -> dict[int, _Outcome]:
    outcomes: dict[int, _Outcome] = {}
    start = 0
    while start < len(ready):
        sent = False
        batch = ready[start:]
        try:
            session = await connected()
            batch = ready[start : start + session.portions.write.size]
            sent = True
            answer = await session.write(
                [b.node for b in batch], [b.variant for b in batch], [b.element for b in batch]
            )
        except TooMuch as error:
            if session.portions.write.halve():
                continue
            outcomes |= dict.fromkeys(
                (b.number for b in batch), (WriteStatus.REFUSED, message_of(error))
            )
        except DeviceRefused as error:
            outcomes |= dict.fromkeys(
                (b.number for b in batch), (WriteStatus.REFUSED, message_of(error))
            )
        except DriverError as error:
            await failed(error)
            text = message_of(error) if sent else msg("not sent: {reason}", reason=error)
            outcomes |= dict.fromkeys((b.number for b in batch), (WriteStatus.TIMEOUT, text))
        else:
            answered()
            for one, status in zip(batch, answer, strict=True):
                outcomes[one.number] = _said(status)
        start += len(batch)
    return outcomes


def _said(status: ua.StatusCode) -> _Outcome:
    return (WriteStatus.OK, "") if status.is_good() else (WriteStatus.REFUSED, status.name)
