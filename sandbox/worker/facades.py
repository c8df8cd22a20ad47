"""What a pair may import: read-only namespaces made from explicit lists, never the modules themselves.

A name that is not here does not exist for a pair: no files, no global random state, no memory views, no printing options, no compiler.
Every function is wrapped so that only arrays of float64, int64 and bool come out of it; object and structured arrays are a door to Python
objects and raw memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import scipy
import scipy.linalg
import scipy.special

from sandbox.errors import Refused
from sandbox.worker import estimation

PLAIN: Final = frozenset({np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.bool_)})
"""The dtypes a pair may hold."""

NUMPY: Final = (
    # making arrays
    "zeros", "ones", "eye", "full", "array", "asarray", "arange", "linspace", "zeros_like", "ones_like", "full_like",
    # shaping
    "concatenate", "stack", "vstack", "hstack", "column_stack", "reshape", "ravel", "transpose", "append", "delete", "insert",
    "repeat", "tile", "ix_", "diag", "triu", "tril", "flip", "squeeze", "expand_dims",
    # products
    "dot", "matmul", "einsum", "outer", "inner", "kron", "trace",
    # reductions
    "sum", "prod", "mean", "std", "var", "median", "quantile", "min", "max", "any", "all", "argmin", "argmax", "argsort", "sort",
    "cumsum", "diff", "count_nonzero", "nonzero", "flatnonzero", "average", "unique", "searchsorted",
    # element by element
    "exp", "log", "log1p", "expm1", "sqrt", "abs", "square", "power", "maximum", "minimum", "clip", "where", "sign", "round", "floor",
    "ceil", "isnan", "isfinite", "isinf", "isclose", "allclose", "array_equal", "logical_and", "logical_or", "logical_not",
)  # fmt: skip
NUMPY_LINALG: Final = (
    "solve", "inv", "cholesky", "eigh", "eigvalsh", "svd", "qr", "lstsq", "det", "slogdet", "norm", "pinv", "cond", "matrix_rank",
)  # fmt: skip
SCIPY_LINALG: Final = ("solve", "cho_factor", "cho_solve", "cholesky", "solve_triangular", "eigh", "block_diag")
SCIPY_SPECIAL: Final = (
    "expit", "logit", "log_expit", "gammaln", "digamma", "ndtr", "ndtri", "log_ndtr", "logsumexp", "xlogy", "xlog1py", "erf", "erfc",
)  # fmt: skip
ESTIMATION: Final = (
    "least_squares", "logistic", "selection", "average_least_squares", "average_logistic", "surrogate_least_squares", "surrogate_logistic",
    "FitError", "Gram", "Score", "SiteFit",
)  # fmt: skip
ANNOTATIONS: Final = frozenset(
    {"Job", "Sites", "Rows", "Block", "Target", "Gram", "Score", "Gradient", "SiteFit", "SelectionScore", "Estimate"}
)
"""Names of `tidegate` that exist for editors and type checkers; in a worker annotations are dropped and these names with them."""


class Namespace:
    """A read-only set of names."""

    __slots__ = ("_members", "_name")

    def __init__(self, name: str, members: Mapping[str, object]) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_members", MappingProxyType(dict(members)))

    def __getattr__(self, name: str) -> Any:
        try:
            return self._members[name]
        except KeyError:
            raise AttributeError(f"{self._name}.{name} is not available to a pair") from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("what is imported cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("what is imported cannot be changed")

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __repr__(self) -> str:
        return f"<{self._name}>"


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, whose results must be made of plain arrays, every cell of them written. Raises :class:`TypeError` for others."""
    leaves_cells = isinstance(function, np.ufunc) or getattr(function, "__name__", "") == "clip"

    def call(*args: Any, **kwargs: Any) -> Any:
        if leaves_cells and "where" in kwargs and kwargs.get("out") is None:
            # What is not computed would be what was in that memory before: other rows.
            raise TypeError("where needs out, an array that has every cell; or use np.where")
        result = function(*args, **kwargs)
        for part in result if isinstance(result, tuple) else (result,):
            if isinstance(part, np.ndarray) and part.dtype not in PLAIN:
                raise TypeError("arrays are float64, int64 or bool")
        return result

    return call


def respectful(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which gets a copy of every array that is read-only: LAPACK's wrappers overwrite those, too, when they are told to."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*map(_own, args), **{name: _own(value) for name, value in kwargs.items()})

    return call


def _own(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) and not value.flags.writeable else value


def _functions(module: object, names: tuple[str, ...]) -> dict[str, object]:
    return {name: plain(getattr(module, name)) for name in names}


def _of_lapack(names: tuple[str, ...]) -> dict[str, object]:
    return {name: plain(respectful(getattr(scipy.linalg, name))) for name in names}


_SCIPY: Final = Namespace(
    "scipy",
    {
        "linalg": Namespace("scipy.linalg", {**_of_lapack(SCIPY_LINALG), "LinAlgError": np.linalg.LinAlgError}),
        "special": Namespace("scipy.special", _functions(scipy.special, SCIPY_SPECIAL)),
    },
)
_NUMPY: Final = Namespace(
    "numpy",
    {
        **_functions(np, NUMPY),
        "linalg": Namespace("numpy.linalg", {**_functions(np.linalg, NUMPY_LINALG), "LinAlgError": np.linalg.LinAlgError}),
        "pi": np.pi,
        "e": np.e,
        "inf": np.inf,
        "nan": np.nan,
        "newaxis": np.newaxis,
        "float64": np.float64,
        "int64": np.int64,
        "bool_": np.bool_,
    },
)
_TIDEGATE: Final = Namespace(
    "tidegate",
    {
        "estimation": Namespace("tidegate.estimation", {name: getattr(estimation, name) for name in ESTIMATION}),
        "Refused": Refused,
    },
)

MODULES: Final[Mapping[str, Namespace]] = MappingProxyType(
    {
        "numpy": _NUMPY,
        "numpy.linalg": _NUMPY.linalg,
        "scipy": _SCIPY,
        "scipy.linalg": _SCIPY.linalg,
        "scipy.special": _SCIPY.special,
        "tidegate": _TIDEGATE,
        "tidegate.estimation": _TIDEGATE.estimation,
    }
)
"""What can be imported, by its dotted name."""
