"""Made-up rows: enough of them for the default policy."""

from __future__ import annotations

import random

N_ROWS = 300


def synthetic_csv(seed: int, names: tuple[str, ...] = ("y", "x1", "x2")) -> bytes:
    """A target with missing cells and its predictors."""
    draw = random.Random(seed)
    lines = [",".join(names)]
    for _ in range(N_ROWS):
        predictors = [draw.gauss(0, 1) for _ in names[1:]]
        target = "NA" if draw.random() < 0.2 else f"{sum(predictors) + draw.gauss(0, 1):.6f}"
        lines.append(",".join([target, *(f"{value:.6f}" for value in predictors)]))
    return ("\n".join(lines) + "\n").encode()
