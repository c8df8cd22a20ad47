"""One construct per test: the source, and the exact finding."""

from __future__ import annotations

from textwrap import dedent

import pytest

from sandbox.worker.compilation import Module, compile_module

LIMIT = 262_144


def compiled(source: str) -> Module:
    return compile_module(dedent(source).encode(), LIMIT)


def findings(source: str) -> list[tuple[int, str]]:
    return [(finding.line, finding.message) for finding in compiled(source).findings]


def inside(statement: str) -> str:
    """`statement` on line 2, in a function."""
    return "def f(x, y):\n" + "\n".join(f"    {line}" for line in dedent(statement).splitlines()) + "\n"


ASYNC = "Asynchronous code is not allowed."
RESERVED = "starts with an underscore: such names are reserved."
TOP = "Only a docstring, imports, functions and constants may stand at the top level of a module."
CONSTANT = "A module-level value must be a constant: numbers, texts and tuples of them."

DENIED = (
    "base", "data", "ctypes", "flags", "setflags", "view", "tofile", "dump", "dumps", "setfield", "getfield", "resize", "byteswap",
    "astype", "obj", "with_traceback", "add_note",
)  # fmt: skip
REFUSED_INSIDE = {
    "class": ("class A:\n    pass", "Classes are not allowed."),
    "global": ("global z\nz = 1", "global is not allowed."),
    "yield": ("yield x", "yield is not allowed."),
    "yield from": ("yield from x", "yield is not allowed."),
    "async def": ("async def g():\n    return 1", ASYNC),
    "match": ("match x:\n    case 1:\n        return y", "match is not allowed."),
    "with": ("with x:\n    return y", "with is not allowed."),
    "except star": ("try:\n    return x\nexcept* ValueError:\n    return y", "except* is not allowed."),
    "import": ("import numpy", "Imports belong at the top level."),
    "from import": ("from numpy import dot", "Imports belong at the top level."),
    "dunder attribute": ("return x.__class__", f"Attribute __class__ {RESERVED}"),
    "private attribute": ("return x._members", f"Attribute _members {RESERVED}"),
    "dunder name": ("return __import__", f"__import__ {RESERVED}"),
    "guard name": ("_getattr_ = x", f"_getattr_ {RESERVED}"),
    "set attribute": ("x.y = 1", "Attributes cannot be set."),
    "delete attribute": ("del x.y", "Attributes cannot be set."),
    "augment attribute": ("x.y += 1", "Attributes cannot be set."),
    "str.format": ("return '{}'.format(x)", "Attribute format is not available to a pair."),
    "format_map": ("return x.format_map(y)", "Attribute format_map is not available to a pair."),
    "frame": ("return x.gi_frame", "Attribute gi_frame is not available to a pair."),
    "exec": ("exec(x)", "exec is not available to a pair."),
    "eval": ("eval(x)", "eval is not available to a pair."),
    "open": ("return open(x)", "open is not available to a pair."),
    "getattr": ("return getattr(x, y)", "getattr is not available to a pair."),
    "type": ("return type(x)", "type is not available to a pair."),
    "print": ("print(x)", "print is not available to a pair."),
    "undefined name": ("return z", "z is not available to a pair."),
} | {f"attribute {name}": (f"return x.{name}", f"Attribute {name} is not available to a pair.") for name in DENIED}


@pytest.mark.parametrize(("statement", "message"), REFUSED_INSIDE.values(), ids=REFUSED_INSIDE)
def test_construct_is_refused_with_its_line(statement: str, message: str) -> None:
    assert findings(inside(statement)) == [(2, message)]


def test_nonlocal_is_refused_at_its_own_line() -> None:
    assert findings(inside("def g():\n    nonlocal x\n    x = 1")) == [(3, "nonlocal is not allowed.")]


def test_bare_except_is_refused_at_its_own_line() -> None:
    assert findings(inside("try:\n    return x\nexcept:\n    return y")) == [(4, "except: without an exception is not allowed.")]


REFUSED_AT_TOP = {
    "class": ("class A:\n    pass", "Classes are not allowed."),
    "loop": ("while True:\n    pass", TOP),
    "call": ("len('')", TOP),
    "if": ("if 1:\n    pass", TOP),
    "mutable constant": ("CACHE = {}", CONSTANT),
    "computed constant": ("import numpy as np\nX = np.log(2)", CONSTANT),
    "power": ("X = 9 ** 9 ** 9", CONSTANT),
    "subscript": ("X = (1,)\nX[0] = 1", CONSTANT),
    "star import": ("from numpy import *", "import * is not allowed."),
    "os": ("import os", "os cannot be imported."),
    "submodule": ("import numpy.ctypeslib", "numpy.ctypeslib cannot be imported."),
    "random": ("from numpy import random", "numpy.random is not available to a pair."),
    "load": ("from numpy import load", "numpy.load is not available to a pair."),
    "relative": ("from . import SIMI", ". cannot be imported."),
    "our modules": ("from sandbox.worker import guard", "sandbox.worker cannot be imported."),
    "decorator": ("@len\ndef f(x):\n    return x", "Decorators are not allowed."),
    "mutable default": ("def f(x=[]):\n    return x", "A default must be a constant."),
    "private function": ("def _f(x):\n    return x", f"_f {RESERVED}"),
    "private argument": ("def f(_getattr_):\n    return 1", f"_getattr_ {RESERVED}"),
    "positional-only argument": ("def f(_getitem_, /):\n    return 1", f"_getitem_ {RESERVED}"),
    "import as guard": ("from numpy import dot as _getattr_", f"_getattr_ {RESERVED}"),
    "annotation as value": ("from tidegate import Job\ndef f(x):\n    return Job(x)", "Job is not available to a pair."),
}


@pytest.mark.parametrize(("source", "message"), REFUSED_AT_TOP.values(), ids=REFUSED_AT_TOP)
def test_module_level_construct_is_refused(source: str, message: str) -> None:
    assert [text for _, text in findings(source)] == [message]


ALLOWED = {
    "docstring": '"""What it does."""\n\nX = 1',
    "constants": "A = 1e-6\nB = -2.5\nC = (1, 'a', (2, 3))\nD = 60 * 60\nE: float = 1",
    "imports": "import numpy as np\nimport numpy.linalg\nimport scipy.special as sp\nfrom numpy import linalg as la",
    "future": "from __future__ import annotations\ndef f(x):\n    return x",
    "annotations": "from tidegate import Job, Sites\ndef f(job: Job, s: Sites) -> None:\n    x: int = 1\n    y: float\n    return x",
    "nested function": "def f(x):\n    def g(y):\n        return x + y\n    return g(1)",
    "comprehensions": "def f(x):\n    return [a for a, b in x if a], {a: b for a, b in x}, sum(a for a in x)",
    "unpacking": "def f(x):\n    (a, b), *c = x\n    return a, b, c",
    "try": "from tidegate import Refused\ndef f(x):\n    try:\n        return x()\n    except Refused as e:\n        return e.site",
    "walrus, lambda, f-string": "def f(x):\n    if (n := len(x)) > 1:\n        return f'{n:3d}'\n    return sorted(x, key=lambda a: -a)",
}


@pytest.mark.parametrize("source", ALLOWED.values(), ids=ALLOWED)
def test_honest_code_passes(source: str) -> None:
    assert findings(source) == []


def test_all_findings_are_collected_in_the_order_of_lines() -> None:
    source = "import os\ndef f(x):\n    x.y = 1\n    return x.__class__\nclass A:\n    pass\n"
    assert [line for line, _ in findings(source)] == [1, 3, 4, 5]


def test_a_finding_says_what_to_do() -> None:
    (finding,) = compiled("import pandas").findings
    assert finding.remedy == "Available are numpy, numpy.linalg, scipy, scipy.linalg, scipy.special, tidegate, tidegate.estimation."


def test_source_larger_than_the_limit_is_refused() -> None:
    source = b"X = 1\n"
    assert not compile_module(source, len(source)).findings
    assert "larger than" in compile_module(source, len(source) - 1).findings[0].message


@pytest.mark.parametrize(
    "source",
    [b"\xff", b"def f(:\n", b"X = 1\x00", b"return 1", b"X = 1 / 0", b"(" * 500 + b")" * 500, b"X = " + b"-" * 5000 + b"1"],
    ids=["utf-8", "syntax", "null", "return outside", "constant raises", "parentheses", "deep"],
)
def test_unreadable_source_is_a_finding_not_an_exception(source: bytes) -> None:
    module = compile_module(source, LIMIT)
    assert len(module.findings) == 1
    assert not module.functions


def test_deep_nesting_is_refused_with_its_line() -> None:
    source = "X = 1\n\ndef f(x):\n    return " + "+".join(["x"] * 200)
    assert findings(source) == [(4, "The code is nested more than 100 levels deep.")]
