"""Who is to be recovered, and how many were. `VICTIMS` and `SEED` in the environment say how many and which, for a study."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

MEAN_AGE: Final = 60.0
SD_AGE: Final = 9.0
YEAR: Final = 0.5
BY_CHANCE: Final = 0.0443
"""Share of people whose age somebody gets to the year who says the mean for everybody."""


def n_wanted(usual: int) -> int:
    """How many victims an attack is to try."""
    return int(os.environ.get("VICTIMS", usual))


def seeds() -> Any:
    """Seeds of one set of people after the other, from `SEED` on."""
    first = int(os.environ.get("SEED", 0))
    return (1000 * first + number for number in range(1000))


def ages(random: np.random.Generator, n: int) -> Values:
    """Ages in whole years."""
    return np.round(random.normal(MEAN_AGE, SD_AGE, n))


@dataclass
class Tally:
    """What came out. `guess` is the share that comes out without an attack."""

    guess: float = BY_CHANCE
    recovered: int = 0
    victims: int = 0
    stopped: int = 0
    """Files that did not pass the upload."""
    errors: list[float] = field(default_factory=list)

    def count(self, error: float, *, also: bool = True) -> None:
        """Note a victim whose age was missed by so many years; `also` is what else had to come out."""
        self.victims += 1
        self.recovered += bool(abs(error) <= YEAR and also)
        self.errors.append(abs(error))

    def as_dict(self) -> dict[str, Any]:
        """What an attack returns."""
        median = float(np.median(self.errors)) if self.errors else None
        counts = {"recovered": self.recovered, "victims": self.victims, "guess": self.guess}
        return {**counts, "median_error": median, "files_stopped": self.stopped}
