"""An OPC-UA server (asyncua) that shows a plant's values as nodes. Anonymous, no security."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from asyncua import ua
from asyncua.common.callback import CallbackType
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from simulators.sitefiles import ServedPoint

_TYPES: dict[str, ua.VariantType] = {
    "bool": ua.VariantType.Boolean,
    "int16": ua.VariantType.Int16,
    "uint16": ua.VariantType.UInt16,
    "int32": ua.VariantType.Int32,
    "uint32": ua.VariantType.UInt32,
    "int64": ua.VariantType.Int64,
    "uint64": ua.VariantType.UInt64,
    "float32": ua.VariantType.Float,
    "float64": ua.VariantType.Double,
}
_WHOLE = {kind for name, kind in _TYPES.items() if "int" in name}


@dataclass(frozen=True, slots=True)
class _Node:
    """Where a point is shown, and as what."""

    id: ua.NodeId
    kind: ua.VariantType
    scale: float
    offset: float


def _native(value: float, kind: ua.VariantType) -> Any:
    if kind is ua.VariantType.Boolean:
        return value != 0
    return round(value) if kind in _WHOLE else float(value)


class OpcUaServer:
    """One endpoint on 127.0.0.1."""

    def __init__(
        self, points: Iterable[ServedPoint], written: Callable[[Mapping[str, float]], None]
    ) -> None:
        self._points = list(points)
        self._written = written
        self._server: Server | None = None
        self._nodes: dict[str, _Node] = {}
        self._names: dict[ua.NodeId, str] = {}
        self._shown: dict[str, float] = {}
        self.port = 0

    async def start(self) -> None:
        """Listen: on a port the system chooses, and on the same one after a `stop`."""
        # asyncua warns at each start that it offers no encryption; this server is meant to be so.
        logging.getLogger("asyncua").setLevel(logging.ERROR)
        server = Server()
        await server.init()
        server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.set_server_name("simulated park")
        for point in self._points:
            await self._add(server, point)
        server.subscribe_server_callback(CallbackType.PostWrite, self._on_write)
        await server.start()
        assert server.bserver is not None
        self.port = server.bserver.port
        self._server = server
        self._shown.clear()

    async def _add(self, server: Server, point: ServedPoint) -> None:
        index = await server.register_namespace(point.at["namespace"])
        kind = _TYPES[point.at.get("type") or "float64"]
        identifier = ua.NodeId.from_string(f"ns={index};{point.at['node']}")
        node = await server.nodes.objects.add_variable(
            identifier, f"{index}:{point.name}", _native(0.0, kind), varianttype=kind
        )
        if point.writable:
            await node.set_writable()
        scale, offset = point.at.get("scale"), point.at.get("offset")
        self._nodes[point.name] = _Node(
            node.nodeid, kind, 1.0 if scale is None else float(scale), float(offset or 0.0)
        )
        self._names[node.nodeid] = point.name

    async def _on_write(self, event: Any, _dispatcher: object) -> None:
        if not event.is_external:
            return
        results = event.response_params
        for i, item in enumerate(event.request_params.NodesToWrite):
            name = self._names.get(item.NodeId)
            # What asyncua refused (not writable, wrong type) must not reach the plant.
            if name is None or item.AttributeId != AttributeIds.Value or not results[i].is_good():
                continue
            try:
                shown = self._nodes[name]
                value = float(item.Value.Value.Value) * shown.scale + shown.offset
                self._written({name: value})
            except (KeyError, TypeError, ValueError):
                # The node holds the refused value now: the next `show` puts the plant's back.
                self._shown.pop(name, None)
                results[i] = ua.StatusCode(ua.UInt32(StatusCodes.BadOutOfRange))
            else:
                self._shown[name] = value

    async def stop(self) -> None:
        """Close every session and stop listening."""
        if self._server is not None:
            server, self._server = self._server, None
            # asyncua's stop waits for its clock task to end its one-second sleep (measured:
            # 1.0 s of 1.0 s); a park with several servers has to stop within one.
            clock, server.iserver.time_task = server.iserver.time_task, None
            if clock is not None:
                clock.cancel()
                with suppress(asyncio.CancelledError):
                    await clock
            await server.stop()

    async def show(self, values: Mapping[str, float]) -> None:
        """Bring the nodes up to date with the plant."""
        server = self._server
        if server is None:
            return
        for name, shown in self._nodes.items():
            value = values.get(name)
            if value is None or value == self._shown.get(name):
                continue
            if math.isnan(value):
                if not math.isnan(self._shown.get(name, 0.0)):
                    self._shown[name] = value
                    unknown = ua.StatusCode(ua.UInt32(StatusCodes.BadNoCommunication))
                    await server.write_attribute_value(
                        shown.id,
                        ua.DataValue(
                            ua.Variant(_native(0.0, shown.kind), shown.kind), StatusCode=unknown
                        ),
                    )
                continue
            self._shown[name] = value
            raw = _native((value - shown.offset) / shown.scale, shown.kind)
            await server.write_attribute_value(shown.id, ua.DataValue(ua.Variant(raw, shown.kind)))

    def endpoint(self) -> dict[str, object]:
        return {"url": f"opc.tcp://127.0.0.1:{self.port}"}
