"""Sticky errors: the error of a number is a function of the site's secret and of what the number is about, so that asking again tells
nothing. Nor does asking for another size: that has errors of its own, so that two sizes are never two multiples of one error.

This is the cell key method of statistical offices (Fraser and Wooton 2005), for sums of products. Half of an error's variance belongs to
the life of a file (all its versions), so that versions do not average it away; the other half to the rows themselves, so that the
difference of two versions is not exact. The key of that half is the multiset of row tuples of the columns in question, each column
standardised and turned one way: order of rows, units, direction, names and spelling of levels give the same error, and so do other columns
of the job.

A cell becomes a keyed code, a row a word of its codes, a set of rows a sum over them, in two lanes of independent codes. Codes are made as
rows are read, some at a time, and held of no more. Nobody outside ever sees a code or a sum; what is made of them leaves through
HMAC-SHA256 and the normal distribution.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Codes = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

QUANTUM: Final = 2.0**-20
"""Standardised values are told apart at this step: wide of the rounding that a change of units brings, narrow of any measurement."""
_OFFSET: Final = 0.377
"""Of the steps' borders, where no value that people write down lies."""
N_LANES: Final = 2
LANE_BITS: Final = 20
"""Of a code, sign included: of products of two sums over 2^14 rows are exact in double precision."""
SHARE_OF_FARTHEST: Final = 0.3
"""Smallest size of an error of a sum with a numeric column, as a share of its farthest cell. A normal column of 30,000 people has none
beyond what this leaves as it is; of the farthest one in a long tail a card tells no more than of anybody (policies/README.md)."""
ROWS_AT_ONCE: Final = 1 << 14
_LABEL: Final = b"tidegate sticky error v1"
_MULTIPLIERS: Final = (np.uint64(0xBF58_476D_1CE4_E5B9), np.uint64(0x94D0_49BB_1331_11EB))
_SHIFTS: Final = (np.uint64(30), np.uint64(27), np.uint64(31))
Digest = bytes
Cells = Callable[[], Iterable[Floats]]


@dataclass(frozen=True, slots=True)
class Errors:
    """The errors of one file at one site."""

    secret: bytes
    """The site's."""
    life: bytes
    """What all versions of the file have in common."""
    size: float
    """Standard deviation of an error, in what one typical person adds to the number; 0: no errors."""
    names: tuple[str, ...] = ()
    """What the life calls the columns of the model, in file order; none: their names in the contract."""

    def normal(self, kind: str, names: Sequence[str], contents: Sequence[Digest]) -> float:
        """The standard normal number that belongs to a number of a card.

        Args:
            kind: what is summed.
            names: of the columns that it is about; they key the half that all versions of the file share.
            contents: digests of these columns' rows; they key the other half.
        """
        life = self._half(b"life", kind, [self.life, *(name.encode() for name in names)])
        version = self._half(b"version", kind, contents)
        return (life + version) / float(np.sqrt(2.0))

    def _half(self, label: bytes, kind: str, about: Sequence[bytes]) -> float:
        # Lengths in front: no two lists of bytes are one text.
        parts = [_LABEL, label, struct.pack(">d", self.size), kind.encode(), *about]
        text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        word = int.from_bytes(hmac.digest(self.secret, text, "sha256")[:8], "big") >> 11
        return float(ndtri((word + 0.5) / 2.0**53))


def typical(squares: Floats, absolutes: Floats, floor: float | Floats) -> Floats:
    """What one typical contributor adds to a sum, Σφ²/Σ|φ|, and at least `floor`; any shape."""
    ratio = np.divide(squares, absolutes, out=np.zeros_like(squares), where=absolutes > 0)
    return np.maximum(ratio, floor)


class Contents:
    """Digests of columns of a file, alone, in pairs, and of whole rows. It holds nothing of a row.

    A cell has a keyed code f, a whole number; the digest of two columns is Σ f(a) f(b) over the rows. As a function of the codes it is the
    table of the two columns, halves of cells that were exchanged added up, and nothing else: two tables have one digest by chance alone,
    once in 2^19, and once in 2^38 in both of two lanes. So all pairs of columns are two products of matrices.
    """

    def __init__(self, secret: bytes, cells: Cells, is_two_valued: Mask, targets: Sequence[int] = ()) -> None:
        """Go over the rows twice.

        Args:
            secret: of the site.
            cells: gives all rows, some at a time: canonical values, shape (columns, rows), NaN where missing; overwritten here.
            is_two_valued: columns of two values, shape (columns,).
            targets: the columns that :meth:`together` is asked about.
        """
        self._secret = secret
        self._targets = list(targets)
        self._coder = _Coder(secret, is_two_valued)
        k, n_targets = len(is_two_valued), len(self._targets)
        # A row before its columns are told apart, but for the target: its codes added up.
        weights = np.ones((N_LANES, n_targets, k))
        weights[:, np.arange(n_targets), self._targets] = self._multipliers(b"target")[:, None]
        self._sums = np.zeros((N_LANES, k + 1, k + 1), np.int64)
        known = np.zeros((N_LANES, n_targets, k), np.int64)
        for codes in self._coder.codes(cells()):
            self._sums += _whole(codes @ codes.transpose(0, 2, 1))
            if n_targets:
                rows = self._coder.lanes(self._rows(weights, codes))
                known += _whole(rows @ codes[:, :-1].transpose(0, 2, 1))
        self._known = {target: [known[:, place, j].tobytes() for j in range(k)] for place, target in enumerate(self._targets)}
        self._whole_rows = self._digests(weights, cells) if n_targets else {}

    def alone(self, position: int) -> Digest:
        """Of one column."""
        return self._sums[:, position, -1].tobytes()

    def pairs(self) -> dict[tuple[int, int], Digest]:
        """Of every two columns, by their positions in ascending order.

        Which cell of a row is of which column is not in it: a sum of products does not tell, either.
        """
        k = self._sums.shape[1] - 1
        return {(j, other): self._sums[:, j, other].tobytes() for j in range(k) for other in range(j + 1, k)}

    def named(self, names: Sequence[str]) -> tuple[str, ...]:
        """The same name for columns with the same cells, such as an age and a year of birth: else both halves' difference would tell them
        apart, and each telling of one column would be another look at it.

        Σ f(a) f(b) = Σ f(a)² = Σ f(b)² where all codes are equal, and nowhere else (Cauchy and Schwarz).
        """
        squares = np.diagonal(self._sums, axis1=1, axis2=2)[:, :-1]
        found = []
        for j in range(len(names)):
            same = (self._sums[:, j, :-1] == squares[:, [j]]) & (squares == squares[:, [j]])
            found.append(min(names[place] for place in np.flatnonzero(same.all(axis=0)).tolist()))
        return tuple(found)

    def together(self, target: int) -> tuple[Digest, list[Digest]]:
        """Of whole rows in which one column is told apart from the others; and each other column's as these rows know it.

        Columns that two rows differ in by an exchange alone (two windows that two people change places between) have one multiset
        each. So a column is known by its cells beside all that its rows hold, and a row by its cells beside what their columns are.
        """
        known = [digest for position, digest in enumerate(self._known[target]) if position != target]
        return self._whole_rows[target], known

    def _digests(self, weights: Floats, cells: Cells) -> dict[int, Digest]:
        """Of whole rows, now that their columns can be told apart."""
        for place, target in enumerate(self._targets):
            for position, digest in enumerate(self._known[target]):
                if position != target:
                    weights[:, place, position] = self._multipliers(digest)
        sums = np.zeros((N_LANES, len(self._targets)), np.uint64)
        for codes in self._coder.codes(cells()):
            rows = self._rows(weights, codes)
            for lane, key in enumerate(self._coder.lane_keys):
                sums[lane] += _mix(rows ^ key).sum(axis=1, dtype=np.uint64)
        return {target: sums[:, place].tobytes() for place, target in enumerate(self._targets)}

    def _rows(self, weights: Floats, codes: Floats) -> Codes:
        """A word of each row for each target, shape (targets, rows): of sums of its codes, exact like all these products."""
        one, other = (weights @ codes[:, :-1]).astype(np.int64).view(np.uint64)
        return _mix(_mix(one ^ self._coder.turn_key) + other)

    def _multipliers(self, about: bytes) -> Floats:
        """A whole number of a lane's size for each lane, shape (lanes,)."""
        words = np.frombuffer(hmac.digest(self._secret, _LABEL + b" multipliers" + about, "sha256"), "<u8")[:N_LANES]
        return (words >> np.uint64(64 - LANE_BITS)).astype(np.float64)


class _Coder:
    """Keyed codes of cells: whole numbers of ± 2^19, so that sums of products of 2^14 rows are exact in floating point."""

    def __init__(self, secret: bytes, is_two_valued: Mask) -> None:
        words = np.frombuffer(b"".join(hmac.digest(secret, _LABEL + bytes([number]), "sha256") for number in range(2)), dtype="<u8")
        self._keys = np.where(is_two_valued, words[1], words[0])[:, None]
        self._missing: Codes = words[2:3]
        self.lane_keys: Codes = words[3:5]
        self.turn_key = words[5]

    def codes(self, cells: Iterable[Floats]) -> Iterator[Floats]:
        """Of some rows at a time, shape (lanes, columns + 1, rows); the last column is 1. What is given is overwritten by the next."""
        for some in (piece[:, start : start + ROWS_AT_ONCE] for piece in cells for start in range(0, piece.shape[1], ROWS_AT_ONCE)):
            is_missing = np.isnan(some)
            some /= QUANTUM
            some += _OFFSET
            np.floor(some, out=some)
            np.copyto(some, 0.0, where=is_missing)
            words = some.astype(np.int64).view(np.uint64)
            words ^= self._keys
            words = _mix(words)
            np.copyto(words, self._missing, where=is_missing)
            yield self.lanes(words, n_more=1)

    def lanes(self, words: Codes, n_more: int = 0) -> Floats:
        """The whole numbers of random words, shape (lanes, words' shape), and as many more rows of ones."""
        lanes = np.ones((N_LANES, len(words) + n_more, words.shape[1]))
        for lane in range(N_LANES):
            lanes[lane, : len(words)] = (words << np.uint64(lane * LANE_BITS)) >> np.uint64(64 - LANE_BITS)
        lanes[:, : len(words)] -= 2.0 ** (LANE_BITS - 1)
        return lanes


def _whole(products: Floats) -> npt.NDArray[np.int64]:
    """Sums that are exact, as whole numbers, which are added modulo 2^64."""
    return products.astype(np.int64)


def _mix(words: Codes) -> Codes:
    """A bijection of 64 bits that looks like a random one (the finaliser of SplitMix64, Steele et al. 2014). Any shape."""
    mixed = words ^ (words >> _SHIFTS[0])
    mixed *= _MULTIPLIERS[0]
    mixed ^= mixed >> _SHIFTS[1]
    mixed *= _MULTIPLIERS[1]
    mixed ^= mixed >> _SHIFTS[2]
    return mixed
