"""SVG by hand: a canvas in pixels, a panel in data units, ticks. No library, no script, no style sheet; every text is escaped.

A picture is drawn 360 pixels wide, so that it is readable on a telephone, and scales from there. Colours are those of Okabe and Ito, told
apart by everybody; nothing is told by colour alone.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

WIDTH: Final = 360
INK: Final = "#1d2430"
FAINT: Final = "#5b6472"
GRID: Final = "#dde1e7"
SHADE: Final = "#eef0f4"
OBSERVED: Final = "#0072B2"
IMPUTED: Final = "#D55E00"
CHAINS: Final = ((OBSERVED, ""), ("#009E73", "5 2"), ("#CC79A7", "2 2"), (INK, "6 2 2 2"), ("#56B4E9", ""), ("#E69F00", "4 3"))
"""Colour and dashes of the lines of several chains."""
FONT: Final = "system-ui,-apple-system,'Segoe UI',Roboto,sans-serif"
SMALL: Final = 10
NORMAL: Final = 12


@dataclass(slots=True)
class Canvas:
    """A picture being drawn; `title` is what a screen reader says."""

    title: str
    height: float
    width: float = WIDTH
    _parts: list[str] = field(default_factory=list)

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: float = 1.5, opacity: float = 1.0, dash: str = "") -> None:
        """A line through points."""
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        more = f' stroke-opacity="{opacity}"' if opacity < 1 else ""
        more += f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"{more}/>')

    def rectangle(self, x: float, y: float, width: float, height: float, colour: str, outline: str = "none") -> None:
        """A filled rectangle."""
        place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        self._parts.append(f'<rect {place} fill="{colour}" stroke="{outline}" stroke-width=".5"/>')

    def dot(self, x: float, y: float, colour: str, radius: float = 2.5, fill: str = "") -> None:
        """A dot; `fill` other than `colour` makes it a ring."""
        self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill or colour}" stroke="{colour}"/>')

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: int = SMALL,
        anchor: str = "start",
        colour: str = FAINT,
        bold: bool = False,
        turn: int = 0,
    ) -> None:
        """A text with its baseline at (x, y)."""
        more = ' font-weight="600"' if bold else ""
        more += f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn else ""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}"{more}>{html.escape(text)}</text>'
        )

    def as_text(self) -> str:
        """The finished picture."""
        title = html.escape(self.title)
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" width="{self.width:g}" '
            f'height="{self.height:g}" role="img" aria-label="{title}" font-family="{FONT}"><title>{title}</title>'
            f'<rect width="100%" height="100%" fill="#fff"/>'
        )
        return head + "\n".join(self._parts) + "</svg>\n"


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle of a canvas with axes in data units."""

    canvas: Canvas
    left: float
    top: float
    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Data units to pixels."""
        return self.x(x), self.y(y)

    def x(self, x: float) -> float:
        """Horizontal pixel of a value."""
        low, high = self.x_range
        return self.left + (x - low) / (high - low) * self.width

    def y(self, y: float) -> float:
        """Vertical pixel of a value."""
        low, high = self.y_range
        return self.top + self.height - (y - low) / (high - low) * self.height

    def axes(self, x_label: str, *, x_ticks: Sequence[float], y_ticks: Sequence[float], y_label: str = "") -> None:
        """Grid lines with numbers, and what the axes show."""
        canvas, bottom = self.canvas, self.top + self.height
        for value in y_ticks:
            canvas.line([(self.left, self.y(value)), (self.left + self.width, self.y(value))], GRID, 1)
            canvas.text(self.left - 4, self.y(value) + 3.5, number(value), anchor="end")
        for value in x_ticks:
            canvas.line([(self.x(value), bottom), (self.x(value), bottom + 3)], FAINT, 1)
            canvas.text(self.x(value), bottom + 13, number(value), anchor="middle")
        canvas.line([(self.left, bottom), (self.left + self.width, bottom)], FAINT, 1)
        canvas.text(self.left + self.width / 2, bottom + 26, x_label, anchor="middle")
        if y_label:
            canvas.text(self.left, self.top - 5, y_label)


def ticks(low: float, high: float, about: int = 4, *, whole: bool = False) -> list[float]:
    """Round numbers in [low, high], some `about` of them."""
    raw = (high - low) / max(about, 1)
    if not raw > 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    if whole:
        step = max(1.0, math.ceil(step))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def widen(low: float, high: float, share: float = 0.06) -> tuple[float, float]:
    """A range with some air around it, never empty."""
    if not high > low:
        spread = abs(low) * 0.05 or 1.0
        return low - spread, high + spread
    return low - share * (high - low), high + share * (high - low)


def number(value: float) -> str:
    """A number on an axis."""
    text = f"{value:.6g}" if abs(value) < 1e5 or value == 0 else f"{value:.2g}"
    return text.replace("-", "−")


def shorten(text: str, length: int) -> str:
    """A text that has room."""
    return text if len(text) <= length else text[: length - 1] + "…"
