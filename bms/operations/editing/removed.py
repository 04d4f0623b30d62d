"""Schedule files that are gone from the disk: in force until somebody confirms their removal.

A group whose schedule is gone is let go, and stays as it happens to be. A file may go by a slip (a
move, a checkout, a share that was unmounted), so its last good text holds until then. What other
files have taken over is not missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bms.config.reading.files import OVERLAYS, SEASONS, TIME_UNITS
from bms.config.site import Site
from bms.core.errors import StoreError
from bms.operations.editing.revisions import Revisions
from bms.texts.yaml.parsing import read
from schedules.files.targets import Targets, is_selection
from schedules.library import Library

_SHARED = (SEASONS, OVERLAYS, TIME_UNITS)
_IDS = ("schedule", "calendar")


def held_back(
    revisions: Revisions, site: Site, texts: Mapping[str, str], library: Library | None
) -> dict[str, str]:
    """The last good texts of files that are missing in `texts`, by name.

    `library` is what `texts` alone make, None if they are broken. Empty where nothing was ever in
    force, or what was cannot be read.
    """
    try:
        good = revisions.good() or {}
    except StoreError:
        return {}
    missing = [name for name in good if name not in texts and not revisions.removed(name)]
    if not missing:
        return {}
    ids = {one for name, text in texts.items() for one in _ids(name, text)}
    governed = library.governed.keys() if library is not None else frozenset[str]()
    targets = Targets(
        {name: tuple(m.id for m in group.members) for name, group in site.declared.items()},
        frozenset(site.equipment),
    )
    held = {}
    for name in missing:
        text = good[name].decode("utf-8-sig")
        if not _taken_over(name, text, ids, targets, governed):
            held[name] = text
    return held


def _taken_over(
    name: str, text: str, ids: set[tuple[str, str]], targets: Targets, governed: Iterable[str]
) -> bool:
    """Whether nobody misses the file: another has its id, or all that it governed."""
    if name in _SHARED:
        return False
    if _ids(name, text) & ids:
        return True
    claimed = _claimed(name, text, targets)
    return claimed is not None and claimed <= set(governed)


def _document(name: str, text: str) -> Mapping[str, object]:
    document, _ = read(name, text)
    return document.data if document is not None and isinstance(document.data, dict) else {}


def _ids(name: str, text: str) -> set[tuple[str, str]]:
    data = _document(name, text)
    return {(key, str(data[key])) for key in _IDS if key in data}


def _claimed(name: str, text: str, targets: Targets) -> set[str] | None:
    """What of the site a schedule names or selects; None for what is no schedule."""
    data = _document(name, text)
    if "schedule" not in data:
        return None
    governs = data.get("governs")
    words = [str(word) for word in (governs if isinstance(governs, list) else [governs]) if word]
    found: set[str] = set()
    for word in words:
        if is_selection(word):
            found.update(targets.select(word))
        elif targets.knows(word):
            found.add(word)
    return found
