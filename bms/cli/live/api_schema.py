"""`bms api`: what programs may ask of a controller, as a description that they can read."""

from __future__ import annotations

import click

from bms.cli.common import ErrorGroup, print_json


@click.group(cls=ErrorGroup)
def api() -> None:
    """What programs may ask of a running controller."""


@api.command("schema")
@click.option("--files", is_flag=True, help="Of what is asked of a site's files instead.")
def api_schema(files: bool) -> None:
    """Print the requests and answers of the controller's socket as one JSON schema.

    The socket is bms.sock in the state directory. A request is one line of JSON, with op and
    args; it is answered by one line, with ok or error.
    """
    from bms.api.protocol import schema
    from bms.operations.registry import on_files, use_cases

    print_json(schema(on_files() if files else [case.operation for case in use_cases()]))
