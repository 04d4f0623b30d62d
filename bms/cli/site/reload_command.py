"""Put edited files of a site in force while its controller runs."""

from __future__ import annotations

from pathlib import Path

import click

from bms.cli.common import AS_JSON, SITE, print_json, state_dir_of
from bms.texts.language import say


@click.command()
@SITE
@click.option("--reason", default="", help="Why; kept in the audit.")
@click.option("--dry-run", is_flag=True, help="Say what it would do, and do nothing.")
@AS_JSON
def reload(site: Path, reason: str, dry_run: bool, as_json: bool) -> None:
    """Have the running controller take in devices, links, equipment, groups and meters.

    All files are checked first; all are taken in or none. Links that stay are read and commanded
    all the while, overrides stay, and groups go on where they were. Says what needs a restart.
    """
    from bms.api.client import ask
    from bms.operations.requests.live_requests import RELOAD, ReloadSite

    answer = ask(state_dir_of(site), RELOAD, ReloadSite(reason=reason, dry_run=dry_run))
    if as_json:
        print_json(answer.plain())
        return
    if not answer.files and not answer.opened:
        click.echo(say("the files are in force as they are: there is nothing to take in"))
        return
    listed = (
        (say("files"), answer.files),
        (say("links opened"), answer.opened),
        (say("links closed"), answer.closed),
        (say("outputs that are gone"), answer.removed),
        (say("outputs released"), answer.released),
    )
    for head, names in listed:
        if names:
            click.echo(f"{head}: {', '.join(names)}")
    click.echo(say("{count} links run on", count=answer.kept))
    click.echo(say("in force") if answer.applied else say("nothing was changed"))
