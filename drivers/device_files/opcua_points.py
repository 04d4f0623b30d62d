"""One point of an OPC-UA device, as device files write it: what may be wrong, and its address."""

from __future__ import annotations

import re
from base64 import b64decode

from bms.texts.messages import msg
from drivers.device_files.templates import (
    MODBUS_KEYS,
    PointTemplate,
    Problem,
    braces_problem,
    release_problem,
)
from drivers.points import OpcUaAddress

_SHARED = ("scale", "offset", "bit", "labels", "on", "off", "range", "not_available")
"""Keys of Modbus points that mean the same of an OPC-UA point."""
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def opcua_problem(template: PointTemplate) -> Problem | None:
    for key in MODBUS_KEYS:
        if key not in _SHARED and getattr(template, key) is not None:
            return key, msg("'{key}' belongs to Modbus points; an OPC-UA point has 'node'", key=key)
    if template.name is not None:
        return "name", msg("an OPC-UA point has 'node', not 'name'")
    if template.node is None:
        return "", msg(
            "'{key}' is missing, for example {example}",
            key="node",
            example="s={base}.{equipment}.power",
        )
    for key in ("node", "method"):
        text = getattr(template, key)
        if text is not None and text.startswith("ns="):
            return key, msg(
                "the index of a namespace may change with every start: write nsu=, its URI, "
                "a semicolon and the rest"
            )
        kind, _, rest = own_node(text or "s=x").partition("=")
        if kind not in ("s", "i", "g", "b") or not rest:
            return key, msg("a {key} is written s=Name, i=number, g=GUID or b=base64", key=key)
        if text is None:
            continue
        if found := braces_problem(key, text):
            return found
        made = own_node(text.format(base="base", equipment="equipment", unit=1))
        if wrong := node_problem(made):
            return key, wrong
    if template.method is not None and not template.writable:
        return "method", msg("a method is called by writing: the point has to be writable")
    return _value_problem(template) or release_problem(template)


def _value_problem(template: PointTemplate) -> Problem | None:
    """What of the value's keys do not go together."""
    state = template.bit is not None or bool(template.on or template.off)
    scaled = template.scale is not None or template.offset is not None
    if template.scale == 0:
        return "scale", msg("a scale of 0 makes every value the same")
    if state and (scaled or template.range is not None):
        return "", msg("an on/off point has no scale, no offset and no range")
    if template.labels and (scaled or template.range is not None):
        return "labels", msg("a point with labels has no scale, offset or range")
    texts = list((template.labels or {}).values())
    if not state and len(set(texts)) < len(texts):
        return "labels", msg("two numbers have the same label: it could not be written")
    if template.range is not None and template.range[0] > template.range[1]:
        least, most = template.range
        return "range", msg("the range from {least:g} to {most:g} is empty", least=least, most=most)
    if template.method is not None and (template.bit is not None or template.index is not None):
        return "method", msg("a method takes the whole value: it has no bit and no index")
    both = set(template.on or ()) & set(template.off or ())
    if both:
        return "on", msg("a code cannot mean both on and off")
    return None


def namespace_of(node: str) -> str:
    """The URI in `nsu=urn:maker;s=Name`; empty if it names none."""
    return node.removeprefix("nsu=").partition(";")[0] if node.startswith("nsu=") else ""


def own_node(node: str) -> str:
    """The node without its namespace."""
    return node.partition(";")[2] if node.startswith("nsu=") else node


def opcua_address(
    template: PointTemplate, namespace: str, node: str, method: str | None
) -> OpcUaAddress:
    """The address of a checked template, with its node and its method filled in.

    `namespace` is that of a node that does not name its own. ValueError if a method lies in
    another one than its object.
    """
    low, high = template.range or (None, None)
    own = namespace_of(node) or namespace
    if method is not None and (namespace_of(method) or namespace) != own:
        raise ValueError(msg("a method lies in the namespace of its object"))
    return OpcUaAddress(
        own,
        own_node(node),
        None if method is None else own_node(method),
        template.deadband or 0.0,
        scale=template.scale,
        offset=template.offset or 0.0,
        index=template.index,
        bit=template.bit,
        labels=tuple((template.labels or {}).items()),
        on=template.on or (),
        off=template.off or (),
        left=template.left,
        not_available=template.not_available or (),
        low=low,
        high=high,
    )


def node_problem(text: str) -> str:
    """What is wrong with the identifier of a node (OPC-UA part 6, 5.3.1.10); "" if nothing is."""
    kind, _, rest = text.partition("=")
    if kind == "i" and not (rest.isascii() and rest.isdigit() and int(rest) <= 0xFFFFFFFF):
        return msg(
            "'{text}' is no node: i= is followed by a whole number up to 4294967295", text=text
        )
    if kind == "g" and not _GUID.fullmatch(rest):
        return msg(
            "'{text}' is no node: g= is followed by a GUID such as {example}",
            text=text,
            example="72962b91-fa75-4ae6-8d28-b404dc7daf63",
        )
    if kind == "b":
        try:
            b64decode(rest, validate=True)
        except ValueError:
            return msg("'{text}' is no node: b= is followed by the identifier in base64", text=text)
    return ""
