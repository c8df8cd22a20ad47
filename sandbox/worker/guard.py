"""What the rewritten code of a pair runs against: guards for attributes, items and calls, and a short list of built-ins.

Attributes are an allow list by exact type. Arrays are written through a proxy that knows item assignment only. `__import__` is not for
pairs (their imports were resolved when the source was compiled): NumPy's C code imports a few of its own modules late, with the built-ins
of whoever called it, and gets exactly those.
"""

from __future__ import annotations

import builtins
import operator
import sys
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np

# What NumPy's C code imports late, imported before the lockdown so that the shim finds it.
import numpy._core._dtype
import numpy._core._exceptions
import numpy._core._internal
import numpy._core._methods
import numpy._core._ufunc_config
import numpy._core.arrayprint
from RestrictedPython.Guards import guarded_iter_unpack_sequence, guarded_unpack_sequence

from sandbox.errors import Refused
from sandbox.estimation.aggregates import Estimate, Gradient, Gram, Score, SelectionScore, SiteFit
from sandbox.job import Sweep
from sandbox.worker.block import Block
from sandbox.worker.estimation import FitError, LinearFit, LogisticFit, SelectionFit
from sandbox.worker.facades import Namespace, plain
from sandbox.worker.job import Column, Job, Target
from sandbox.worker.randomness import Randomness
from sandbox.worker.rows import Rows
from sandbox.worker.sites import Sites

LATE_IMPORTS: Final = frozenset(
    f"numpy._core.{name}" for name in ("_dtype", "_exceptions", "_internal", "_methods", "_ufunc_config", "arrayprint")
)

_ARRAY: Final = (
    "T", "shape", "ndim", "size", "dtype", "copy", "reshape", "ravel", "flatten", "transpose", "squeeze", "diagonal", "trace", "fill",
    "sum", "prod", "mean", "std", "var", "min", "max", "any", "all", "argmin", "argmax", "argsort", "sort", "cumsum", "clip", "round",
    "dot", "item", "tolist", "nonzero", "take", "repeat",
)  # fmt: skip
ATTRIBUTES: Final[Mapping[type, frozenset[str]]] = MappingProxyType(
    {
        np.ndarray: frozenset(_ARRAY),
        np.float64: frozenset({"item", "is_integer"}),
        np.int64: frozenset({"item"}),
        np.bool_: frozenset({"item"}),
        float: frozenset({"is_integer"}),
        str: frozenset({"lower", "upper", "strip", "split", "join", "startswith", "endswith", "replace"}),
        list: frozenset({"append", "extend", "insert", "pop", "remove", "reverse", "sort", "index", "count", "copy", "clear"}),
        tuple: frozenset({"index", "count"}),
        dict: frozenset({"keys", "values", "items", "get", "pop", "setdefault", "update", "copy", "clear"}),
        set: frozenset({"add", "discard", "remove", "update", "union", "intersection", "difference", "issubset", "copy"}),
        MappingProxyType: frozenset({"keys", "values", "items", "get"}),
        # what the runner hands to a pair; methods of the runner itself (last_target, report_fits) are left out
        Job: frozenset(
            {
                *("targets", "columns", "parameters", "n_coefficients", "rng"),
                *("sweeps", "keep_imputation", "progress", "log_event", "record_fit"),
            }
        ),
        Sites: frozenset({"sum", "each", "central", "tell"}),
        Rows: frozenset({"observed", "gram", "glm_score", "glm_gradient", "glm_fit", "selection_score", "draw", "draw_selection"}),
        Block: frozenset({"matrix", "design", "outcome", "observed", "normal", "uniform", "fill"}),
        Randomness: frozenset({"normal", "chisquare", "uniform"}),
        Target: frozenset({"column", "name", "type", "family"}),
        Column: frozenset({"index", "name", "role"}),
        Sweep: frozenset({"index", "keeps_imputation"}),
        Gram: frozenset({"n", "XX", "Xy", "yy", "n_intercepts"}),
        Score: frozenset({"n", "H", "g", "loglik", "loglik_step", "n_intercepts"}),
        Gradient: frozenset({"n", "g", "n_intercepts"}),
        SiteFit: frozenset({"n", "beta", "information", "sse", "n_intercepts"}),
        Estimate: frozenset({"beta", "information"}),
        SelectionScore: frozenset({"n", "n_selected", "H", "g", "loglik", "loglik_step", "n_intercepts"}),
        LinearFit: frozenset({"beta", "covariance", "sigma2", "n", "q", "draw"}),
        LogisticFit: frozenset({"beta", "covariance", "n", "evaluations", "draw"}),
        SelectionFit: frozenset({"theta", "covariance", "n", "n_selected", "rho", "evaluations", "draw"}),
        Refused: frozenset({"site", "code"}),
        FitError: frozenset({"code", "coefficient"}),
    }
)
"""What each type offers to a pair; a type that is not here offers nothing."""


def get_attribute(owner: object, name: str) -> Any:
    """`owner.name` if its type offers that. Raises :class:`AttributeError` otherwise."""
    kind = type(owner)
    if kind is Namespace:
        return getattr(owner, name)
    if name not in ATTRIBUTES.get(kind, ()):
        raise AttributeError(f"{name} is not available to a pair")
    value = getattr(owner, name)
    return plain(value) if kind is np.ndarray and callable(value) else value


class Writer:
    """Item assignment and deletion on a list, dict or array, and nothing else."""

    __slots__ = ("_target",)
    _target: Any

    def __init__(self, target: Any) -> None:
        if type(target) not in (list, dict, np.ndarray):
            raise TypeError("items of this cannot be set")
        object.__setattr__(self, "_target", target)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._target[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._target[key]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("attributes cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("attributes cannot be set")


_OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = MappingProxyType(
    {
        "+=": operator.iadd,
        "-=": operator.isub,
        "*=": operator.imul,
        "/=": operator.itruediv,
        "//=": operator.ifloordiv,
        "%=": operator.imod,
        "**=": operator.ipow,
        "@=": operator.imatmul,
        "&=": operator.iand,
        "|=": operator.ior,
        "^=": operator.ixor,
        "<<=": operator.ilshift,
        ">>=": operator.irshift,
    }
)


def change(symbol: str, value: Any, other: Any) -> Any:
    """`value symbol other` for a name: the new value."""
    return _OPERATORS[symbol](value, other)


def change_item(symbol: str, target: Any, key: Any, other: Any) -> None:
    """`target[key] symbol other`, with target and key evaluated once."""
    Writer(target)[key] = _OPERATORS[symbol](target[key], other)


def apply(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Calls with `*` or `**`: as written."""
    return function(*args, **kwargs)


def iterate(value: Iterable[Any]) -> Iterable[Any]:
    """What a loop runs over: as written, nothing that a pair can reach hides rows behind an iterator."""
    return value


def late_import(
    name: str,
    globals: object = None,  # noqa: ARG001 - the signature of __import__
    locals: object = None,  # noqa: ARG001
    fromlist: object = (),  # noqa: ARG001
    level: int = 0,
) -> object:
    """`__import__` for NumPy's C code. Raises :class:`ImportError` for anything but the exact names in :data:`LATE_IMPORTS`."""
    if level or name not in LATE_IMPORTS:
        raise ImportError("imports are resolved when a pair is compiled")
    return sys.modules[name]


_BUILTINS: Final = (
    "abs", "all", "any", "bool", "dict", "divmod", "enumerate", "filter", "float", "int", "isinstance", "len", "list", "map", "max",
    "min", "pow", "range", "repr", "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "zip",
)  # fmt: skip
_EXCEPTIONS: Final = (
    "ArithmeticError", "AssertionError", "AttributeError", "Exception", "FloatingPointError", "IndexError", "KeyError", "LookupError",
    "MemoryError", "NotImplementedError", "OverflowError", "RuntimeError", "TypeError", "ValueError", "ZeroDivisionError",
)  # fmt: skip
AVAILABLE: Final = frozenset({*_BUILTINS, *_EXCEPTIONS})
"""The built-in names of a pair (None, True and False are syntax)."""

_GUARDS: Final[Mapping[str, object]] = MappingProxyType(
    {
        "_getattr_": get_attribute,
        "_getitem_": operator.getitem,
        "_getiter_": iterate,
        "_iter_unpack_sequence_": guarded_iter_unpack_sequence,
        "_unpack_sequence_": guarded_unpack_sequence,
        "_write_": Writer,
        "_inplacevar_": change,
        "_inplaceitem_": change_item,
        "_apply_": apply,
    }
)


def namespace(bindings: Mapping[str, object]) -> dict[str, Any]:
    """A fresh global namespace for one module of a pair, with its imports bound."""
    available = {name: getattr(builtins, name) for name in AVAILABLE} | {"__import__": late_import}
    return {"__name__": "pair", "__builtins__": available, **_GUARDS, **bindings}
