"""Values in tiles are those that were appended, however they are cut, and sorting them needs no second copy."""

from __future__ import annotations

import mmap
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.contract import Column, Contract
from sandbox.gate import tiles as tiles_module
from sandbox.gate.dataset import Columns, Dataset
from sandbox.gate.patterns import find_patterns
from sandbox.gate.region import Region
from sandbox.gate.rows import Rows
from sandbox.gate.tiles import Tiles, tile_rows


def tiles_of(values: np.ndarray, n_columns: int, cuts: list[int], rows_per_tile: int, region: Region | None = None) -> Tiles:
    tiles = Tiles(region or Region(mmap.mmap(-1, 1 << 23)), n_columns)
    tiles.tile_rows = rows_per_tile  # type: ignore[misc]
    for piece in np.split(values, sorted(min(cut, len(values)) for cut in cuts)):
        tiles.append(piece)
    return tiles


@given(st.integers(0, 40), st.integers(1, 4), st.integers(1, 9), st.lists(st.integers(0, 40), max_size=5), st.randoms())
@settings(max_examples=150, deadline=None)
def test_columns_are_what_was_appended_and_sorted_as_asked_wherever_tiles_end(n, n_columns, rows_per_tile, cuts, random) -> None:
    values = np.arange(n * n_columns, dtype=float).reshape(n, n_columns)
    tiles = tiles_of(values, n_columns + 2, cuts, rows_per_tile)
    assert tiles.n_rows == n
    assert all(np.array_equal(tiles.column(position), values[:, position]) for position in range(n_columns))
    order = np.array(random.sample(range(n), n), dtype=np.int64)
    chosen = sorted(random.sample(range(n_columns), random.randint(1, n_columns)))
    tiles.sort(order, chosen, np.array([0.0, 1.0]))
    expected = np.column_stack([values[order][:, chosen], np.zeros(n), np.ones(n)])
    assert all(np.array_equal(tiles.column(position), expected[:, position]) for position in range(len(chosen) + 2))
    pieces = [tiles[tile][0, low:high] for tile, low, high in tiles.pieces(0, n)]
    assert np.array_equal(np.concatenate([np.empty(0), *pieces]), expected[:, 0])


@pytest.mark.parametrize("n_columns", [1, 21, 51, 1000])
def test_columns_of_a_tile_do_not_start_at_the_same_place_of_a_cache(n_columns: int) -> None:
    lines = [column * tile_rows(n_columns) * 8 // 64 % 64 for column in range(min(n_columns, 64))]
    assert len(set(lines)) == len(lines)


def make(n: int, takes_part: np.ndarray, region: Region) -> tuple[Dataset, Rows, np.ndarray]:
    values = np.random.default_rng(0).normal(size=(n, 4))
    values[np.random.default_rng(1).random((n, 4)) < 0.3] = np.nan
    contract = Contract((Column("y", "target", "continuous"), *(Column(name, "predictor") for name in "abc")))
    tiles = tiles_of(values, 5, [], 32, region)
    dataset = Dataset(contract, {1: 0, 2: 1, 3: 2, 4: 3}, tiles)
    patterns = find_patterns(np.isnan(values[takes_part, :1]))
    return dataset, Rows(dataset, takes_part, patterns, region, np.array([1.0])), values


def test_rows_are_laid_out_in_the_memory_of_the_upload() -> None:
    region = Region(mmap.mmap(-1, 1 << 23))
    n = 20_000
    make(n, np.arange(n), region)
    matrix, per_row = 8 * n * 5, 8 * n
    # The order of the rows, and room for three numbers per missing cell of one target.
    assert region.wipe() < matrix + 1.1 * per_row + 3 * 0.35 * per_row + (1 << 16)


def test_laying_out_rows_holds_no_more_than_a_few_columns_beside_them_and_each_row_is_found_again() -> None:
    n, n_columns = 30_000, 30
    values = np.random.default_rng(0).normal(size=(n, n_columns))
    mask = np.random.default_rng(1).random((n, 3)) < 0.3
    values[:, :3][mask] = np.nan
    targets = [Column(f"y{number}", "target", "continuous") for number in range(3)]
    contract = Contract((*targets, *(Column(f"x{number}", "predictor") for number in range(3, n_columns))))
    region = Region(mmap.mmap(-1, 1 << 25))
    dataset = Dataset(contract, {index: index - 1 for index in contract.model}, tiles_of(values, n_columns + 1, [], 1000, region))
    takes_part = np.flatnonzero(np.arange(n) % 7 > 0)
    patterns = find_patterns(mask[takes_part])
    tracemalloc.start()
    try:
        rows = Rows(dataset, takes_part, patterns, region, np.array([1.0]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * 8 * n
    for position in range(n_columns):
        assert np.array_equal(rows.column(position), values[rows.file_rows, position], equal_nan=True)
    for target in rows.targets:
        assert set(rows.missing_rows(target)) == set(takes_part[mask[takes_part, target - 1]])
        assert np.isnan(rows.column(target - 1)[rows.missing_places(target)]).all()


def test_rows_that_take_no_part_are_kept_as_they_came_and_in_no_kernel() -> None:
    region = Region(mmap.mmap(-1, 1 << 23))
    takes_part = np.flatnonzero(np.arange(100) % 3 > 0)
    _, rows, values = make(100, takes_part, region)
    rows.standardise(np.zeros(4), np.ones(4), {1: np.zeros(rows.n_missing(1))})
    left = np.delete(np.arange(100), takes_part)
    for position in range(4):
        assert np.array_equal(rows.idle(position), values[left, position], equal_nan=True)
        assert len(rows.column(position)) == len(takes_part)
    assert sum(len(part.design) for is_missing in (True, False) for part in rows.parts(1, is_missing=is_missing)) == len(takes_part)


def test_values_that_rows_have_taken_are_not_read_in_file_order() -> None:
    dataset, _, _ = make(50, np.arange(50), Region(mmap.mmap(-1, 1 << 23)))
    with pytest.raises(ValueError, match="file order"):
        dataset.column(1)


def test_columns_are_of_the_rows_that_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles_module, "tile_rows", lambda _: 7)
    values = np.random.default_rng(3).normal(size=(40, 2))
    contract = Contract((Column("y", "target", "continuous"), Column("a", "predictor")))
    dataset = Dataset(contract, {1: 0, 2: 1}, tiles_of(values, 2, [], 7))
    chosen = np.array([3, 9, 30])
    columns = Columns(dataset, chosen)
    assert list(columns) == [1, 2]
    assert all(np.array_equal(columns[index], values[chosen, index - 1]) for index in columns)
    assert np.array_equal(Columns(dataset, np.arange(40))[2], values[:, 1])
