"""Lines of a ledger as a page shows them: some at a time, and what several chains were asked alike once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

LINES_AT_ONCE: Final = 200
"""A job of four chains has lines of thousands of characters, and a thousand of them."""

LONG: Final = 200
"""Characters of a text from which on a page shows its beginning: the sketch of a file has thousands."""

Parts = list[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some lines of many. Numbers of lines and pages are 1-based; no line: `first` is 1 and `last` 0."""

    lines: Sequence[Mapping[str, Any]]
    page: int
    n_pages: int
    first: int
    last: int
    n_lines: int


def stretch(lines: Sequence[Mapping[str, Any]], page: int) -> Stretch:
    """The lines of a page; of the nearest one when there is none of that number."""
    n_pages = max(-(-len(lines) // LINES_AT_ONCE), 1)
    page = min(max(page, 1), n_pages)
    start = (page - 1) * LINES_AT_ONCE
    some = lines[start : start + LINES_AT_ONCE]
    return Stretch(some, page, n_pages, start + 1, start + len(some), len(lines))


def by_chain(parts: Sequence[Mapping[str, Any]], *shown: str) -> list[tuple[str, Parts]]:
    """The parts of a line (its steps, its fields) by the chains they belong to.

    Chains whose parts have the same `shown` values are named together, as "chains 1–3, 5"; a job without chains has no name for its one.
    """
    own: dict[int, Parts] = {}
    for part in parts:
        own.setdefault(int(part.get("chain", 1)), []).append(part)
    alike: dict[str, list[int]] = {}
    for chain in sorted(own):
        alike.setdefault(repr([[part.get(name) for name in shown] for part in own[chain]]), []).append(chain)
    return [("" if own.keys() == {1} else _names(chains), own[chains[0]]) for chains in alike.values()]


def _names(chains: list[int]) -> str:
    runs = [[chain for _, chain in run] for _, run in groupby(enumerate(chains), lambda pair: pair[1] - pair[0])]
    named = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)
    return f"chain{'s' if len(chains) > 1 else ''} {named}"


def shortened(value: Any) -> Any:
    """A line, or a part of one, with the beginnings of its long texts."""
    match value:
        case str() if len(value) > LONG:
            return f"{value[:LONG]} and {len(value) - LONG:,} more characters"
        case Mapping():
            return {key: shortened(part) for key, part in value.items()}
        case list():
            return [shortened(part) for part in value]
        case _:
            return value
