"""The levels of a column: texts to 0, 1, 2, whatever the texts are.

Levels compare by number when both texts are numbers ("1" and "1.0" are one level), else by text. Cells are told apart by their bytes, in
one vectorised pass per block; only the few distinct ones become Python objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.contract import NUMBER, LevelKey, level_key
from sandbox.gate.scanner import Offsets, field_text

MAX_LEVEL_BYTES: Final = 256
_ROWS_AT_ONCE: Final = 8192


class UnknownLevel(Exception):
    """A cell holds none of the levels, or one more than there may be; `record` is its row in the block."""

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
    """The levels of one column, declared by the contract or learnt from the data in the order they appear."""

    def __init__(self, declared: Sequence[str] | None, tokens: Tokens, *, at_most: int = 2) -> None:
        """`at_most`: how many may be learnt."""
        self._tokens = tokens
        self._is_declared = declared is not None
        self._at_most = at_most
        self._codes: dict[LevelKey, int] = {} if declared is None else {level_key(text): code for code, text in enumerate(declared)}
        self._spelled: dict[int, str] = {}

    @property
    def learnt(self) -> tuple[str, ...]:
        """The levels found so far, in the order they appeared, as they were spelled first."""
        return tuple(self._spelled[code] for code in sorted(self._spelled))

    def encode(self, block: npt.NDArray[np.uint8], starts: Offsets, ends: Offsets) -> npt.NDArray[np.float64]:
        """The codes of a block's cells, NaN where missing, shape (records,). Raises :class:`UnknownLevel`."""
        codes = np.empty(len(starts))
        for first in range(0, len(starts), _ROWS_AT_ONCE):
            rows = slice(first, first + _ROWS_AT_ONCE)
            codes[rows] = self._encode(block, starts[rows], ends[rows], first)
        return codes

    def places(self, levels: Sequence[str]) -> npt.NDArray[np.float64]:
        """For each code given so far its place among `levels`, of which these are all or some; shape (codes,)."""
        place_of = {level_key(text): place for place, text in enumerate(levels)}
        by_code = sorted(self._codes, key=self._codes.__getitem__)
        return np.array([place_of[key] for key in by_code], np.float64)

    def texts(self, levels: Sequence[str]) -> tuple[str, ...]:
        """How this file spells each of `levels`; as `levels` does where one does not occur."""
        spelled = {level_key(text): text for text in self._spelled.values()}
        return tuple(spelled.get(level_key(text), text) for text in levels)

    def _encode(self, block: npt.NDArray[np.uint8], starts: Offsets, ends: Offsets, first: int) -> npt.NDArray[np.float64]:
        widths = ends - starts
        if len(widths) and widths.max() > MAX_LEVEL_BYTES:
            raise UnknownLevel(first + int(widths.argmax()))
        records, inverse = _distinct(block, starts, widths)
        codes = np.empty(len(records))
        # In the order of appearance, so that the first cell with one level too many is the one that is named.
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
        key = level_key(text)
        code = self._codes.get(key)
        if code is None:
            if self._is_declared or len(self._codes) == self._at_most:
                return None
            code = self._codes[key] = len(self._codes)
        self._spelled.setdefault(code, text)
        return float(code)


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
