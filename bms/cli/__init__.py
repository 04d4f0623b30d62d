"""The command line: parse, call, print. Heavy imports wait until a command needs them."""

from __future__ import annotations

import click

from bms.cli.common import Main
from bms.cli.energy import growth_commands, history, influx, meter, upload
from bms.cli.live import api_schema, machine_commands, override, status
from bms.cli.management import (
    finding_commands,
    goal_commands,
    measure_commands,
    round_commands,
)
from bms.cli.reports import report_commands
from bms.cli.schedules import calendars, schedule, switch, unit
from bms.cli.site import (
    cert,
    compare_command,
    raw,
    reload_command,
    scan,
    shipped_devices,
    site_commands,
)


@click.group(cls=Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bms")
def main() -> None:
    """Park energy management and building automation.

    Exit codes: 0 ok, 1 failed, 2 invalid input, 3 controller unreachable, 4 refused or conflict.
    """


for command in (
    site_commands.init,
    site_commands.check,
    site_commands.run,
    reload_command.reload,
    site_commands.simulate,
    compare_command.compare,
    status.status,
    status.points,
    status.links,
    status.why,
    growth_commands.schedule,
    schedule.audit,
    calendars.calendar,
    override.override,
    machine_commands.lock,
    machine_commands.unlock,
    machine_commands.reset,
    switch.season,
    switch.overlay,
    unit.unit,
    api_schema.api,
    cert.cert,
    shipped_devices.devices,
    scan.scan,
    raw.read,
    raw.write,
    influx.influx,
    upload.upload,
    report_commands.report,
    history.history,
    history.export,
    meter.meter,
    goal_commands.goal,
    round_commands.rounds,
    finding_commands.finding,
    measure_commands.measure,
    site_commands.demo,
):
    main.add_command(command)
