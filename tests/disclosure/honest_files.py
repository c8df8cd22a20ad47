"""Files as hospitals have them, for measuring how often a rule stops one: six kinds, each with one to five targets that miss cells.

The kinds, sizes and shares are those of a study of false alarms before sites stated cards, so that its numbers compare.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from sandbox.contract import Column, Contract
from sandbox.gate.dataset import Dataset
from sandbox.gate.region import Region
from sandbox.gate.tiles import Tiles

Values = npt.NDArray[np.float64]
Kind = Literal["labs", "skewed", "rare", "twelve_binary", "mixed", "wide"]
Mechanism = Literal["MCAR", "MAR"]
KINDS: Final[tuple[Kind, ...]] = ("labs", "skewed", "rare", "twelve_binary", "mixed", "wide")
MISSING: Final[tuple[tuple[float, Mechanism], ...]] = ((0.10, "MCAR"), (0.25, "MAR"), (0.40, "MCAR"))
"""Share of a target's cells, and whether older people miss more of them."""
AGE_MEAN: Final = 60.0
AGE_SD: Final = 9.0


@dataclass(frozen=True, slots=True)
class HonestFile:
    """Columns by name, raw values, NaN where missing, shape (rows,) each; types of the targets by name; all others are predictors."""

    columns: dict[str, Values]
    targets: dict[str, str]

    @property
    def contract(self) -> Contract:
        """A contract that every column is part of."""
        return Contract(tuple(self._column(name) for name in self.columns))

    @property
    def fits(self) -> tuple[int, ...]:
        """The binary targets, by 1-based index."""
        return tuple(index for index, name in enumerate(self.columns, 1) if self.targets.get(name) == "binary")

    def dataset(self) -> tuple[Dataset, Region]:
        """The file as a gate holds it after the upload, and the memory it is in."""
        values = np.column_stack(list(self.columns.values()))
        region = Region(mmap.mmap(-1, 4 * values.nbytes + (1 << 24)))
        tiles = Tiles(region, values.shape[1] + 1)
        tiles.append(values)
        return Dataset(self.contract, {index: index - 1 for index in range(1, values.shape[1] + 1)}, tiles), region

    def _column(self, name: str) -> Column:
        if name not in self.targets:
            return Column(name, "predictor")
        is_binary = self.targets[name] == "binary"
        return Column(name, "target", "binary" if is_binary else "continuous", ("0", "1") if is_binary else None)


def honest_file(kind: Kind, n: int, share: float, mechanism: Mechanism, random: np.random.Generator) -> HonestFile:
    """A file of `n` people, of whose target cells about `share` are missing, at random or more often at a higher age."""
    complete = _Maker(n, random).make(kind)
    age, columns = complete.columns["age"], dict(complete.columns)
    risk = np.full(n, share) if mechanism == "MCAR" else np.clip(2 * share / (1 + np.exp((AGE_MEAN - age) / AGE_SD)), 0, 0.95)
    for name in complete.targets:
        columns[name] = np.where(random.random(n) < risk, np.nan, columns[name])
    return replace(complete, columns=columns)


class _Maker:
    """Draws the columns of one file; labs share a common factor, as values of one blood sample do."""

    def __init__(self, n: int, random: np.random.Generator) -> None:
        self._n, self._random = n, random
        self._factor = random.normal(size=n)
        self._columns: dict[str, Values] = {"age": np.round(random.normal(AGE_MEAN, AGE_SD, n))}

    def make(self, kind: Kind) -> HonestFile:
        two_labs = {"l0": "continuous", "l1": "continuous"}
        match kind:
            case "labs":
                return self._file(two_labs, labs=4, traits={"sex": 0.5})
            case "skewed":
                return self._file(two_labs, skewed=4, traits={"sex": 0.5})
            case "rare":
                return self._file(two_labs, labs=3, traits={"rare": 0.02, "sex": 0.5})
            case "twelve_binary":
                traits = {f"b{number}": 0.05 + 0.03 * number for number in range(12)}
                return self._file({"l0": "continuous", "b11": "binary"}, labs=1, traits=traits)
            case "mixed":
                return self._file({**two_labs, "b": "binary"}, labs=4, traits={"sex": 0.5, "b": 0.3})
            case "wide":
                targets = {**two_labs, "l2": "continuous", "b1": "binary", "l3": "continuous"}
                return self._file(targets, labs=21, traits={"sex": 0.5, "b1": 0.3, "b2": 0.25})

    def _file(self, targets: dict[str, str], *, traits: dict[str, float], labs: int = 0, skewed: int = 0) -> HonestFile:
        for number in range(labs):
            self._columns[f"l{number}"] = np.round(0.5 * self._factor + self._random.normal(size=self._n), 2)
        for number in range(skewed):
            logarithm = 0.5 * self._factor + 0.87 * self._random.normal(size=self._n)
            self._columns[f"l{number}"] = np.round(np.exp(logarithm), 2)
        for name, share in traits.items():
            self._columns[name] = (self._random.random(self._n) < share).astype(float)
        return HonestFile(self._columns, targets)
