"""Columns of numbers, parsed by pandas' C engine from a block of complete records.

pandas is fast but has ideas of its own (a column of True is 1.0, for instance), so what a number is says :data:`sandbox.contract.NUMBER`:
pandas may only be faster, never more generous. Its exceptions quote cells; they end here.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from sandbox.contract import NUMBER
from sandbox.gate.levels import Tokens
from sandbox.gate.scanner import Scan, field_text

Values = npt.NDArray[np.float64]


@dataclass(slots=True)
class Numbers:
    """What a block holds in its columns of numbers."""

    values: Values
    """NaN where missing, shape (records, columns), in the order that was asked for; of columns with a bad record they mean nothing."""
    bad_records: dict[int, int] = field(default_factory=dict)
    """The first record with a cell that is no number, by the column's 1-based index."""


def read_numbers(block: bytes, scan: Scan, columns: Sequence[int], missing: tuple[str, ...]) -> Numbers:
    """Parse `columns` (1-based, ascending) of a block that was scanned."""
    if not columns:
        return Numbers(np.empty((scan.n_records, 0)))
    n_fields = scan.starts.shape[1]
    values = _parse(block, n_fields, columns, missing, scan.n_records)
    if values is not None:
        doubtful = np.flatnonzero(~_start_with_number(block, scan, columns, values)).tolist()
        numbers = Numbers(values)
    else:
        doubtful = list(range(len(columns)))
        numbers = Numbers(np.empty((scan.n_records, len(columns)), order="F"))
    for position in doubtful:
        _read_alone(block, scan, columns[position], missing, numbers, position)
    return numbers


def _read_alone(block: bytes, scan: Scan, column: int, missing: tuple[str, ...], numbers: Numbers, position: int) -> None:
    """Parse a column that spoilt the others, or may have."""
    if _first_is_number(block, scan, column, missing):
        parsed = _parse(block, scan.starts.shape[1], [column], missing, scan.n_records)
        if parsed is not None and _start_with_number(block, scan, [column], parsed)[0]:
            numbers.values[:, position] = parsed[:, 0]
            return
    _read_slowly(block, scan, column, missing, numbers, position)


def _parse(block: bytes, n_fields: int, columns: Sequence[int], missing: tuple[str, ...], n_records: int) -> Values | None:
    try:
        frame = pd.read_csv(
            io.BytesIO(block),
            header=None,
            names=range(n_fields),
            index_col=False,
            usecols=[column - 1 for column in columns],
            dtype=np.float64,
            na_values=list(missing),
            keep_default_na=False,
            skip_blank_lines=False,
            low_memory=False,
            engine="c",
        )
    except (ValueError, TypeError, OverflowError):
        return None
    values: Values = frame.to_numpy()
    return values if values.shape == (n_records, len(columns)) else None


def _first_is_number(block: bytes, scan: Scan, column: int, missing: tuple[str, ...]) -> bool:
    # Most columns that are no numbers are words from the first cell on: parsing the block once for each would take all day.
    tokens = Tokens(missing)
    cells = (_cell(block, scan, record, column) for record in range(scan.n_records))
    first = next((text for text in cells if text not in tokens), None)
    return first is None or NUMBER.match(first) is not None


def _start_with_number(block: bytes, scan: Scan, columns: Sequence[int], values: Values) -> npt.NDArray[np.bool_]:
    """Whether the first observed cell of each column is a number, shape (columns,)."""
    # pandas reads a column as booleans only when every cell is one, so the first observed cell tells.
    result = np.ones(len(columns), dtype=bool)
    if not scan.n_records:
        return result
    firsts = np.isnan(values).argmin(axis=0).tolist()
    for position, (column, record) in enumerate(zip(columns, firsts, strict=True)):
        if np.isfinite(values[record, position]):
            result[position] = NUMBER.match(_cell(block, scan, record, column)) is not None
    return result


def _read_slowly(block: bytes, scan: Scan, column: int, missing: tuple[str, ...], numbers: Numbers, position: int) -> None:
    """Find the first cell that is no number; when there is none, the values as Python reads them."""
    tokens, values = Tokens(missing), numbers.values[:, position]
    for record in range(scan.n_records):
        text = _cell(block, scan, record, column)
        if text in tokens:
            values[record] = np.nan
        elif NUMBER.match(text):
            values[record] = float(text)
        else:
            numbers.bad_records[column] = record
            return


def _cell(block: bytes, scan: Scan, record: int, column: int) -> str:
    return field_text(block[scan.starts[record, column - 1] : scan.ends[record, column - 1]])
