"""What of the history has been copied elsewhere, as far as making room has to know."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Taken:
    """How far all copies of one history are."""

    seq: int | None = None
    """The row of the log that every copy has; None if nobody copies."""
    waiting_from_ms: int | None = None
    """From when on a copy still waits for raw samples that left the log; None: none does."""
    edges_ms: tuple[int, ...] = ()
    """The instants between the times a copy has and the times it lacks."""


TakenOf: TypeAlias = Callable[[Path, Collection[str] | None, str], Taken]
"""Of a state directory, the names of the configured copies (None: all that ever took anything)
and the identity of the history. The historian asks; who copies answers."""
