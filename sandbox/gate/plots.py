"""The pictures of a result: trace, density and missingness, from central's own rows and aggregates. Drawn inside the gate; pure.

What a mice user looks at first: do the chains mix, do the imputed values look like values, and what is missing together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.gate.patterns import Patterns
from sandbox.gate.svg import CHAINS, FAINT, GRID, IMPUTED, INK, NORMAL, OBSERVED, SHADE, WIDTH, Canvas, Panel, number, shorten, ticks, widen

Numbers = npt.NDArray[np.float64]
NAMES: Final = ("trace", "density", "missingness")
MAX_LINES: Final = 20
"""Imputations drawn one by one; more would be a blot."""
MAX_PATTERNS: Final = 14
_POINTS: Final = 129
_LEFT, _TOP = 44, 52
_COLUMN_CHARACTERS: Final = 14


@dataclass(frozen=True, slots=True)
class Line:
    """One chain's trace of one target, raw units, a number per sweep."""

    means: Sequence[float]
    sds: Sequence[float]
    kept: Sequence[int]
    """Sweeps whose imputation was kept, from 0."""


@dataclass(frozen=True, slots=True)
class Traced:
    """One target's traces, a line per chain."""

    name: str
    chains: Sequence[Line]
    burn_in: int
    """Sweeps before the first that may be kept."""
    rhats: tuple[float | None, float | None] = (None, None)
    """Between chains, of the mean and of the sd."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Observed cells of one target and what was imputed, raw units (0 and 1 for a binary target)."""

    name: str
    observed: Numbers
    imputed: Sequence[Numbers]
    levels: tuple[str, ...] | None


def trace(targets: Sequence[Traced]) -> str:
    """Mean and sd of the imputed cells after every sweep, a row of two panels per target, a line per chain."""
    step = 150
    canvas = Canvas("Trace: mean and standard deviation of the imputed cells after every sweep", _TOP + step * len(targets) + 4)
    _heading(canvas, "Trace of the imputed cells")
    canvas.rectangle(8, 27, 14, 10, SHADE, FAINT)
    canvas.text(26, 36, "burn-in")
    canvas.dot(80, 32, IMPUTED)
    canvas.text(87, 36, "imputation kept")
    n_chains = max((len(target.chains) for target in targets), default=1)
    canvas.line([(176, 32), (190, 32)], OBSERVED)
    canvas.text(194, 36, "each sweep" if n_chains == 1 else f"each sweep of a chain ({n_chains} chains)")
    for place, target in enumerate(targets):
        top = _TOP + place * step
        canvas.text(8, top + 8, shorten(target.name, 32), size=NORMAL, colour=INK, bold=True)
        if None not in target.rhats:
            canvas.text(WIDTH - 8, top + 8, "Rhat: mean {:.2f}, sd {:.2f}".format(*target.rhats), anchor="end")
        means, sds = [chain.means for chain in target.chains], [chain.sds for chain in target.chains]
        _trace_panel(canvas, target, means, "mean, units of the upload", _LEFT, top + 28)
        _trace_panel(canvas, target, sds, "sd", WIDTH / 2 + _LEFT - 8, top + 28)
    return canvas.as_text()


def _trace_panel(canvas: Canvas, target: Traced, lines: Sequence[Sequence[float]], label: str, left: float, top: float) -> None:
    n = max(len(line) for line in lines)
    finite = [value for line in lines for value in line if np.isfinite(value)]
    y_range = widen(min(finite, default=0.0), max(finite, default=1.0))
    panel = Panel(canvas, left, top, WIDTH / 2 - _LEFT - 6, 84, (0.5, max(n, 2) + 0.5), y_range)
    if target.burn_in:
        canvas.rectangle(panel.left, panel.top, panel.x(min(target.burn_in, n) + 0.5) - panel.left, panel.height, SHADE)
    panel.axes("sweep", x_ticks=[t for t in ticks(1, max(n, 2), 4, whole=True) if t >= 1], y_ticks=ticks(*y_range, 3), y_label=label)
    for place, values in enumerate(lines):
        if len(values):
            colour, dash = CHAINS[place % len(CHAINS)]
            points = [panel.place(sweep + 1, value) for sweep, value in enumerate(values)]
            canvas.line(points, colour, 1.2 if len(lines) == 1 else 0.9, dash=dash)
    for chain, values in zip(target.chains, lines, strict=True):
        for sweep in chain.kept:
            if sweep < len(values):
                canvas.dot(*panel.place(sweep + 1, values[sweep]), IMPUTED, 2.2)


def density(targets: Sequence[Compared]) -> str:
    """Observed against imputed values, a panel per target: smoothed for a continuous one, shares of the second level for a binary one."""
    heights = [150 if target.levels is None else 92 for target in targets]
    canvas = Canvas("Density of observed and of imputed values, target by target", _TOP + sum(heights) + 4)
    _heading(canvas, "Observed against imputed values")
    canvas.line([(8, 32), (30, 32)], OBSERVED, 2.2)
    canvas.text(34, 36, "observed")
    canvas.line([(96, 32), (118, 32)], IMPUTED, 1, dash="4 2")
    n = max((len(target.imputed) for target in targets), default=0)
    canvas.text(122, 36, "imputed, a line or ring per imputation" + (f" (first {MAX_LINES})" if n > MAX_LINES else ""))
    top = float(_TOP)
    for target, height in zip(targets, heights, strict=True):
        canvas.text(8, top + 8, shorten(target.name, 40), size=NORMAL, colour=INK, bold=True)
        if target.levels is None:
            _density_panel(canvas, target, top + 28)
        else:
            _share_panel(canvas, target, target.levels, top + 28)
        top += height
    return canvas.as_text()


def _density_panel(canvas: Canvas, target: Compared, top: float) -> None:
    groups = [target.observed, *target.imputed[:MAX_LINES]]
    everything = np.concatenate([group for group in groups if len(group)] or [np.zeros(1)])
    low, high = widen(float(everything.min()), float(everything.max()), 0.1)
    grid = np.linspace(low, high, _POINTS)
    curves = [smooth(group, grid) for group in groups]
    highest = max((float(curve.max()) for curve in curves if curve is not None), default=1.0)
    panel = Panel(canvas, 14, top, WIDTH - 34, 84, (low, high), (0.0, highest * 1.05))
    panel.axes("value, in the units of the upload", x_ticks=ticks(low, high, 6), y_ticks=[], y_label="density")
    for place, curve in reversed(list(enumerate(curves))):
        if curve is None:
            continue
        points = [panel.place(x, y) for x, y in zip(grid.tolist(), curve.tolist(), strict=True)]
        if place:
            canvas.line(points, IMPUTED, 1, opacity=0.7, dash="4 2")
        else:
            canvas.line(points, OBSERVED, 2.2)


def _share_panel(canvas: Canvas, target: Compared, levels: tuple[str, ...], top: float) -> None:
    panel = Panel(canvas, 64, top, WIDTH - 84, 26, (0.0, 1.0), (0.0, 2.0))
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        canvas.line([(panel.x(value), top), (panel.x(value), top + panel.height)], GRID, 1)
    panel.axes(
        f"share of {shorten(levels[1], 24)} (the other level: {shorten(levels[0], 16)})", x_ticks=[0, 0.25, 0.5, 0.75, 1], y_ticks=[]
    )
    canvas.text(58, panel.y(1.5) + 3.5, "observed", anchor="end")
    canvas.text(58, panel.y(0.5) + 3.5, "imputed", anchor="end")
    if len(target.observed):
        share = float(target.observed.mean())
        canvas.line([panel.place(share, 1.0), panel.place(share, 2.0)], OBSERVED, 4)
    for values in target.imputed[:MAX_LINES]:
        if len(values):
            canvas.dot(*panel.place(float(values.mean()), 0.5), IMPUTED, 3.5, fill="none")


def missingness(patterns: Patterns, names: Sequence[str], n_missing: Mapping[str, int]) -> str:
    """Which targets are missing together: a row per pattern, the most frequent first."""
    order = np.argsort(-patterns.counts, kind="stable")
    shown, rest = order[:MAX_PATTERNS], order[MAX_PATTERNS:]
    n_rows = int(patterns.counts.sum())
    head = 40 + 5.2 * max((min(len(name), _COLUMN_CHARACTERS) for name in names), default=1)
    row = 18
    canvas = Canvas("Missingness patterns: which targets are missing together, and in how many rows", head + row * (len(shown) + 2) + 34)
    _heading(canvas, "What is missing together")
    left, room = 12.0, WIDTH - 12.0 - 92.0
    cell = min(34.0, room / max(len(names), 1))
    canvas.rectangle(8, 27, 10, 10, IMPUTED)
    canvas.text(22, 36, "missing")
    canvas.rectangle(70, 27, 10, 10, "#fff", OBSERVED)
    canvas.text(84, 36, "observed")
    for place, name in enumerate(names):
        canvas.text(left + (place + 0.6) * cell, head + 8, shorten(name, _COLUMN_CHARACTERS), turn=-60, colour=INK)
    right = left + cell * len(names) + 8
    canvas.text(right, head + 8, "rows", colour=INK)
    for place, pattern in enumerate(shown.tolist()):
        top = head + 14 + place * row
        for target, is_missing in enumerate(patterns.masks[pattern].tolist()):
            colour, outline = (IMPUTED, IMPUTED) if is_missing else ("#fff", OBSERVED)
            canvas.rectangle(left + target * cell + 1, top, cell - 2, row - 4, colour, outline)
        count = int(patterns.counts[pattern])
        canvas.text(right, top + 11, f"{count} ({number(round(100 * count / max(n_rows, 1), 1))} %)", colour=INK)
    bottom = head + 14 + len(shown) * row
    if len(rest):
        canvas.text(left, bottom + 11, f"{len(rest)} more patterns: {int(patterns.counts[rest].sum())} rows")
        bottom += row
    totals = ", ".join(f"{n_missing[name]}" for name in names)
    canvas.text(left, bottom + 12, shorten(f"missing cells per target: {totals}", 62))
    return canvas.as_text()


def smooth(values: Numbers, grid: Numbers) -> Numbers | None:
    """Gaussian kernel density of `values` on an even `grid`, by Silverman's bandwidth; None for too few or equal values.

    Values are counted into the cells of the grid first, so that a million of them cost no more than their counting.
    """
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return None
    quartiles = np.quantile(values, (0.25, 0.75))
    spread = min(float(values.std(ddof=1)), float(quartiles[1] - quartiles[0]) / 1.34) or float(values.std(ddof=1))
    step = float(grid[1] - grid[0])
    bandwidth = max(0.9 * spread * len(values) ** -0.2, step)
    if not spread > 0:
        return None
    edges = np.concatenate((grid - step / 2, [grid[-1] + step / 2]))
    counts = np.histogram(values, bins=edges)[0]
    kernel = np.exp(-0.5 * ((grid[:, None] - grid[None, :]) / bandwidth) ** 2) / (bandwidth * np.sqrt(2 * np.pi))
    smoothed: Numbers = kernel @ counts / len(values)
    return smoothed


def _heading(canvas: Canvas, text: str) -> None:
    canvas.text(8, 18, text, size=14, colour=INK, bold=True)
