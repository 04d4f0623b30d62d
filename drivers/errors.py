"""Errors of the field layer.

DriverError
├── ConnectionLost      no connection, or it broke: the whole link is affected
├── NoAnswer            the request timed out: the unit is affected
├── DeviceRefused       the device answered with an exception: the request is affected
└── BadAnswer           the answer does not fit the request: nothing in it is used

They never leave a driver: its `read` and `write` turn them into quality and status.
Third-party errors are translated into these in one place per protocol.
"""

from __future__ import annotations


class DriverError(Exception):
    """Something on the way to the field went wrong."""


class ConnectionLost(DriverError):
    """There is no connection, or it broke."""


class NoAnswer(DriverError):
    """The device did not answer in time."""


class DeviceRefused(DriverError):
    """The device answered with an exception."""


class BadAnswer(DriverError):
    """The answer does not fit the request."""
