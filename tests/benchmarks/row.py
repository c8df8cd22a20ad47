"""One line of a benchmark: what was measured, against what, and what was promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """A measurement. `limit` bounds `value` from above, `limit_ratio` bounds value / baseline; None: nothing was promised."""

    what: str
    value: float
    unit: str
    baseline: float
    against: str
    limit: float | None = None
    limit_ratio: float | None = None

    @property
    def ratio(self) -> float:
        return self.value / self.baseline if self.baseline else float("inf")

    @property
    def passes(self) -> bool:
        return (self.limit is None or self.value <= self.limit) and (self.limit_ratio is None or self.ratio <= self.limit_ratio)

    @property
    def promise(self) -> str:
        parts = [f"≤ {self.limit:g} {self.unit}"] if self.limit is not None else []
        parts += [f"≤ {self.limit_ratio:.3g}×"] if self.limit_ratio is not None else []
        return " and ".join(parts)

    def as_dict(self) -> dict[str, object]:
        return {
            "what": self.what,
            "value": round(self.value, 4),
            "unit": self.unit,
            "baseline": round(self.baseline, 4),
            "against": self.against,
            "ratio": round(self.ratio, 4),
            "promise": self.promise,
            "passes": self.passes,
        }


def quiet(seconds: Sequence[float], batch: int = 25) -> float:
    """The median of the quietest batch: what else a shared machine does only ever adds."""
    return min(median(seconds[start : start + batch]) for start in range(0, len(seconds), batch))


def middle(seconds: Sequence[float]) -> float:
    """The median: one busy moment of a shared machine does not count."""
    return median(seconds)
