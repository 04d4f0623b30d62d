"""The command line: parse, call, print. Heavy imports wait until a command needs them."""

from __future__ import annotations

import click

from bms.cli import (
    calendar,
    cert,
    history,
    influx,
    live,
    meter,
    override,
    raw,
    read,
    scan,
    schedule,
    site,
    switch,
)
from bms.cli.common import ErrorGroup


@click.group(cls=ErrorGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bms")
def main() -> None:
    """Park energy management and building automation.

    Exit codes: 0 ok, 1 failed, 2 invalid input, 3 controller unreachable, 4 refused or conflict.
    """


for command in (
    site.init,
    site.check,
    site.run,
    site.simulate,
    live.status,
    live.points,
    live.links,
    live.why,
    read.schedule,
    calendar.calendar,
    override.override,
    switch.season,
    switch.overlay,
    switch.unit,
    schedule.audit,
    cert.cert,
    scan.scan,
    raw.read,
    raw.write,
    influx.influx,
    read.report,
    history.history,
    history.export,
    meter.meter,
    site.demo,
):
    main.add_command(command)
