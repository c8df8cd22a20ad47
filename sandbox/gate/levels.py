"""The two levels of a binary column: texts to 0 and 1, whatever the texts are.

Levels compare by number when both texts are numbers ("1" and "1.0" are one level), else by text. Cells are told apart by their bytes, in
one vectorised pass per block; only the few distinct ones become Python objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from sandbox.contract import NUMBER, order_levels
from sandbox.gate.scanner import Offsets, field_text

MAX_LEVEL_BYTES: Final = 256
_ROWS_AT_ONCE: Final = 8192
Key: TypeAlias = float | str


class UnknownLevel(Exception):
    """A cell holds neither of the two levels; `record` is its row in the block."""

    def __init__(self, record: int) -> None:
        super().__init__(record)
        self.record = record


class Tokens:
    """The texts read as missing. A token that is a number also stands for other spellings of that number."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._keys = frozenset(texts)
        self._numbers = frozenset(float(text) for text in self._keys if NUMBER.match(text))

    def __contains__(self, text: str) -> bool:
        return text in self._keys or (bool(self._numbers) and NUMBER.match(text) is not None and float(text) in self._numbers)


class Levels:
    """The levels of one binary column, declared by the contract or learnt from the data in the order they appear."""

    def __init__(self, declared: tuple[str, str] | None, tokens: Tokens) -> None:
        self._tokens = tokens
        self._is_declared = declared is not None
        self._codes: dict[Key, int] = {} if declared is None else {_key(text): code for code, text in enumerate(declared)}
        self._texts: dict[int, str] = {}
        self.is_swapped = False
        """Whether 0 and 1 of the codes given so far must change places, decided by :meth:`resolve`."""

    def encode(self, block: npt.NDArray[np.uint8], starts: Offsets, ends: Offsets) -> npt.NDArray[np.float64]:
        """The codes of a block's cells, NaN where missing, shape (records,). Raises :class:`UnknownLevel`."""
        codes = np.empty(len(starts))
        for first in range(0, len(starts), _ROWS_AT_ONCE):
            rows = slice(first, first + _ROWS_AT_ONCE)
            codes[rows] = self._encode(block, starts[rows], ends[rows], first)
        return codes

    def resolve(self) -> tuple[str, str] | None:
        """The two levels learnt, in the order 0, 1; None unless there are exactly two. Codes given so far mean the order of appearance."""
        if self._is_declared or len(self._codes) != 2:
            return None
        found = (self._texts[0], self._texts[1])
        ordered = order_levels(found)
        self.is_swapped = ordered != found
        return ordered

    def texts(self, levels: tuple[str, str]) -> tuple[str, str]:
        """How this file spells 0 and 1; the contract's spelling, `levels`, for one that does not occur."""
        if self.is_swapped:
            return levels
        return self._texts.get(0, levels[0]), self._texts.get(1, levels[1])

    def _encode(self, block: npt.NDArray[np.uint8], starts: Offsets, ends: Offsets, first: int) -> npt.NDArray[np.float64]:
        widths = ends - starts
        if len(widths) and widths.max() > MAX_LEVEL_BYTES:
            raise UnknownLevel(first + int(widths.argmax()))
        records, inverse = _distinct(block, starts, widths)
        codes = np.empty(len(records))
        # In the order of appearance, so that the first cell with a third level is the one that is named.
        for distinct in np.argsort(records):
            record = int(records[distinct])
            code = self._code(field_text(block[starts[record] : ends[record]].tobytes()))
            if code is None:
                raise UnknownLevel(first + record)
            codes[distinct] = code
        return codes[inverse]

    def _code(self, text: str) -> float | None:
        if text in self._tokens:
            return np.nan
        key = _key(text)
        code = self._codes.get(key)
        if code is None:
            if self._is_declared or len(self._codes) == 2:
                return None
            code = self._codes[key] = len(self._codes)
        self._texts.setdefault(code, text)
        return float(code)


def _key(text: str) -> Key:
    return float(text) if NUMBER.match(text) else text


def _distinct(block: npt.NDArray[np.uint8], starts: Offsets, widths: Offsets) -> tuple[Offsets, Offsets]:
    """For the distinct cells: the first record of each, shape (distinct,), and each record's cell, shape (records,)."""
    # Padded with NUL, which the scanner has refused inside a cell.
    n_words = max(1, -(-int(widths.max(initial=1)) // 8))
    columns = np.arange(8 * n_words)
    cells = block[np.minimum(starts[:, None] + columns, len(block) - 1)]
    cells[columns >= widths[:, None]] = 0
    keys = cells.view(np.uint64 if n_words == 1 else f"V{8 * n_words}")[:, 0]
    _, records, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return records, inverse
