"""The nearest of some names to one that is none of them, for errors that say what is allowed."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches


def nearest(name: str, allowed: Collection[str]) -> str:
    """The allowed name that somebody most likely meant; empty when none is near."""
    by_folded = {other.casefold(): other for other in allowed}
    found = get_close_matches(name.casefold(), list(by_folded), n=1, cutoff=0.6)
    return by_folded[found[0]] if found else ""


def not_allowed(what: str, name: str, allowed: Collection[str]) -> str:
    """A clause that says what is allowed, and which of it is nearest."""
    found = nearest(name, allowed)
    meant = f"; did you mean {found!r}" if found else ""
    return f"{what} {name!r} is none of {', '.join(allowed)}{meant}"
