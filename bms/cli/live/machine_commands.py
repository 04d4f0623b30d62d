"""Commands for single machines: locked out for maintenance, used again after a fault."""

from __future__ import annotations

from pathlib import Path

import click

from bms.cli.common import AS_JSON, SITE, print_json, state_dir_of
from bms.texts.language import say, told


@click.command()
@SITE
@click.argument("machine")
@click.option("--reason", required=True, help="Who works on it, and on what.")
@AS_JSON
def lock(site: Path, machine: str, reason: str, as_json: bool) -> None:
    """Lock MACHINE out for maintenance: held off until it is unlocked, whoever wants it."""
    from bms.api.client import ask
    from bms.operations.requests.override_requests import LOCK, LockMachine

    answer = ask(state_dir_of(site), LOCK, LockMachine(machine=machine, reason=reason))
    if as_json:
        print_json(answer.plain())
        return
    click.echo(
        say(
            "{machine} is locked out until somebody unlocks it: bms unlock {site} {machine}; "
            "switch its breaker off all the same before anybody reaches into it",
            machine=answer.machine,
            site=site,
        )
    )


@click.command()
@SITE
@click.argument("machine")
@click.option("--reason", default="", help="For the audit.")
@AS_JSON
def unlock(site: Path, machine: str, reason: str, as_json: bool) -> None:
    """Take the lock off MACHINE: it runs again when it is wanted."""
    from bms.api.client import ask
    from bms.operations.requests.override_requests import UNLOCK, UnlockMachine

    answer = ask(state_dir_of(site), UNLOCK, UnlockMachine(machine=machine, reason=reason))
    if as_json:
        print_json(answer.plain())
        return
    click.echo(say("{machine} is unlocked: it runs when it is wanted", machine=answer.machine))


@click.command()
@SITE
@click.argument("machine")
@click.option("--reason", required=True, help="What was found, and repaired.")
@AS_JSON
def reset(site: Path, machine: str, reason: str, as_json: bool) -> None:
    """Let MACHINE be used again after faults or failed starts have put it out of use."""
    from bms.api.client import ask
    from bms.operations.requests.override_requests import RESET, ResetMachine

    answer = ask(state_dir_of(site), RESET, ResetMachine(machine=machine, reason=reason))
    if as_json:
        print_json(answer.plain())
        return
    if not answer.cleared:
        click.echo(say("{machine} was not out of use; nothing changes", machine=answer.machine))
    for text in answer.cleared:
        click.echo(say("reset: {condition}", condition=told(text)))
