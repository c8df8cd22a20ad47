"""`rows`, the first argument of every remote step of a blind pair: a handle that names kernels and never holds a number.

A step does not compute; it says what the gate shall compute. What a kernel returns here is a token: it has no value, no arithmetic and no
telling representation, and may only be returned as a field. The gate believes none of it and checks every call again.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from sandbox.wire.messages import KernelCall, StepDone
from sandbox.wire.values import Array
from sandbox.worker.arrays import from_numpy

MAX_CALLS: Final = 64
"""Kernels one step may name."""


class Selector:
    """The rows that take part with one target observed. Only good as an argument of a kernel."""

    __slots__ = ("_target",)

    def __init__(self, target: int) -> None:
        self._target = target

    def __repr__(self) -> str:
        return "<rows>"


class Token:
    """The answer of a kernel, which stays in the gate."""

    __slots__ = ("_index", "_rows")

    def __init__(self, rows: Rows, index: int) -> None:
        self._rows = rows
        self._index = index

    def __repr__(self) -> str:
        return "<withheld>"

    def __bool__(self) -> bool:
        raise TypeError("the answer of a kernel stays in the gate; return it as a field")


class Rows:
    """Records the kernels that one call of a step names."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: list[KernelCall] = []

    def observed(self, target: int) -> Selector:
        """The rows that take part with `target` (1-based index) observed."""
        return Selector(_column(target))

    def gram(self, where: Selector) -> Token:
        """n, X'X, X'y, y'y over the selected rows (kind `gram`)."""
        if not isinstance(where, Selector):
            raise TypeError("where must be rows.observed(target)")
        return self._record(KernelCall("gram", where._target))

    def glm_score(self, target: int, beta: npt.ArrayLike, family: Literal["binomial"]) -> Token:
        """n, H, g, loglik at `beta`, shape (q,), over the rows with `target` observed (kind `glm_score`)."""
        return self._record(KernelCall("glm_score", _column(target), _family(family), _vector(beta)))

    def glm_gradient(self, target: int, beta: npt.ArrayLike, family: Literal["gaussian", "binomial"]) -> Token:
        """n and the gradient at `beta`, shape (q,), over the rows with `target` observed (kind `glm_gradient`)."""
        return self._record(KernelCall("glm_gradient", _column(target), _family(family), _vector(beta)))

    def glm_fit(self, target: int, family: Literal["gaussian", "binomial"], ridge: float = 0.0) -> Token:
        """A fit to this participant's own rows with `target` observed: n, β, information, SSE (kind `glm_fit`)."""
        return self._record(KernelCall("glm_fit", _column(target), _family(family), ridge=float(ridge)))

    def selection_score(self, target: int, exclusion: int, theta: npt.ArrayLike, family: Literal["gaussian", "binomial"]) -> Token:
        """n, H, g, loglik of a selection model at `theta`, shape (2q + 1,), over all rows that take part (kind `selection_score`).

        `exclusion` is the 1-based index of the predictor that the outcome does not depend on.
        """
        call = KernelCall("selection_score", _column(target), _family(family), theta=_vector(theta), exclusion=_column(exclusion))
        return self._record(call)

    def draw_selection(self, target: int, exclusion: int, theta: npt.ArrayLike, family: Literal["gaussian", "binomial"]) -> None:
        """Impute the missing cells of `target` from a selection model at `theta`, shape (2q + 1,). Answers nothing."""
        self._record(KernelCall("draw", _column(target), _family(family), theta=_vector(theta), exclusion=_column(exclusion)))

    def draw(self, target: int, family: Literal["gaussian", "binomial"], beta: npt.ArrayLike, sigma: float | None = None) -> None:
        """Impute the missing cells of `target` at `beta`, shape (q,), with residual sd `sigma` (gaussian only). Answers nothing."""
        if (sigma is None) is (family == "gaussian"):
            raise TypeError("a gaussian draw needs a sigma, a binomial one has none")
        self._record(KernelCall("draw", _column(target), _family(family), _vector(beta), None if sigma is None else float(sigma)))

    def _record(self, call: KernelCall) -> Token:
        if len(self._calls) >= MAX_CALLS:
            raise ValueError(f"a step may name {MAX_CALLS} kernels at most")
        self._calls.append(call)
        return Token(self, len(self._calls) - 1)


def finish(rows: Rows, returned: object) -> StepDone:
    """What a step did: the kernels it named, and which of them fills which field.

    Raises:
        TypeError: the step returned something other than a dict of field names to tokens of this call (or nothing).
    """
    fields: dict[str, int] = {}
    if returned is not None:
        if type(returned) is not dict:
            raise TypeError("a step returns a dict, or nothing")
        for name, token in returned.items():
            if type(name) is not str or type(token) is not Token or token._rows is not rows:
                raise TypeError("a field is the answer of a kernel named in this step")
            fields[name] = token._index
    return StepDone(tuple(rows._calls), fields)


def _column(target: int) -> int:
    if isinstance(target, bool) or not isinstance(target, int):
        raise TypeError("a column is a 1-based index")
    return target


def _family(family: str) -> Literal["gaussian", "binomial"]:
    if family == "gaussian":
        return "gaussian"
    if family == "binomial":
        return "binomial"
    raise ValueError("family must be 'gaussian' or 'binomial'")


def _vector(beta: npt.ArrayLike) -> Array:
    array = from_numpy(beta)
    if len(array.shape) != 1:
        raise TypeError("coefficients have one dimension")
    if not np.isfinite(np.asarray(beta)).all():
        raise ValueError("coefficients must be finite")
    return array
