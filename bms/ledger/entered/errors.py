"""Errors of what people enter.

InvalidInput (bms.core.errors)
└── NotTaken        a file of readings of which nothing was taken: what is wrong, what is to be said
"""

from __future__ import annotations

from collections.abc import Sequence

from bms.core.errors import InvalidInput
from bms.ledger.files.series import Left, Question
from bms.texts.messages import Message
from bms.texts.problems import Problem


class NotTaken(InvalidInput):
    """Nothing of a file was taken. `questions` would have to be answered first: each is among the
    problems too. `left` are the lines that would have been left alone."""

    def __init__(
        self,
        message: Message,
        problems: Sequence[Problem],
        questions: Sequence[Question],
        left: Left,
    ) -> None:
        super().__init__(message, problems)
        self.questions = tuple(questions)
        self.left = left
