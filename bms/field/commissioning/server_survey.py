"""Browsing an OPC-UA server without changing anything, and drafting device files for it."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds

from bms.field.commissioning.survey import comment
from bms.texts.clean import device_text
from bms.texts.messages import msg
from bms.texts.yaml.emit import scalar
from drivers.errors import ConnectionLost, DriverError
from drivers.opcua.session.calls import bounded
from drivers.opcua.session.secure import offered
from drivers.opcua.session.session import OpcUaSession, open_session
from drivers.opcua.variants import plain

_OBJECTS = ua.NodeId(ua.Int32(85))
_SERVER = ua.NodeId(ua.Int32(2253))
_LONGEST_NAME = 48


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of an OPC-UA server."""

    path: str
    namespace: str
    node: str
    """Its identifier in the namespace: `s=Name`."""
    type: str
    value: Any
    writable: bool
    title: str = ""
    """What the server calls it for people."""

    @property
    def pasted(self) -> str:
        """The node as `bms read` and `bms write` take it, in any session."""
        return f"nsu={self.namespace};{self.node}"


@dataclass(slots=True)
class Browsed:
    """What an OPC-UA server shows."""

    endpoints: list[str] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    complete: bool = True


async def scan_opcua(
    url: str, *, timeout_s: float, depth: int, most: int, rate_hz: float, now: datetime
) -> Browsed:
    """Endpoints, and the variables below Objects that are not the server's own.

    What cannot be looked at is left out, and the scan says that it is not complete. Raises
    DriverError if the server cannot be looked at without security.
    """
    browsed = Browsed()
    client = Client(url, timeout=timeout_s)
    async with bounded(timeout_s, None):
        endpoints = await client.connect_and_get_server_endpoints()
    browsed.endpoints = sorted({offered(endpoint) for endpoint in endpoints})
    session = await open_session(url, timeout_s, now=now, read_only=True)
    try:
        await _browse(session, browsed, depth=depth, most=most, rate_hz=rate_hz)
    finally:
        await session.close()
    return browsed


async def _browse(
    session: OpcUaSession, browsed: Browsed, *, depth: int, most: int, rate_hz: float
) -> None:
    queue: deque[tuple[ua.NodeId, str, int]] = deque([(_OBJECTS, "", 0)])
    seen: set[ua.NodeId] = {_SERVER}
    while queue:
        node, path, level = queue.popleft()
        await asyncio.sleep(1 / rate_hz)
        try:
            children = await session.children(node)
        except ConnectionLost:
            browsed.complete = False
            return
        except DriverError:
            browsed.complete = False
            continue
        for child in children:
            found = ua.NodeId(child.NodeId.Identifier, child.NodeId.NamespaceIndex)
            if found in seen:
                continue
            seen.add(found)
            if len(browsed.variables) >= most or len(seen) > 20 * most:
                browsed.complete = False
                return
            name = f"{path}/{device_text(str(child.BrowseName.Name or ''))}"
            if child.NodeClass is ua.NodeClass.Variable:
                if found.NamespaceIndex:
                    title = device_text(str(child.DisplayName.Text or ""))
                    browsed.variables.append(await _variable(session, found, name, title))
            elif child.NodeClass is ua.NodeClass.Object:
                if level < depth:
                    queue.append((found, name, level + 1))
                else:
                    browsed.complete = False


async def _variable(session: OpcUaSession, node: ua.NodeId, path: str, title: str) -> Variable:
    value, kind, access = None, "?", 0
    try:
        (sent,) = await session.values([node])
        value = plain(sent.value)
        (allowed,) = await session.attributes(node, AttributeIds.UserAccessLevel)
        access = allowed.value if isinstance(allowed.value, int) else 0
        kind = (await session.kind(node)).name
    except (DriverError, ValueError):
        pass  # its name is worth knowing all the same
    writable = bool(access >> ua.AccessLevel.CurrentWrite & 1)
    text = node.to_string()
    text = device_text(text.partition(";")[2] if text.startswith("ns=") else text)
    return Variable(path, session.namespace_of(node), text, kind, value, writable, title)


def draft_opcua(browsed: Browsed, told: Callable[[str], str] = str) -> str:
    """A device file per namespace, to be completed by hand; `told` says its comments."""
    lines = [
        comment(told, msg("A draft from `bms scan`: look at every line.")),
        comment(told, msg("Rename the points to the roles of the kind, and set the units.")),
    ]
    for namespace in dict.fromkeys(variable.namespace for variable in browsed.variables):
        document = msg("browsed from the server, namespace {uri}", uri=namespace)
        lines += [
            "---",
            "device: CHOOSE",
            "kind: CHOOSE",
            f"document: {scalar(told(document))}",
            "protocol: opcua",
            f"namespace: {scalar(namespace)}",
            "points:",
        ]
        own = [v for v in browsed.variables if v.namespace == namespace]
        for name, variable in zip(names(own), own, strict=True):
            write = ", writable: true" if variable.writable else ""
            index = ", index: 0" if isinstance(variable.value, list) else ""
            about = msg(
                "{path}: {data_type}, now {reading}",
                path=variable.path,
                data_type=variable.type,
                reading=f"{variable.value!s:.40}",
            )
            lines.append(f"  {comment(told, about)}")
            lines.append(f"  {name}: {{node: {scalar(_braced(variable.node))}{index}{write}}}")
    return "\n".join(lines) + "\n"


def _braced(node: str) -> str:
    """A node as device files write it: braces that are meant are doubled."""
    return node.replace("{", "{{").replace("}", "}}")


def names(variables: Iterable[Variable]) -> list[str]:
    """A name for each that a device file takes: as the server calls it, with as much of its path
    as it needs to be the only one."""
    found: list[str] = []
    taken: set[str] = set()
    for number, variable in enumerate(variables, start=1):
        parts = [word for part in variable.path.split("/") if (word := _identifier(part))]
        own = _identifier(variable.path.rpartition("/")[2]) or _identifier(variable.title)
        candidates = [own] if own else []
        candidates += ["_".join(parts[-n:]) for n in range(2, len(parts) + 1)]
        candidates += [f"{own}_{n}" if own else f"p{n}" for n in range(number, number + 2)]
        name = next((c for c in candidates if c and c not in taken), f"p{number}")
        while name in taken:
            name += "_"
        taken.add(name)
        found.append(name)
    return found


def _identifier(text: str) -> str:
    """`Supply Temp (degC)` as `supply_temp_degc`; empty if nothing of it is left."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    word = re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")
    return re.sub(r"^(?=\d)", "p", word)[:_LONGEST_NAME].strip("_")
