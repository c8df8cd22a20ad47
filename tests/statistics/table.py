"""The table of the study as Markdown, and its place in `algorithms/README.md`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.statistics.cells import Cell
from tests.statistics.figures import Figure, figures
from tests.statistics.repetitions import ALL, CENTRAL, MEAN, SLOPE, Outcome

BEGIN: Final = "<!-- study: begin -->"
END: Final = "<!-- study: end -->"
README: Final = Path(__file__).parents[2] / "algorithms" / "README.md"
HEAD: Final = (
    "| method | target | sites | | coverage, central: mean | slope | bias / SE: mean | slope | model / empirical SE: mean | slope "
    "| SE / without sites: mean | slope | coverage, all rows: mean | slope |"
)


def table(outcomes: Mapping[Cell, Outcome]) -> str:
    """The table, one row per cell."""
    found = {cell: figures(outcome) for cell, outcome in outcomes.items()}
    lines = [HEAD, "|---|---|--:|---" + "|--:" * 10 + "|"]
    for cell, figure in found.items():
        baseline = found.get(cell.baseline) if cell.baseline else None
        lines.append(_row(cell, figure, baseline))
    repetitions = sorted({len(outcome.values) + len(outcome.failures) for outcome in outcomes.values()})
    failures = [f"{cell.method} {cell.kind} {cell.n_sites}: {len(o.failures)}" for cell, o in outcomes.items() if o.failures]
    lines += [
        "",
        f"Data sets per row: {', '.join(map(str, repetitions))}. Jobs that ended with a finding: {'; '.join(failures) or 'none'}.",
    ]
    return "\n".join(lines)


def write(text: str, path: Path = README) -> None:
    """Put `text` between the markers of a file."""
    page = path.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def _row(cell: Cell, figure: dict[tuple[str, str], Figure], baseline: dict[tuple[str, str], Figure] | None) -> str:
    central = [figure[CENTRAL, what] for what in (MEAN, SLOPE)]
    sites = "shifted" + (", central_intercept" if cell.central_intercept else "") if cell.is_shifted else "alike"
    numbers = [f"{100 * f.coverage:.1f}" for f in central]
    numbers += [f"{f.bias:+.2f}" for f in central]
    numbers += [f"{f.ratio:.2f}" for f in central]
    numbers += [
        "" if baseline is None else f"{f.empirical / baseline[CENTRAL, what].empirical:.2f}"
        for f, what in zip(central, (MEAN, SLOPE), strict=True)
    ]
    # Rows of sites that differ have no common truth.
    numbers += ["" if cell.is_shifted else f"{100 * figure[ALL, what].coverage:.1f}" for what in (MEAN, SLOPE)]
    return f"| {cell.method} | {cell.kind} | {cell.n_sites} | {sites if cell.n_sites else ''} | {' | '.join(numbers)} |"
