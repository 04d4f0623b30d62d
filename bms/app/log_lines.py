"""How lines of the log look."""

from __future__ import annotations

import logging

from bms.texts.clean import harmless


class LogLines(logging.Formatter):
    """One line for each record and its traceback behind it; nothing that somebody said makes
    another line of it, or does something to the terminal that shows it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return harmless(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = " ".join(record.message.splitlines())
        return super().formatMessage(record)
