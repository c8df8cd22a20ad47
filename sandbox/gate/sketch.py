"""A keyed sketch of the uploaded file, by which the host knows a file again (`sandbox.likeness`).

Two kinds of sums over the rows, both linear, so that two sketches are compared by subtraction:

* *counts*: a count sketch (Charikar, Chen and Farach-Colton 2002) of the exact values. Its squared distance counts the rows that differ,
  to the row when they are few. Another unit changes every value, and so all of it.
* *waves*: Σ exp(iωz) of the robustly standardised values at keyed frequencies, the empirical characteristic function. Units do not matter,
  and one row more moves it by about one row. At frequencies where the function itself is small it is the sampling noise of exactly these
  people: another cohort has another noise, however alike the two are.

A missing cell takes no part in either, and counts in the contents.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sandbox.gate.dataset import Dataset, Values
from sandbox.gate.tiles import Tiles
from sandbox.wire.sketches import MAX_MIXED, N_COUNTERS, N_MIXED, N_WAVES, WAVE_UNIT, ColumnSketch, FileSketch, pack

MIN_DISTINCT: Final = 50
NAME_DIGITS: Final = 8
CELLS_AT_ONCE: Final = 1 << 15
"""More of them leave the nearer caches."""
SAMPLE: Final = 4096
MARGIN: Final = 128
"""Places in a sample: a quantile is within them, four of its standard errors and more."""
_FIRST_LOOK: Final = 500
_LOOK: Final = 10_000
_LOWEST: Final = 2.5
_SPACING: Final = 0.45
_NORMAL_IQR: Final = 1.349
_SQUASH: Final = 3.0
"""Beyond so many standard deviations values are drawn in: else one outlier turns every wave."""
_MISSING: Final = np.uint64(0x7FF8_0000_0000_0001)

Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]
Plain = npt.NDArray[np.float32]


def make_sketch(dataset: Dataset, secret: bytes) -> FileSketch:
    """The sketch of an upload whose values are not yet taken: only the columns of the model take part.

    Args:
        dataset: the upload, all rows.
        secret: of the site; the same for all its files.
    """
    contract = dataset.contract
    names = [contract.column(index).name for index in contract.model]
    return sketch_columns(names, dataset.values, [dataset.slots[index] for index in contract.model], secret)


def sketch_columns(names: Sequence[str], values: Tiles, slots: Sequence[int], secret: bytes) -> FileSketch:
    """The sketch of some columns.

    Args:
        names: of the columns.
        values: raw values in file order, NaN where missing.
        slots: the place in `values` of each column.
        secret: of the site.
    """
    keys = _Keys(secret)
    sums = _Sums(keys, [_Side(values.column(slot)) for slot in slots])
    at_once = -(-CELLS_AT_ONCE // len(slots))
    for tile, low, high in values.pieces(0, values.n_rows):
        for start in range(low, high, at_once):
            sums.add(values[tile][list(slots), start : min(high, start + at_once)])
    waves, mixed = sums.waves, sums.mixed
    columns = (
        ColumnSketch(
            name=keys.name(name),
            content=f"{int(sums.contents[place]):016x}",
            n_observed=side.n_observed,
            is_rich=side.is_rich,
            counts=pack(_signed(sums.counts[place]).tolist()),
            waves=pack(waves[place].tolist()) if side.is_rich else b"",
            mixed=pack(mixed[place].tolist()),
        )
        for place, (name, side) in enumerate(zip(names, sums.sides, strict=True))
    )
    return FileSketch(values.n_rows, f"{int(sums.contents[-1]):016x}", pack(_signed(sums.counts[-1]).tolist()), tuple(columns))


class _Keys:
    """What the secret decides: the hash of a value, the frequencies and their signs."""

    def __init__(self, secret: bytes) -> None:
        self._name_key = hmac.digest(secret, b"tidegate sketch names v1", "sha256")
        key = hmac.digest(secret, b"tidegate sketch values v1", "sha256")
        # One block per value: the mode in which a cipher is a function of its block.
        self._cipher = Cipher(algorithms.AES(key[:16]), modes.ECB()).encryptor()  # noqa: S305
        first, spacing = (int.from_bytes(key[start : start + 4], "big") / 2**32 for start in (16, 20))
        self.first, self.spacing = _LOWEST + 0.5 * first, _SPACING * (1 + 0.2 * spacing)
        signs = np.unpackbits(np.frombuffer(hmac.digest(key, b"signs", "sha256"), np.uint8))[: 3 * N_WAVES]
        self.signs: Values = 1.0 - 2.0 * signs.reshape(3, N_WAVES).astype(np.float64)

    def name(self, name: str) -> str:
        """A name of a column's name."""
        return hmac.digest(self._name_key, name.encode(), "sha256").hex()[:NAME_DIGITS]

    def words(self, numbers: Words) -> Words:
        """Two random words for each number, shape (two, numbers' shape)."""
        blocks = np.zeros((numbers.size, 2), "<u8")
        blocks[:, 0] = numbers.ravel()
        words = np.frombuffer(self._cipher.update(blocks.data.cast("B")), "<u8").astype(np.uint64, copy=False)
        return words.reshape(-1, 2).T.reshape(2, *numbers.shape)


class _Side:
    """How one column is standardised."""

    def __init__(self, values: Values) -> None:
        observed = values[~np.isnan(values)]
        self.n_observed = len(observed)
        self.is_rich = any(len(np.unique(some)) >= MIN_DISTINCT for some in (observed[:_FIRST_LOOK], observed[:_LOOK], observed))
        self.mean, self.sd = (float(observed.mean()), float(observed.std()) or 1.0) if len(observed) else (0.0, 1.0)
        self.middle, self.width = _robust_units(observed) if self.is_rich else (0.0, 1.0)


def _bits(values: Values, is_missing: Mask) -> Words:
    """One number for each value, the same for 0 and −0; one for all missing cells."""
    bits = (values + 0.0).view(np.uint64)
    bits[is_missing] = _MISSING
    return bits


def _signed(both: Whole) -> Whole:
    """The counters of a count sketch: what counts up, less what counts down."""
    return both[:N_COUNTERS] - both[N_COUNTERS:-1]


def _robust_units(observed: Values) -> tuple[float, float]:
    """The median and a robust sd, which one row more hardly moves; of a column that is mostly one value the mean deviation."""
    sample = np.sort(observed[:: -(-len(observed) // SAMPLE)])
    low, middle, high = (_quantile(observed, share, sample) for share in (0.25, 0.5, 0.75))
    width = (high - low) / _NORMAL_IQR
    return middle, width or float(np.abs(observed - middle).mean()) or 1.0


def _quantile(values: Values, share: float, sample: Values) -> float:
    """As `numpy.quantile`, which puts all values in order; here only those between two others of a sample, which is in order."""
    near = int(share * len(sample))
    low, high = sample[max(near - MARGIN, 0)], sample[min(near + MARGIN, len(sample) - 1)]
    below, some = int(np.count_nonzero(values < low)), values[(values >= low) & (values <= high)]
    place, rest = divmod(share * (len(values) - 1), 1.0)
    wanted = [int(place) - below, int(place) - below + (rest > 0)]
    if wanted[0] < 0 or wanted[1] >= len(some):
        return float(np.quantile(values, share))
    first, second = np.partition(some, wanted)[wanted]
    return float(first + (second - first) * rest)


class _Sums:
    """Sums over the rows, a few rows at a time: of all columns at once, so that what is worked on stays in the nearer caches."""

    def __init__(self, keys: _Keys, sides: Sequence[_Side]) -> None:
        self._keys, self.sides = keys, sides
        self._rich = [place for place, side in enumerate(sides) if side.is_rich]
        self._mean, self._sd = (np.array([[getattr(side, name)] for side in sides]) for name in ("mean", "sd"))
        self._middle, self._width = (np.array([[getattr(sides[place], name)] for place in self._rich]) for name in ("middle", "width"))
        k = len(sides)
        self.contents: Words = np.zeros(k + 1, np.uint64)
        """A name of the multiset of each column's values, and of the rows as wholes: the sum of a random word of each modulo 2^64."""
        self.counts: Whole = np.zeros((k + 1, 2 * N_COUNTERS + 1), np.int64)
        """How many of them each counter counts up, and then down; missing cells are behind."""
        self._waves = np.zeros((k, N_WAVES), complex)
        self._by_wave, self._by_sign = np.zeros((k, N_WAVES)), np.zeros((k, N_MIXED))

    def add(self, piece: Values) -> None:
        """Add some rows, shape (columns, rows)."""
        is_missing = np.isnan(piece)
        words, places = self._keys.words(_bits(piece, is_missing))
        self._count(words, places, is_missing)
        plain = ((piece - self._mean) / self._sd).astype(np.float32)
        plain[is_missing] = 0.0
        if self._rich:
            self._add_waves(piece[self._rich], is_missing[self._rich], plain)
            self._add_signs(places[self._rich], is_missing[self._rich], plain)

    def _count(self, words: Words, places: Words, is_missing: Mask) -> None:
        row_words, row_places = self._keys.words(words.sum(axis=0))
        self.contents += np.append(words.sum(axis=1), row_words.sum())
        counters = np.vstack([places, row_places]).astype(np.int64) & (2 * N_COUNTERS - 1)
        counters[:-1][is_missing] = 2 * N_COUNTERS
        self.counts += _grouped(counters, self.counts.shape[1])

    def _add_waves(self, values: Values, is_missing: Mask, plain: Plain) -> None:
        """Turn the waves from one frequency to the next."""
        # Half the width is twice the speed, and the pieces are short enough for its sums.
        squashed = np.arcsinh(((values - self._middle) / (_SQUASH * self._width)).astype(np.float32))
        squashed[np.isnan(squashed)] = 0.0
        first, step = (np.float32(frequency * _SQUASH) * squashed for frequency in (self._keys.first, self._keys.spacing))
        real, imaginary, cos, sin = np.cos(first), np.sin(first), np.cos(step), np.sin(step)
        real[is_missing] = 0.0
        n_columns, n_rows = values.shape
        columns, rows = np.ones(n_columns, np.float32), np.ones(n_rows, np.float32)
        sums = np.empty((3, N_WAVES, n_columns), np.float32)
        context, own, spare = np.empty((N_WAVES, n_rows), np.float32), plain[self._rich], np.empty((2, n_columns, n_rows), np.float32)
        for frequency in range(N_WAVES):
            np.matmul(real, rows, out=sums[0, frequency])
            np.matmul(imaginary, rows, out=sums[1, frequency])
            np.vecdot(real, own, out=sums[2, frequency])
            np.matmul(columns, real, out=context[frequency])
            np.multiply(real, sin, out=spare[0])
            np.multiply(imaginary, sin, out=spare[1])
            real *= cos
            real -= spare[1]
            imaginary *= cos
            imaginary += spare[0]
        self._waves[self._rich] += sums[0].T + 1j * sums[1].T
        # A column does not speak for itself: else every column that looks like it would match.
        self._by_wave[self._rich] -= sums[2].T
        self._by_wave += plain @ context.T

    def _add_signs(self, words: Words, is_missing: Mask, plain: Plain) -> None:
        chosen = (words >> np.uint64(32)).astype(np.uint32)
        halves = chosen // np.uint32(N_MIXED)
        counters = (chosen - halves * np.uint32(N_MIXED)).astype(np.int64)
        signs = 1.0 - 2.0 * (halves & np.uint32(1))
        signs[is_missing] = 0.0
        n_rows = words.shape[1]
        context = np.bincount((counters * n_rows + np.arange(n_rows)).ravel(), signs.ravel(), N_MIXED * n_rows).reshape(N_MIXED, n_rows)
        self._by_sign += plain @ context.astype(np.float32).T
        self._by_sign[self._rich] -= _grouped(counters, N_MIXED, np.asarray(signs * plain[self._rich], np.float64))

    @property
    def waves(self) -> Whole:
        """As the sketch keeps them, shape (columns, 2 N_WAVES)."""
        real, imaginary, _ = self._keys.signs
        return _whole(np.hstack([self._waves.real * real, self._waves.imag * imaginary]) * WAVE_UNIT)

    @property
    def mixed(self) -> Whole:
        """As the sketch keeps them, shape (columns, N_WAVES + N_MIXED)."""
        return np.hstack([_scaled(self._by_wave * self._keys.signs[2]), _scaled(self._by_sign)])


def _scaled(sums: Values) -> Whole:
    largest = np.abs(sums).max(axis=1, keepdims=True)
    return _whole(sums * MAX_MIXED / np.where(largest > 0, largest, 1.0))


def _whole(numbers: Values) -> Whole:
    return np.rint(numbers).astype(np.int64)


def _grouped(groups: Whole, n_groups: int, weights: Values | None = None) -> npt.NDArray[Any]:
    """How many of each row's numbers are of each group, or the sum of their weights, shape (rows, groups)."""
    flat = groups + np.arange(len(groups))[:, None] * n_groups
    found = np.bincount(flat.ravel(), None if weights is None else weights.ravel(), len(groups) * n_groups)
    return found.reshape(len(groups), n_groups)
