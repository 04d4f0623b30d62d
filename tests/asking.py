"""A running controller asked by the names and arguments of the socket, as a script would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bms.api.client import exchange
from bms.operations.registry import use_cases


def ask(state_dir: Path, op: str, **args: Any) -> Any:
    """The answer as `--json` prints it. Raises as `bms.api.client.ask` does."""
    return plain(op, exchange(state_dir, op, args))


def plain(op: str, answer: Any) -> Any:
    """An answer as it travels, or as a use case gives it, with messages as their English text."""
    (operation,) = [c.operation for c in use_cases() if c.operation.name == op]
    made: Any = operation.answer.model_validate(answer)
    return made.plain()
