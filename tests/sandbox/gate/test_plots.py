"""The pictures: well-formed, nothing in them but shapes and text, whatever a column is called and however strange the values are."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from sandbox.gate import plots
from sandbox.gate.patterns import find_patterns
from sandbox.gate.svg import number, ticks

HOSTILE = '"/><script>alert(1)</script>&amp;é' * 3
RNG = np.random.default_rng(2)


def parsed(picture: str) -> ElementTree.Element:
    root = ElementTree.fromstring(picture)  # noqa: S314 - our own picture
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names <= {"svg", "title", "rect", "path", "circle", "text"}
    assert "nan" not in picture.lower().replace("dominance", "")
    assert not any("inf" in value for element in root.iter() for value in element.attrib.values() if value[:1] in "-0123456789iM")
    return root


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter() if element.tag.endswith("text")]


def test_trace_labels_axes_legend_and_targets() -> None:
    chain = plots.Traced("chol", [plots.Line(RNG.normal(size=65).tolist(), RNG.gamma(3, size=65).tolist(), range(19, 65, 5))], 19)
    root = parsed(plots.trace([chain]))
    found = texts(root)
    assert {"chol", "burn-in", "imputation kept", "sweep", "sd"} <= set(found)
    assert sum(element.tag.endswith("circle") for element in root.iter()) == 1 + 2 * 10


@pytest.mark.parametrize("values", [[], [1.0], [2.0] * 10, [1e300, -1e300], [float("nan"), 1.0, 2.0]])
def test_trace_takes_any_chain(values: list[float]) -> None:
    finite = [value for value in values if value == value]
    parsed(plots.trace([plots.Traced(HOSTILE, [plots.Line(finite, finite, [0, 99])], 3)]))


def test_density_of_a_million_values_is_a_density() -> None:
    grid = np.linspace(-6, 6, 129)
    curve = plots.smooth(RNG.normal(size=1_000_000), grid)
    assert curve.sum() * (grid[1] - grid[0]) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(curve, np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi), atol=0.01)


@pytest.mark.parametrize(
    ("observed", "imputed"),
    [
        (RNG.normal(size=100), [RNG.normal(size=20)] * 30),
        (np.array([]), [np.array([1.0])]),
        (np.full(20, 7.0), [np.full(3, 7.0)]),
        (np.array([1e12, 1e12 + 1]), [np.array([])]),
    ],
)
def test_density_takes_any_values(observed: np.ndarray, imputed: list[np.ndarray]) -> None:
    parsed(plots.density([plots.Compared(HOSTILE, observed, imputed, None)]))
    shares = [np.clip(values, 0, 1) for values in imputed]
    parsed(plots.density([plots.Compared("b", np.clip(observed, 0, 1), shares, (HOSTILE, "yes"))]))


def test_missingness_shows_the_frequent_patterns_and_counts_the_rest() -> None:
    mask = RNG.random((2000, 6)) < 0.4
    root = parsed(plots.missingness(find_patterns(mask), [f"t{i}" for i in range(6)], {f"t{i}": int(mask[:, i].sum()) for i in range(6)}))
    found = texts(root)
    patterns = find_patterns(mask)
    assert f"{len(patterns.counts) - plots.MAX_PATTERNS} more patterns" in " ".join(found)
    largest = int(patterns.counts.max())
    assert any(text.startswith(f"{largest} (") for text in found)


def test_thirty_targets_fit_the_width() -> None:
    mask = RNG.random((500, 30)) < 0.2
    names = [f"{HOSTILE}{i}" for i in range(30)]
    root = parsed(plots.missingness(find_patterns(mask), names, dict.fromkeys(names, 3)))
    assert all(float(element.get("x", 0)) <= 360 for element in root.iter())


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0, 10, 5) == [0, 2, 4, 6, 8, 10]
    assert ticks(1, 65, 4, whole=True) == [20, 40, 60]
    assert ticks(3.0, 3.0) == [3.0]
    assert all(128.2 <= value <= 141.7 for value in ticks(128.2, 141.7))
    assert number(-2.5) == "−2.5"
