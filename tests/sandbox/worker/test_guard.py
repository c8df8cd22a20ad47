"""What compiled code can and cannot do at run time. This layer is not the boundary (the lockdown is); it must still hold by itself."""

from __future__ import annotations

import builtins
import sys
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

from sandbox.worker.compilation import compile_module
from sandbox.worker.facades import MODULES
from sandbox.worker.guard import ATTRIBUTES, LATE_IMPORTS, Writer, get_attribute, late_import

IMPORTS = "import numpy as np\nfrom scipy import linalg, special\nfrom tidegate import estimation, Refused\n"


def run(body: str, *arguments: Any) -> Any:
    """The value of `f(x, y)` whose body is `body`, compiled under the rules."""
    source = IMPORTS + "def f(x=None, y=None):\n" + "\n".join(f"    {line}" for line in dedent(body).strip().splitlines())
    module = compile_module(source.encode(), 262_144)
    assert module.findings == ()
    return module.functions["f"](*arguments)


# --- hostile ------------------------------------------------------------------------------------------------------------------------------

HOSTILE = {
    "ctypeslib": "return np.ctypeslib",
    "subprocess over f2py": "return np.f2py.subprocess",
    "genfromtxt": "return np.genfromtxt('/etc/passwd')",
    "memmap": "return np.memmap('/etc/passwd')",
    "load": "return np.load('/etc/passwd')",
    "global random state": "return np.random.normal()",
    "seterrcall": "return np.seterrcall(x)",
    "as_strided": "return np.lib.stride_tricks.as_strided(np.ones(2), (1000,))",
    "frombuffer": "return np.frombuffer(b'abcdefgh')",
    "object array": "return np.array([x, f], dtype='O')",
    "object array by mixing": "return np.array([f, f])",
    "object array by positional dtype": "return np.zeros(3, 'O')",
    "structured array": "return np.zeros(3, dtype=[('a', 'f8')])",
    "text array": "return np.array(['a', 'b'])",
    "object array by method": "return np.ones(2).cumsum(dtype='O')",
    "attribute of a number": "return (1).numerator",
    "method of a type": "return str.join",
    "function attribute": "return f.attribute",
    "facade assignment by item": "np['dot'] = 1",
    "tuple item": "a = (1,)\na[0] = 2",
    "exception arguments": "try:\n    return 1 / 0\nexcept ZeroDivisionError as e:\n    return e.args",
    "exception detail": "try:\n    return Refused(1, 2)\nexcept KeyError as e:\n    return e.details",
    "dict of a mapping": "return x.copy",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_snippet_raises_inside(body: str) -> None:
    with pytest.raises((AttributeError, TypeError, KeyError)):
        run(body, object())


def test_import_shim_gives_exact_names_only() -> None:
    assert late_import("numpy._core._methods") is sys.modules["numpy._core._methods"]
    for name in ("os", "numpy", "numpy._core", "numpy._core._methods.os", "sys"):
        with pytest.raises(ImportError):
            late_import(name)
    with pytest.raises(ImportError):
        late_import("_methods", level=1)


def test_everything_the_shim_gives_is_loaded_before_lockdown() -> None:
    assert set(sys.modules) >= LATE_IMPORTS


def test_pair_does_not_see_the_real_import() -> None:
    module = compile_module(b"def f(x):\n    return x\n", 1000)
    offered = module.functions["f"].__globals__["__builtins__"]
    assert offered["__import__"] is late_import
    assert offered["__import__"] is not builtins.__import__
    assert not {"open", "eval", "exec", "compile", "getattr", "type", "object", "globals", "vars", "id", "hash"} & set(offered)


def test_no_type_offers_a_private_name_or_a_way_to_raw_memory() -> None:
    names = {name for offered in ATTRIBUTES.values() for name in offered}
    assert not {name for name in names if name.startswith("_")}
    assert not names & {"base", "data", "ctypes", "flags", "setflags", "view", "tofile", "dump", "format", "format_map", "obj", "astype"}


def test_unknown_types_offer_nothing() -> None:
    class Anything:
        value = 1

    with pytest.raises(AttributeError):
        get_attribute(Anything(), "value")


def test_facades_are_read_only() -> None:
    for facade in MODULES.values():
        with pytest.raises(AttributeError):
            facade.dot = 1
        with pytest.raises(AttributeError):
            del facade.dot
    with pytest.raises(TypeError):
        MODULES["os"] = MODULES["numpy"]  # type: ignore[index]


def test_writer_knows_item_assignment_only() -> None:
    array = np.zeros(2)
    writer = Writer(array)
    writer[0] = 1.0
    assert array[0] == 1.0
    with pytest.raises(AttributeError):
        writer.shape = (2, 1)  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        Writer("text")


def test_read_only_arrays_stay_read_only() -> None:
    array = np.ones(3)
    array.flags.writeable = False
    for body in ("x[0] = 5", "x[0] += 5", "x += 5", "x.fill(5)", "x.sort()"):
        with pytest.raises(ValueError, match="read-only"):
            run(body, array)
    assert array.tolist() == [1, 1, 1]


# --- honest -------------------------------------------------------------------------------------------------------------------------------

LATE = {
    "mean": ("return x.mean()", 2.0),
    "std": ("return x.std()", pytest.approx(0.816496580927726)),
    "var": ("return x.var()", pytest.approx(2 / 3)),
    "clip": ("return x.clip(2, 3).tolist()", [2.0, 2.0, 3.0]),
    "sum, any, all": ("return [x.sum(), x.any(), x.all()]", [6.0, True, True]),
    "repr": ("return repr(x)", "array([1., 2., 3.])"),
    "f-string": ("return f'{x}'", "[1. 2. 3.]"),
    "percent": ("return '%s' % x", "[1. 2. 3.]"),
}


@pytest.mark.parametrize(("body", "expected"), LATE.values(), ids=LATE)
def test_late_imports_of_numpy_work_under_the_guard(body: str, expected: object) -> None:
    assert run(body, np.array([1.0, 2.0, 3.0])) == expected


def test_errors_of_numpy_keep_their_type_under_the_guard() -> None:
    assert run("try:\n    return x @ y\nexcept ValueError:\n    return 'shape'", np.ones((2, 2)), np.ones(3)) == "shape"
    assert run("try:\n    return x + 'a'\nexcept TypeError:\n    return 'type'", np.ones(2)) == "type"
    assert run("try:\n    return np.linalg.inv(x)\nexcept np.linalg.LinAlgError:\n    return 's'", np.zeros((2, 2))) == "s"


def test_item_augmentation_evaluates_object_and_index_once() -> None:
    body = """
        seen = []
        def pick(value):
            seen.append(value)
            return value
        a = [1, 2]
        a[pick(1)] += 5
        m = np.zeros((2, 2))
        m[:, 0] += 1
        m[0, 1:] -= 2
        m *= 2
        return a, seen, m.tolist()
    """
    assert run(body) == ([1, 7], [1], [[2.0, -4.0], [2.0, 0.0]])


@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^"])
def test_augmented_assignment_is_the_operator(symbol: str) -> None:
    expected = run(f"return x {symbol} y", 7, 2)
    assert run(f"x {symbol}= y\nreturn x", 7, 2) == expected
    assert run(f"a = [x]\na[0] {symbol}= y\nreturn a[0]", 7, 2) == expected


def test_star_calls_unpacking_and_comprehensions_work() -> None:
    assert run("return max(*x), sorted(x[0], **y)", [[1, 2], [1, 3]], {"reverse": True}) == ([1, 3], [2, 1])
    assert run("(a, b), c = x\nreturn [a, b, c]", ((1, 2), 3)) == [1, 2, 3]
    assert run("return {k: v for k, v in x}", [(1, 2)]) == {1: 2}


def test_facade_functions_compute_what_numpy_and_scipy_do() -> None:
    matrix = np.array([[4.0, 1.0], [1.0, 3.0]])
    assert run("return np.linalg.solve(x, y).tolist()", matrix, np.ones(2)) == np.linalg.solve(matrix, np.ones(2)).tolist()
    assert run("return linalg.cho_solve(linalg.cho_factor(x), y)", matrix, np.ones(2)) == pytest.approx(np.linalg.solve(matrix, np.ones(2)))
    assert run("return special.expit(x)", 0.0) == 0.5
    assert run("v, w = np.linalg.eigh(x)\nreturn v", matrix) == pytest.approx(np.linalg.eigvalsh(matrix))
