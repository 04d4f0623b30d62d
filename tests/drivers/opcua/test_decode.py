"""Our decoder of publish responses against asyncua's: the same values, or none."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from asyncua.ua.uaerrors import UaStatusCodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.texts.clean import device_text
from drivers.opcua.opcua_times import from_filetime, to_filetime
from drivers.opcua.subscribing.decode import Changes, Published, Undecodable, decode_published
from drivers.opcua.values.walking import NoValue, Sent
from tests.servers.opcua_parts import ua_time

TIME = datetime(2026, 7, 1, 8, 0, 0, 123456, tzinfo=UTC)

scalars: list[tuple[ua.VariantType, st.SearchStrategy[Any]]] = [
    (ua.VariantType.Boolean, st.booleans()),
    (ua.VariantType.SByte, st.integers(-128, 127)),
    (ua.VariantType.Byte, st.integers(0, 255)),
    (ua.VariantType.Int16, st.integers(-(2**15), 2**15 - 1)),
    (ua.VariantType.UInt16, st.integers(0, 2**16 - 1)),
    (ua.VariantType.Int32, st.integers(-(2**31), 2**31 - 1)),
    (ua.VariantType.UInt32, st.integers(0, 2**32 - 1)),
    (ua.VariantType.Int64, st.integers(-(2**63), 2**63 - 1)),
    (ua.VariantType.UInt64, st.integers(0, 2**64 - 1)),
    (ua.VariantType.Float, st.floats(width=32)),
    (ua.VariantType.Double, st.floats()),
    (ua.VariantType.String, st.text(max_size=12)),
]
variants = st.sampled_from(scalars).flatmap(
    lambda kind: kind[1].map(lambda value: ua.Variant(value, kind[0]))
)
times = st.none() | st.integers(0, 10**9).map(lambda s: ua_time(TIME + timedelta(microseconds=s)))
statuses = st.sampled_from([None, 0, 0x40000000, 0x80340000, 0x00000480])


@st.composite
def items(draw: st.DrawFn, value: st.SearchStrategy[Any] = variants) -> Any:
    status = draw(statuses)
    return ua.MonitoredItemNotification(
        ClientHandle=ua.UInt32(draw(st.integers(0, 2**32 - 1))),
        Value=ua.DataValue(
            draw(value),
            None if status is None else ua.StatusCode(ua.UInt32(status)),
            draw(times),
            draw(times),
        ),
    )


@st.composite
def alike(draw: st.DrawFn) -> list[Any]:
    """Many items of one shape, as a server that is asked for one kind of thing sends them."""
    kind, values = draw(st.sampled_from(scalars))
    status, source, server = draw(statuses), draw(times), draw(times)
    return [
        ua.MonitoredItemNotification(
            ClientHandle=ua.UInt32(number),
            Value=ua.DataValue(
                ua.Variant(draw(values), kind),
                None if status is None else ua.StatusCode(ua.UInt32(status)),
                source,
                server,
            ),
        )
        for number in range(draw(st.integers(1, 30)))
    ]


def response(*notifications: list[Any]) -> bytes:
    made = ua.PublishResponse()
    made.ResponseHeader.Timestamp = TIME
    made.Parameters.SubscriptionId = ua.UInt32(17)
    made.Parameters.AvailableSequenceNumbers = [ua.UInt32(4), ua.UInt32(5)]
    message = made.Parameters.NotificationMessage
    message.SequenceNumber = ua.UInt32(5)
    message.PublishTime = TIME
    message.NotificationData = [ua.DataChangeNotification(found, []) for found in notifications]
    data: bytes = struct_to_binary(made)
    return data


def ua_binary_of_changes(items: list[Any]) -> bytes:
    """The body of a notification of data changes."""
    data: bytes = struct_to_binary(ua.DataChangeNotification(items, []))
    return data


def theirs(data: bytes) -> Published:
    """What asyncua's decoder makes of it."""
    response = struct_from_binary(ua.PublishResponse, Buffer(data))
    response.ResponseHeader.ServiceResult.check()
    parameters = response.Parameters
    message = parameters.NotificationMessage
    changes = Changes()
    for notification in message.NotificationData or ():
        if isinstance(notification, ua.StatusChangeNotification):
            notification.Status.check()
            continue
        for item in notification.MonitoredItems or ():
            data_value = item.Value
            status, source = data_value.StatusCode, data_value.SourceTimestamp
            changes.handles.append(item.ClientHandle)
            changes.values.append(data_value.Value.Value if data_value.Value is not None else None)
            changes.statuses.append(status.value if status is not None else 0)
            changes.source_times.append(to_filetime(source.replace(tzinfo=UTC)) if source else 0)
    return Published(
        parameters.SubscriptionId,
        message.SequenceNumber,
        to_filetime(response.ResponseHeader.Timestamp.replace(tzinfo=UTC)),
        not message.NotificationData,
        changes,
    )


def as_text(values: list[Sent]) -> list[str]:
    """Ours and theirs alike: how a text is cleaned is shown elsewhere."""
    return [repr(device_text(v) if isinstance(v, str) else v) for v in values]


lists = st.lists(items(), max_size=12) | alike()


@settings(max_examples=300)
@given(st.lists(lists, min_size=1, max_size=3))
def test_the_same_as_asyncua(notifications: list[list[Any]]) -> None:
    data = response(*notifications)
    ours = decode_published(data)
    expected = theirs(data)
    assert as_text(ours.changes.values) == as_text(expected.changes.values)
    ours.changes.values, expected.changes.values = [], []
    assert repr(ours) == repr(expected)
    assert len(ours.changes.handles) == sum(map(len, notifications))


def test_a_keep_alive() -> None:
    found = decode_published(response())
    assert found.keep_alive
    assert (found.subscription, found.sequence) == (17, 5)
    assert from_filetime(found.server_time) == TIME


@settings(max_examples=400)
@given(lists, st.data())
def test_mutated_bytes_give_what_asyncua_gives_or_are_left_to_it(
    found: list[Any], data: st.DataObject
) -> None:
    whole = bytearray(response(found))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 3))
    mutated = bytes(whole[: len(whole) - cut])
    try:
        ours = decode_published(mutated)
    except (Undecodable, UaStatusCodeError):
        return
    try:
        expected = theirs(mutated)
    except Exception:
        # asyncua may stumble over a date or a code that it knows no name of, after the values.
        return
    assert ours.changes.handles == expected.changes.handles
    for mine, other in zip(ours.changes.values, expected.changes.values, strict=True):
        # What no point can hold, and a text that is none, says so with us. An array with a number
        # of elements below zero is none; to asyncua it is empty, but for -1.
        none = mine is None and other == []
        assert none or isinstance(mine, NoValue | list) or as_text([mine]) == as_text([other])
    assert ours.changes.statuses == expected.changes.statuses


EVERY: dict[ua.VariantType, Any] = {
    ua.VariantType.DateTime: TIME,
    ua.VariantType.Guid: uuid.UUID(int=7),
    ua.VariantType.ByteString: b"\x00\xff",
    ua.VariantType.XmlElement: ua.XmlElement(ua.String("<a/>")),
    ua.VariantType.NodeId: ua.NodeId(ua.String("a"), ua.Int16(2)),
    ua.VariantType.ExpandedNodeId: ua.ExpandedNodeId(ua.Int32(7), ua.Int16(2)),
    ua.VariantType.StatusCode: ua.StatusCode(ua.UInt32(0x80340000)),
    ua.VariantType.QualifiedName: ua.QualifiedName("a", 2),
    ua.VariantType.ExtensionObject: ua.Range(1.0, 2.0),
    ua.VariantType.DataValue: ua.DataValue(ua.Variant(1.0, ua.VariantType.Double)),
    ua.VariantType.DiagnosticInfo: ua.DiagnosticInfo(),
}


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("many", [False, True])
def test_a_value_that_no_point_can_hold_harms_no_neighbour(
    kind: ua.VariantType, many: bool
) -> None:
    odd = ua.Variant([EVERY[kind]] * 2 if many else EVERY[kind], kind)
    sent = [ua.Variant(1.5), odd, ua.Variant(2.5)]
    found = decode_published(
        response(
            [
                ua.MonitoredItemNotification(ClientHandle=ua.UInt32(n), Value=ua.DataValue(v))
                for n, v in enumerate(sent)
            ]
        )
    ).changes
    assert found.handles == [0, 1, 2]
    assert (found.values[0], found.values[2]) == (1.5, 2.5)
    value = found.values[1]
    one = value[0] if isinstance(value, list) else value
    assert isinstance(one, NoValue)
    assert one.detail == f"the server sends a {kind.name}, not a number or text"


@pytest.mark.case(
    "O14",
    when="A server sends a notification without its length, ids with semicolons, or its "
    "certificate with the issuers behind it",
    then="All are read as they are meant.",
)
def test_a_notification_of_which_the_length_is_not_said() -> None:
    item = ua.MonitoredItemNotification(
        ClientHandle=ua.UInt32(3), Value=ua.DataValue(ua.Variant(1.5, ua.VariantType.Double))
    )
    whole = response([item])
    length = len(ua_binary_of_changes([item])).to_bytes(4, "little")
    assert whole.count(length) == 1
    found = decode_published(whole.replace(length, b"\xff\xff\xff\xff"))
    assert (found.changes.handles, found.changes.values) == ([3], [1.5])


def test_the_end_of_a_subscription() -> None:
    made = ua.PublishResponse()
    made.Parameters.NotificationMessage.NotificationData = [
        ua.StatusChangeNotification(ua.StatusCode(ua.UInt32(0x800A0000)))
    ]
    data = struct_to_binary(made)
    with pytest.raises(UaStatusCodeError):
        decode_published(data)
    with pytest.raises(UaStatusCodeError):
        theirs(data)


def test_file_times() -> None:
    assert from_filetime(to_filetime(TIME)) == TIME
    assert from_filetime(0) is None
    assert from_filetime(116_444_736_000_000_000 - 1) is None
    assert from_filetime(2**62) is None
