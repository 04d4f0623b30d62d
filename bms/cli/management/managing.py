"""What the commands of energy management have in common."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from bms.cli.common import YEARS, changed, clock_now, load_for, print_json
from bms.core.errors import InvalidInput
from bms.texts.messages import msg

if TYPE_CHECKING:
    from pydantic import BaseModel

    from bms.config.site import Site
    from bms.operations.requests.operation import Answer, Operation, Request

Q = TypeVar("Q", bound="Request")
A = TypeVar("A", bound="Answer")
A_co = TypeVar("A_co", bound="BaseModel", covariant=True)
Q_contra = TypeVar("Q_contra", bound="Request", contravariant=True)

PLACE_HELP = "A base, a group, equipment, or an area by its own name: <base>.<area>."
YEAR = click.option("--year", type=click.IntRange(*YEARS), help="[default: this year]")
DASH = "—"


class UseCase(Protocol[Q_contra, A_co]):
    """Carries out a change for a user."""

    def __call__(self, site: Site, asked: Q_contra, user: str, now: datetime) -> A_co: ...


def make(
    directory: Path,
    operation: Operation[Q, A],
    asked: Q,
    carry_out: UseCase[Q, A],
    told: Callable[[A], str],
    *,
    as_json: bool,
) -> None:
    """Have a change made, by the controller or here, and say what came of it."""
    site = load_for(directory, UNPLANNED)
    answer = changed(
        site.state_dir, operation, asked, lambda who: carry_out(site, asked, who, clock_now())
    )
    if as_json:
        print_json(answer.plain())
    else:
        click.echo(told(answer))


UNPLANNED = ("schedules",)
"""What does not concern who manages energy: a plan that is being edited."""


def day_of(text: str, option: str) -> date:
    """A day as people write it. Raises InvalidInput."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            msg("{option}: '{text}' is no day; write 2026-03-28", option=option, text=text)
        ) from None
    if not YEARS[0] <= day.year <= YEARS[1]:
        raise InvalidInput(
            msg(
                "{option}: '{text}' is not between {first_year} and {last_year}",
                option=option,
                text=text,
                first_year=YEARS[0],
                last_year=YEARS[1],
            )
        )
    return day


def day_or_none(text: str | None, option: str) -> date | None:
    """A day where one is given."""
    return None if text is None else day_of(text, option)


def number(value: float | None, decimals: int = 0) -> str:
    """A number for a table; a dash for what nobody knows."""
    return DASH if value is None else f"{value:,.{decimals}f}"
