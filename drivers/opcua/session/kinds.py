"""Of which type a node is: what has to be written to it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from asyncua import ua
from asyncua.client.client import Client
from asyncua.common.ua_utils import data_type_to_variant_type
from asyncua.ua.attribute_ids import AttributeIds

from bms.texts.messages import msg
from drivers.errors import BadAnswer, DeviceRefused
from drivers.opcua.values.walking import NoValue, SentValue
from drivers.opcua.variants import status_name

_ENUMERATION = 29
_ABSTRACT = (24, 26, 27, 28)
"""BaseDataType, Number, Integer and UInteger: the value itself says which (OPC 10000-5, 12.2)."""
_LAST_BUILT_IN = 25
Bounded = Callable[[], AbstractAsyncContextManager[None]]


class Reads(Protocol):
    """A session, as far as it reads."""

    async def values(self, nodes: list[ua.NodeId]) -> list[SentValue]: ...

    async def attributes(self, node: ua.NodeId, *which: AttributeIds) -> list[SentValue]: ...


async def node_kind(
    session: Reads, client: Client, node: ua.NodeId, bounded: Bounded
) -> tuple[ua.VariantType, bool]:
    """The type of a node, and whether it holds an array of it.

    A built-in data type is believed. Where the node's is abstract, derived, or described nowhere,
    the value that the node holds has the right type already. Raises DeviceRefused with the
    server's word for a node that it does not have, and ValueError if nothing says the type.
    """
    declared, rank = await session.attributes(node, AttributeIds.DataType, AttributeIds.ValueRank)
    (held,) = await session.values([node])
    known = isinstance(rank.value, int) and rank.value >= ua.ValueRank.Scalar
    is_array = rank.value != ua.ValueRank.Scalar if known else isinstance(held.value, list)
    data_type = declared.value.node if isinstance(declared.value, NoValue) else None
    kind = _built_in(data_type)
    if kind is None and 0 < held.kind <= _LAST_BUILT_IN:
        kind = ua.VariantType(held.kind)
    if kind is None and declared.status >> 30 > 1:
        raise DeviceRefused(status_name(declared.status))
    if kind is None and data_type is not None:
        kind = await _derived(client, data_type, bounded)
    if kind is None:
        raise ValueError(msg("the type of the node cannot be known: it holds no value"))
    return kind, is_array


def _built_in(data_type: ua.NodeId | None) -> ua.VariantType | None:
    if data_type is None or data_type.NamespaceIndex or not isinstance(data_type.Identifier, int):
        return None
    number = data_type.Identifier
    if number == _ENUMERATION:
        return ua.VariantType.Int32
    if number in _ABSTRACT or not 0 < number <= _LAST_BUILT_IN:
        return None
    return ua.VariantType(number)


async def _derived(client: Client, data_type: ua.NodeId, bounded: Bounded) -> ua.VariantType | None:
    """What a data type is derived from, as far as the server tells."""
    try:
        async with bounded():
            found: ua.VariantType = await data_type_to_variant_type(client.get_node(data_type))
    except (BadAnswer, DeviceRefused):
        return None
    return None if found.value in _ABSTRACT else found


async def argument_kinds(
    client: Client, method: ua.NodeId, bounded: Bounded
) -> list[ua.VariantType]:
    """The types of a method's input arguments; Double for a number of no certain type."""
    types: list[ua.NodeId] = []
    async with bounded():
        for child in await client.get_node(method).get_properties():
            if (await child.read_browse_name()).Name == "InputArguments":
                types += [argument.DataType for argument in await child.read_value()]
    return [
        _built_in(data_type) or await _derived(client, data_type, bounded) or ua.VariantType.Double
        for data_type in types
    ]
