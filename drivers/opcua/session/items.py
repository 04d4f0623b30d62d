"""What a server is asked to watch."""

from __future__ import annotations

from dataclasses import dataclass

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds

QUEUE = 2
"""Values a server keeps of an item between two responses. The controller decides on the latest;
two leave room for one that comes while a response is on its way."""


@dataclass(frozen=True, slots=True)
class MonitoredItem:
    """A node to be told about: `handle` comes back with its values."""

    node: ua.NodeId
    handle: int
    deadband: float
    sampling_s: float
    queue: int


def creation(item: MonitoredItem) -> ua.MonitoredItemCreateRequest:
    """How a server is asked for it."""
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor.NodeId = item.node
    request.ItemToMonitor.AttributeId = AttributeIds.Value
    request.MonitoringMode = ua.MonitoringMode.Reporting
    wanted = request.RequestedParameters
    wanted.ClientHandle = item.handle
    wanted.SamplingInterval = item.sampling_s * 1000
    wanted.QueueSize = item.queue
    wanted.DiscardOldest = True
    if item.deadband:
        change = ua.DataChangeFilter()
        change.Trigger = ua.DataChangeTrigger.StatusValue
        change.DeadbandType = ua.DeadbandType.Absolute
        change.DeadbandValue = item.deadband
        wanted.Filter = change
    return request
