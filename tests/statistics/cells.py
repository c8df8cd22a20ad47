"""The cells of the study: which method on which data, with how many sites, alike or shifted; and what is demanded of which cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.statistics.data import Kind

SITES: Final = (1, 3, 10)
ONE_TARGET: Final = {"imputations": 10}
MANY_TARGETS: Final = {"imputations": 5, "iteration_before_first_imputation": 5, "iteration_between_imputations": 2}
TYPES: Final[tuple[Kind, ...]] = ("continuous", "binary")


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of the table."""

    method: str
    kind: Kind
    n_sites: int
    """Besides central; 0 for methods that ask no site."""
    is_shifted: bool = False
    central_intercept: bool = False

    @property
    def job(self) -> dict[str, Any]:
        """The job's keys, but for the seed and the exclusion column."""
        job: dict[str, Any] = dict(MANY_TARGETS if self.kind == "mixed" else ONE_TARGET)
        if self.central_intercept:
            job["parameters"] = {"central_intercept": True}
        return job

    @property
    def baseline(self) -> Cell | None:
        """The cell without any site that this one is compared with."""
        if self.kind.startswith("selection"):
            return None
        return Cell("IMICE" if self.kind == "mixed" else "IMI", self.kind, 0)


def cells() -> Iterator[Cell]:
    """All cells, in the order of the table."""
    for kind in (*TYPES, "mixed"):
        suffix = "CE" if kind == "mixed" else ""
        yield Cell(f"IMI{suffix}", kind, 0)
        for method in ("SIMI", "AVGMMI", "CSLMI"):
            for is_shifted in (False, True):
                for n_sites in SITES:
                    yield Cell(method + suffix, kind, n_sites, is_shifted)
            if method == "SIMI":
                for n_sites in SITES:
                    yield Cell(method + suffix, kind, n_sites, True, central_intercept=True)
    for kind in ("selection continuous", "selection binary"):
        for is_shifted in (False, True):
            for n_sites in SITES:
                yield Cell("HDMI", kind, n_sites, is_shifted)
