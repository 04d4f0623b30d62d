"""Alarms: what is abnormal now, since when, and what changed about it. Pure."""

from bms.alarms.machine import Alarm, AlarmEvent, AlarmKind, advance

__all__ = ["Alarm", "AlarmEvent", "AlarmKind", "advance"]
