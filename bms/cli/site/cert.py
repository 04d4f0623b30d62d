"""Commands for the certificates of secured OPC-UA links."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bms.cli.common import (
    AS_JSON,
    SITE,
    ErrorGroup,
    clock_now,
    load_explored,
    print_json,
    show,
    table_of,
)
from bms.core.errors import BmsError, InvalidInput, Unreachable
from bms.texts.language import say
from bms.texts.messages import message_of, msg
from bms.texts.system_errors import os_cause

if TYPE_CHECKING:
    from bms.config.shapes.links import OpcUaLink
    from drivers.opcua.session.certificates import Certificate

DAYS = 1825
"""Five years: as long as nobody should have to think of it."""


@click.group(cls=ErrorGroup)
def cert() -> None:
    """Certificates of secured OPC-UA links: our own, and the servers that are trusted."""


@cert.command()
@SITE
@click.option("--days", type=click.IntRange(1, 36500), default=DAYS, show_default=True)
@click.option("--renew", is_flag=True, help="Replace the certificate that is there.")
@AS_JSON
def create(site: Path, days: int, renew: bool, as_json: bool) -> None:
    """Make a key and a certificate for this gateway. Every server has to be told to trust it."""
    from bms.field.wiring import own_certificate
    from drivers.opcua.session.certificates import create as make

    certificate, key = own_certificate(_directory(site))
    if (certificate.exists() or key.exists()) and not renew:
        raise InvalidInput(
            msg(
                "there is a certificate already ({certificate}); --renew replaces it, and "
                "every server then has to be told to trust the new one",
                certificate=certificate,
            )
        )
    made = make(certificate, key, host=socket.gethostname(), now=clock_now(), days=days)
    ignore = certificate.parent / ".gitignore"
    if not ignore.exists():
        ignore.write_text(
            f"# {say('The private key stays on this gateway.')}\n{key.name}\n", "utf-8"
        )
    if as_json:
        print_json(_view(made))
        return
    click.echo(
        say(
            "certificate: {certificate}\nkey:         {key} (readable by this user only)",
            certificate=certificate,
            key=key,
        )
    )
    click.echo(
        say(
            "thumbprint:  {thumbprint}\nvalid until: {last_day:%Y-%m-%d}",
            thumbprint=made.sha1,
            last_day=made.not_after,
        )
    )


@cert.command("show")
@SITE
@AS_JSON
def show_(site: Path, as_json: bool) -> None:
    """Our own certificate and the servers that are trusted, with their expiry."""
    from bms.field.wiring import own_certificate, trusted_servers
    from drivers.opcua.session.certificates import CertificateProblem, load, trusted

    directory = _directory(site)
    certificate, _ = own_certificate(directory)
    try:
        own = load(certificate) if certificate.exists() else None
    except CertificateProblem as error:
        raise InvalidInput(message_of(error)) from None
    servers = list(trusted(trusted_servers(directory)).values())
    if as_json:
        print_json({"own": own and _view(own), "trusted": [_view(one) for one in servers]})
        return
    table = table_of(None, "", "subject", "thumbprint (SHA-1)", "valid until", "")
    for name, one in [(say("own"), own), *((say("server"), server) for server in servers)]:
        if one is not None:
            until = f"{one.not_after:%Y-%m-%d}"
            table.add_row(name, one.subject, one.sha1, until, one.problem(clock_now()))
    show(table)
    if own is None:
        click.echo(
            say("this site has no certificate yet: bms cert create {name}", name=site), err=True
        )


@cert.command()
@SITE
@click.argument("link")
@click.option("--thumbprint", help="SHA-1 or SHA-256 as read at the server; asked for if absent.")
@AS_JSON
def trust(site: Path, link: str, thumbprint: str | None, as_json: bool) -> None:
    """Fetch the certificate of LINK's server and trust it from now on."""
    from bms.field.wiring import trusted_servers
    from drivers.opcua.session.certificates import trust as keep

    settings = _opcua(site, link)
    found = _fetch(settings)
    problem = found.problem(clock_now())
    if problem:
        raise InvalidInput(
            msg(
                "the certificate of {url} cannot be used: {problem}",
                url=settings.url,
                problem=problem,
            )
        )
    if thumbprint is None:
        click.echo(
            say("server:     {url}\nsubject:    {subject}", url=settings.url, subject=found.subject)
        )
        click.echo(
            say(
                "thumbprint: {thumbprint_short} (SHA-1)\n            {thumbprint_long} (SHA-256)",
                thumbprint_short=found.sha1,
                thumbprint_long=found.sha256,
            )
        )
        click.confirm(say("Is this what the server itself shows?"), abort=True)
    elif _plain(thumbprint) not in (found.sha1, found.sha256):
        raise InvalidInput(
            msg(
                "{url} shows another certificate: thumbprint {thumbprint}. Somebody may be between "
                "you and the server, or its certificate was renewed: look at the server "
                "itself",
                url=settings.url,
                thumbprint=found.sha1,
            )
        )
    path = keep(trusted_servers(_directory(site)), found)
    if as_json:
        print_json(_view(found))
    else:
        click.echo(say("trusted: {subject} ({path})", subject=found.subject, path=path))


@cert.command()
@SITE
@click.argument("thumbprint")
def distrust(site: Path, thumbprint: str) -> None:
    """Stop trusting the server with this THUMBPRINT."""
    from bms.field.wiring import trusted_servers
    from drivers.opcua.session.certificates import trusted

    directory = trusted_servers(_directory(site))
    wanted = _plain(thumbprint)
    for one in trusted(directory).values():
        if wanted in (one.sha1, one.sha256):
            (directory / f"{one.sha256.lower()}.der").unlink()
            click.echo(say("no longer trusted: {subject}", subject=one.subject))
            return
    raise InvalidInput(
        msg(
            "no trusted server has the thumbprint {thumbprint}: bms cert show {site}",
            thumbprint=thumbprint,
            site=site,
        )
    )


def _directory(site: Path) -> Path:
    if not any((site / name).is_file() for name in ("site.yaml", "links.yaml")):
        raise InvalidInput(msg("{site} is not a site: it has no site.yaml", site=site))
    return site


def _opcua(site: Path, link: str) -> OpcUaLink:
    from bms.config.shapes.links import OpcUaLink
    from bms.texts.problems import suggestion

    links = load_explored(site, to_write=False).links
    if link not in links:
        raise InvalidInput(
            msg("no link '{link}'; {suggestion}", link=link, suggestion=suggestion(link, links))
        )
    settings = links[link].settings
    if not isinstance(settings, OpcUaLink):
        raise InvalidInput(
            msg("link '{link}' is not OPC-UA: there is no certificate to trust", link=link)
        )
    if settings.security == "none":
        raise InvalidInput(
            msg("link '{link}' has security: none, so that no certificate is asked for", link=link)
        )
    return settings


def _fetch(settings: OpcUaLink) -> Certificate:
    from drivers.errors import DriverError
    from drivers.opcua.session.secure import server_certificate
    from drivers.opcua.session.security import Security

    wanted = Security(policy=settings.security, mode=settings.security_mode)

    async def fetch() -> Certificate:
        async with asyncio.timeout(settings.timeout_s):
            return await server_certificate(settings.url, wanted, settings.timeout_s)

    try:
        return asyncio.run(fetch())
    except DriverError as error:
        raise BmsError(msg("{url}: {error}", url=settings.url, error=error)) from None
    except (OSError, TimeoutError) as error:
        raise Unreachable(
            msg("{url} does not answer: {cause}", url=settings.url, cause=os_cause(error))
        ) from None


def _plain(thumbprint: str) -> str:
    return "".join(c for c in thumbprint if c.isalnum()).upper()


def _view(certificate: Certificate) -> dict[str, Any]:
    return {
        "subject": certificate.subject,
        "application_uri": certificate.application_uri,
        "sha1": certificate.sha1,
        "sha256": certificate.sha256,
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
    }
