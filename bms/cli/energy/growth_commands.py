"""Commands that look at schedules without a controller."""

from __future__ import annotations

import click

from bms.cli.common import (
    ErrorGroup,
)
from bms.cli.schedules.previews import diff, preview


@click.group(cls=ErrorGroup)
def schedule() -> None:
    """Look at schedules, and change them."""


schedule.add_command(preview)
schedule.add_command(diff)
