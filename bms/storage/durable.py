"""What it takes, beside writing a file, that a power cut leaves it."""

from __future__ import annotations

import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Names that were made, changed or removed in it are on the disk: a rename alone is not."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
