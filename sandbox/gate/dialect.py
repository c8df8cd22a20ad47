"""How a file writes a table: what is between cells, what ends a line. Found in the first bytes of a file, and the same to its end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

COMMA, SEMICOLON, TAB, BAR, QUOTE, NEWLINE, RETURN = 44, 59, 9, 124, 34, 10, 13
SEPARATORS: Final = {COMMA: "commas", SEMICOLON: "semicolons", TAB: "tabs", BAR: "vertical bars"}
"""What may be between two cells, the usual first."""
_SEPARATOR_LINE: Final = re.compile(rb'"?sep=([,;\t|])"?[ \t]*(?=[\r\n]|\Z)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The bytes that make a table of a text."""

    separator: int = COMMA
    newline: int = NEWLINE
    """What ends a line; a carriage return before a newline belongs to the line end."""

    @property
    def separator_text(self) -> str:
        """The separator as text."""
        return chr(self.separator)

    @property
    def newline_bytes(self) -> bytes:
        """What ends a line, as bytes."""
        return bytes([self.newline])

    @property
    def blank(self) -> bytes:
        """The bytes that a line without any value consists of."""
        return b' \t\r\n"' + bytes([self.separator])


PLAIN: Final = Dialect()


def find_dialect(head: bytes, *, is_whole: bool) -> Dialect:
    """The dialect of a text that begins with `head`, without a byte order mark; `is_whole`: nothing comes after it."""
    data = np.frombuffer(head, dtype=np.uint8)
    is_outside = np.cumsum(data == QUOTE) % 2 == 0
    newline = _find_newline(data, is_outside, is_whole=is_whole)
    named = _SEPARATOR_LINE.match(head)
    if named:
        return Dialect(named.group(1)[0], newline)
    ends = np.flatnonzero(is_outside & (data == newline))
    if is_whole and len(data) and not (len(ends) and ends[-1] == len(data) - 1):
        ends = np.append(ends, len(data))
    return Dialect(_find_separator(head, data, is_outside, ends), newline)


def separator_line_length(text: bytes) -> int:
    """Number of bytes of a first line that only names the separator, without its line end; 0 when there is none."""
    named = _SEPARATOR_LINE.match(text)
    return named.end() if named else 0


def _find_newline(data: npt.NDArray[np.uint8], is_outside: npt.NDArray[np.bool_], *, is_whole: bool) -> int:
    if (is_outside & (data == NEWLINE)).any():
        return NEWLINE
    returns = np.flatnonzero(is_outside & (data == RETURN))
    # What follows a last carriage return is not known yet.
    is_return = len(returns) and (is_whole or returns[0] < len(data) - 1)
    return RETURN if is_return else NEWLINE


def _find_separator(head: bytes, data: npt.NDArray[np.uint8], is_outside: npt.NDArray[np.bool_], ends: npt.NDArray[np.intp]) -> int:
    """The separator by which the lines have as many cells as the header; of several such the one that makes most cells, commas first."""
    starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else np.zeros(1, dtype=np.intp)
    stops = ends if len(ends) else np.array([len(data)])
    kept = [place for place in range(len(starts)) if head[starts[place] : stops[place]].strip(b' \t\r\n",;|')]
    if not kept:
        return COMMA
    best, best_merit = COMMA, (0.0, 0)
    for separator in SEPARATORS:
        places = np.flatnonzero(is_outside & (data == separator))
        counts = (np.searchsorted(places, stops) - np.searchsorted(places, starts))[kept]
        merit = (float((counts == counts[0]).mean()), int(counts[0]))
        if counts[0] and merit > best_merit:
            best, best_merit = separator, merit
    return best
