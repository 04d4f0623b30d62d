"""How Sphinx builds the site: `make docs`. Nothing is fetched while it builds or is read."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer
from pygments.lexers.sql import SqlLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parents[1]))

project = "bms"
author = "the bms project"
copyright = "2026, the bms project, Apache-2.0"  # noqa: A001 - Sphinx's own name
version = release = version_of("bms")

extensions = ["myst_parser", "docs.generate"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = "bms"
html_show_sourcelink = False
html_copy_source = False
pygments_style = "friendly"


def setup(app: Sphinx) -> None:
    """Show queries that Pygments has no lexer for."""
    app.add_lexer("influxql", SqlLexer)
    app.add_lexer("flux", TextLexer)
