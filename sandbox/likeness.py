"""How alike two sketches of files are: which columns are the same ones, and how many rows differ. Pure: arithmetic on sketches.

Similarity of two columns is the number of rows that they share over the geometric mean of their rows, estimated from the distance of
their sums. What two independent samples of one population would have in common by chance is taken out, so that the ages of another cohort
are not the same column although every age occurs in both.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sandbox.wire.sketches import N_WAVES, WAVE_UNIT, ColumnSketch, FileSketch, unpack

SAME: Final = 0.5
"""Share of rows in common from which two columns are the same by their exact values."""
SAME_WAVES: Final = 0.8
"""The same by their waves, which are fewer independent numbers: columns of other cohorts reach .7 once in fifty."""
SAME_MIXED: Final = 0.7
"""Correlation of how two columns go with the others, from which they are one column in another coding."""
SAME_ALONE: Final = 0.65
"""Share of rows in common from which one column is enough: of one that is chance is likelier than of two."""
MOSTLY_NEW: Final = 0.25
"""When more than this share of a column's values are others, it was coded anew: then they do not tell how many rows differ."""
MAX_RATIO: Final = 4
"""Times as many rows from which less than SAME would be in common even if all of the smaller file were."""
SAME_FEW: Final = 0.9
"""Share of rows in common from which two files of very few different rows are one."""
MIN_KINDS: Final = 50
MAX_CLOSE: Final = 20
"""Rows in which two files without a common column of many values may differ and still be taken for one."""
_MAX_REPEATED: Final = 0.8


@dataclass(frozen=True, slots=True)
class _Column:
    """The numbers of one column, unpacked."""

    sketch: ColumnSketch
    counts: list[int]
    waves: list[float]
    mixed: list[int]

    @property
    def n(self) -> int:
        return self.sketch.n_observed


@dataclass(frozen=True, slots=True)
class Numbers:
    """A file's sketch, unpacked once for many comparisons. Raises :class:`ValueError` when it is damaged."""

    sketch: FileSketch
    counts: list[int]
    columns: list[_Column]

    @staticmethod
    def of(sketch: FileSketch) -> Numbers:
        """Unpack a sketch."""
        columns = [
            _Column(column, unpack(column.counts), [number / WAVE_UNIT for number in unpack(column.waves)], unpack(column.mixed))
            for column in sketch.columns
        ]
        return Numbers(sketch, unpack(sketch.counts), columns)


@dataclass(frozen=True, slots=True)
class Match:
    """How a new file compares with an earlier one."""

    is_alike: bool
    """Whether they are versions of one file."""
    pairs: dict[int, int]
    """Position of a column in the new file → of the same column in the earlier one."""
    changed: dict[int, float] = field(default_factory=dict)
    """Of the columns in `pairs` whose content differs: about how many rows differ; infinite when a column was coded anew."""


def compare(new: Numbers, old: Numbers, *, is_same_file: bool = False) -> Match:
    """Match a file with an earlier one. Symmetric but for the direction of the pairs.

    `is_same_file`: the bytes are the same, so that they are versions of one file whatever columns and tokens the jobs choose of it.
    """
    overlaps = _overlaps(new, old)
    if not is_same_file and not _is_alike(new, old, overlaps):
        return Match(False, {})
    pairs = _pairs(new, old, overlaps)
    return Match(True, pairs, _changes(new, old, pairs))


def _is_alike(new: Numbers, old: Numbers, overlaps: dict[tuple[int, int], float]) -> bool:
    """Half of the rich columns of the set that has fewer of them are in the other. Without a rich one in common the rest decides."""
    names = [{column.sketch.name for column in numbers.columns if column.sketch.is_rich} for numbers in (new, old)]
    pairs = _greedy(overlaps)
    is_enough = len(pairs) > 1 or any(overlaps[pair] >= SAME_ALONE for pair in pairs.items())
    if is_enough and 2 * len(pairs) >= min(map(len, names)) > 0:
        return True
    return not names[0] & names[1] and not pairs and _is_close(new, old)


def _is_close(new: Numbers, old: Numbers) -> bool:
    """Half of the rows as wholes are in both; or, where a job chose other columns, all columns of one name have nearly the same counts.

    The second is weak: counts of few values tell little about who they are of. So they must be closer than those of two cohorts mostly are.
    """
    n, m = new.sketch.n_rows, old.sketch.n_rows
    # So many different rows are as good as a column of as many values; with fewer, chance makes files alike.
    repeated = min(_repeated(sum(number * number for number in numbers.counts), numbers.sketch.n_rows) for numbers in (new, old))
    needed = SAME + (SAME_FEW - SAME) * max(1 - 1 / max(MIN_KINDS * repeated, 1e-9), 0)
    if new.sketch.content == old.sketch.content or _shared(new.counts, old.counts, n, m) >= needed:
        return True
    by_name = {column.sketch.name: column for column in old.columns}
    both = [(column, by_name[column.sketch.name]) for column in new.columns if column.sketch.name in by_name]
    limit = min(MAX_CLOSE, math.sqrt(max(n, m)) / 2)
    return len(both) > 1 and abs(n - m) < limit and all(_different_few(one.counts, other.counts) < limit for one, other in both)


def _overlaps(new: Numbers, old: Numbers) -> dict[tuple[int, int], float]:
    """The similarity of each pair of rich columns that are the same by their values or waves."""
    found: dict[tuple[int, int], float] = {}
    for i, one in enumerate(new.columns):
        for j, other in enumerate(old.columns):
            if one.sketch.is_rich and other.sketch.is_rich:
                exact = _shared(one.counts, other.counts, one.n, other.n)
                if exact >= SAME or (exact := _shared_waves(one, other)) >= SAME_WAVES:
                    found[i, j] = exact
    return found


def _pairs(new: Numbers, old: Numbers, overlaps: dict[tuple[int, int], float]) -> dict[int, int]:
    """The columns of two versions of one file that are the same ones: by content, by values, by how they go with others, by name."""
    scores: dict[tuple[int, int], float] = {}
    for i, one in enumerate(new.columns):
        for j, other in enumerate(old.columns):
            together = _together(one.mixed, other.mixed)
            has_name = one.sketch.name == other.sketch.name
            if one.sketch.content == other.sketch.content:
                scores[i, j] = 4 + together + has_name
            elif (i, j) in overlaps:
                scores[i, j] = 2 + overlaps[i, j] + has_name / 8
            elif together >= SAME_MIXED or has_name:
                scores[i, j] = together + has_name / 2
    return _greedy(scores)


def _greedy(scores: dict[tuple[int, int], float]) -> dict[int, int]:
    """Pairs by descending score, each position once."""
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for i, j in sorted(scores, key=lambda pair: (-scores[pair], pair)):
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs


def _changes(new: Numbers, old: Numbers, pairs: dict[int, int]) -> dict[int, float]:
    """About how many rows differ in each matched column whose content differs.

    Rows as wholes tell best, where most of them are the same. A column that was coded anew is no measure where another one tells; where all
    of them were, their waves are.
    """
    n_rows = abs(new.sketch.n_rows - old.sketch.n_rows)
    whole = _different(new.counts, old.counts, new.sketch.n_rows, old.sketch.n_rows)
    is_whole = whole < MOSTLY_NEW * max(new.sketch.n_rows, old.sketch.n_rows)
    matched = {i: (new.columns[i], old.columns[j]) for i, j in pairs.items()}
    changed = {i: both for i, both in matched.items() if both[0].sketch.content != both[1].sketch.content}
    if not changed:
        # Cells that changed places: every column has the values that it had.
        return dict.fromkeys(pairs, whole) if is_whole and whole else {}
    has_same_rows = any(i not in changed and one.sketch.is_rich for i, (one, _) in matched.items())
    has_rich = any(one.sketch.is_rich and other.sketch.is_rich for one, other in matched.values())
    found = {i: _change(*both, do_few_tell=has_same_rows or not has_rich) for i, both in changed.items()}
    if not has_same_rows and all(math.isinf(number) for number in found.values()):
        found |= {i: _different_waves(*both) for i, both in changed.items() if all(column.waves for column in both)}
    known = [number for number in found.values() if not math.isinf(number)]
    usual = whole if is_whole else statistics.median(known) if known else math.inf
    return {i: max(_settled(number, usual, is_whole=is_whole), n_rows) for i, number in found.items()}


def _change(one: _Column, other: _Column, *, do_few_tell: bool) -> float:
    """About how many rows differ in a column by itself; infinite when it cannot tell: coded anew, or of few values and other rows."""
    if one.sketch.is_rich and other.sketch.is_rich:
        found = _different(one.counts, other.counts, one.n, other.n)
    elif do_few_tell:
        found = _different_few(one.counts, other.counts)
    else:
        # Of rows that came and rows that went the counts of few values show the difference only.
        return math.inf
    return math.inf if found > MOSTLY_NEW * max(one.n, other.n) else found


def _settled(found: float, usual: float, *, is_whole: bool) -> float:
    """The common estimate where a column does not clearly differ from it: the smallest of many estimates would be too small.

    Rows that repeat a value weigh more than one in the sketch of their column, but not as wholes.
    """
    is_usual = found >= usual / 2 and (is_whole or found <= 2 * usual)
    return usual if is_usual else found


def _shared(one: Sequence[int], other: Sequence[int], n: int, m: int) -> float:
    """Rows in common over √(nm), from count sketches of n and m rows; about 0 for independent samples of whatever sizes."""
    if not n or not m:
        return 0.0
    ratio = n / m
    distance = sum((a - ratio * b) ** 2 for a, b in zip(one, other, strict=True))
    by_chance = 1 - min(_repeated(sum(a * a for a in one), n), _repeated(sum(b * b for b in other), m))
    return _share(n, m, distance / by_chance)


def _shared_waves(one: _Column, other: _Column) -> float:
    """As :func:`_shared`, from waves, in either direction of the values."""
    n, m = one.n, other.n
    if not n or not m:
        return 0.0
    ratio, half = n / m, len(one.waves) // 2
    by_chance, distances = 0.0, [0.0, 0.0]
    for a, b, c, d in zip(one.waves[:half], other.waves[:half], one.waves[half:], other.waves[half:], strict=True):
        by_chance += 1 - min(_repeated(a * a + c * c, n), _repeated(b * b + d * d, m))
        distances[0] += (a - ratio * b) ** 2 + (c - ratio * d) ** 2
        distances[1] += (a - ratio * b) ** 2 + (c + ratio * d) ** 2
    return _share(n, m, min(distances) / by_chance)


def _share(n: int, m: int, distance: float) -> float:
    """The share of rows in common, from the distance of sums of n rows and of m that are weighted n/m.

    Of files of very different sizes the estimate varies more: it is drawn in by as much, so that one limit serves for all.
    """
    ratio = n / m
    share = (n + ratio * ratio * m - distance) / (2 * ratio * math.sqrt(n * m))
    return share * 2 * math.sqrt(ratio) / (1 + ratio) if max(ratio, 1 / ratio) <= MAX_RATIO else 0.0


def _repeated(square: float, n: int) -> float:
    """The probability that two rows share a value, from a squared norm: Σp²."""
    return min(max((square / n - 1) / max(n - 1, 1), 0.0), _MAX_REPEATED)


def _different(one: Sequence[int], other: Sequence[int], n: int, m: int) -> float:
    """About how many rows were added, removed or changed: a changed one is one that went and one that came."""
    return (sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) + abs(n - m)) / 2


def _different_few(one: Sequence[int], other: Sequence[int]) -> float:
    """As :func:`_different` for a column of few values, where the counters are differences of counts: at least so many rows."""
    distances = [abs(a - b) for a, b in zip(one, other, strict=True)]
    return max(sum(distances) / 2, max(distances))


def _different_waves(one: _Column, other: _Column) -> float:
    """As :func:`_different`, from waves, in either direction of the values."""
    half = len(one.waves) // 2
    squares = [sum((a - sign * b) ** 2 for a, b in zip(one.waves[half:], other.waves[half:], strict=True)) for sign in (1, -1)]
    real = sum((a - b) ** 2 for a, b in zip(one.waves[:half], other.waves[:half], strict=True))
    return ((real + min(squares)) / half + abs(one.n - other.n)) / 2


def _together(one: Sequence[int], other: Sequence[int]) -> float:
    """How surely two columns are one, from how they go with the others: by signs, which few rows do not move, or by waves, in any unit."""
    signs, waves = _cosine(one[N_WAVES:], other[N_WAVES:]), _cosine(one[:N_WAVES], other[:N_WAVES])
    # Waves go together by chance more often.
    return max(abs(signs), abs(waves) - 0.1)


def _cosine(one: Sequence[int], other: Sequence[int]) -> float:
    lengths = math.sqrt(sum(a * a for a in one) * sum(b * b for b in other))
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths if lengths else 0.0
