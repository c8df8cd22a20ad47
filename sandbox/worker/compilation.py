"""Source of a pair's module to functions, or findings. Runs inside the locked worker: the parser is fed hostile text.

1. Decode, bound the size, parse, bound the depth of the tree.
2. Read the signatures of its functions, for comparison with the manifest.
3. Apply the source rules; look for names that are bound nowhere.
4. Compile and execute the module: function definitions and constants, nothing else is left of it.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.wire.messages import SourceFinding
from sandbox.worker.guard import AVAILABLE, namespace
from sandbox.worker.source_rules import SourceRules

FILENAME: Final = "<pair>"
"""How frames of a pair are told from the runner's."""
MAX_DEPTH: Final = 100
"""Nesting of a syntax tree; people stay below 30, and a deeper one could exhaust the stack of the rewriting pass."""
_DECEPTIVE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|\r(?!\n)")
"""What shows a reviewer another text than Python reads: controls of writing direction (CVE-2021-42574), line ends that many viewers do not
show, other control characters. A site approves what it has read."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A function of the module: where it stands and which names it takes."""

    line: int
    positional: tuple[str, ...]
    names: frozenset[str]
    required: frozenset[str]
    takes_any: bool


@dataclass(frozen=True, slots=True)
class Module:
    """A compiled module, or the findings that stood in the way."""

    findings: tuple[SourceFinding, ...] = ()
    signatures: dict[str, Signature] = field(default_factory=dict)
    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)


def compile_module(source: bytes, max_source_bytes: int, *, is_executed: bool = True) -> Module:
    """The functions of `source`, or findings in the order of their lines. Never raises for what the source says.

    With `is_executed` off it stops before the first line runs: findings and signatures only, for a process that is not locked down.
    """
    if len(source) > max_source_bytes:
        return _refused(0, f"The module is larger than {max_source_bytes} bytes.", "Shorten it; the policy key is max_source_bytes.")
    with warnings.catch_warnings():
        # The parser warns about style (a stray backslash); there is nobody to read it in here.
        warnings.simplefilter("ignore")
        tree = _parse(source)
        return tree if isinstance(tree, Module) else _compile(tree, is_executed=is_executed)


def _parse(source: bytes) -> ast.Module | Module:
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError:
        return _refused(0, "The module is not UTF-8 text.", "Save it as UTF-8.")
    deceptive = _DECEPTIVE.search(text)
    if deceptive is not None:
        line = text.count("\n", 0, deceptive.start()) + 1
        return _refused(line, "The line holds a character that hides or turns what a reader sees.", "Remove it, or write an escape.")
    try:
        tree = ast.parse(text, FILENAME)
    except SyntaxError as error:
        return _refused(error.lineno or 0, f"Python cannot read this line: {error.msg}.")
    except (ValueError, RecursionError, MemoryError):
        return _refused(0, "Python cannot read this module.")
    deep = _too_deep(tree)
    return (
        tree if deep is None else _refused(deep, f"The code is nested more than {MAX_DEPTH} levels deep.", "Use more, simpler statements.")
    )


def _too_deep(tree: ast.Module) -> int | None:
    """The line at which the tree becomes too deep, if it does. Not recursive: the depth is what is in doubt."""
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return None
    return max(getattr(node, "lineno", 0) for node in level)


def _compile(tree: ast.Module, *, is_executed: bool) -> Module:
    signatures = {node.name: _signature(node) for node in tree.body if isinstance(node, ast.FunctionDef)}
    rules = SourceRules()
    rules.visit(tree)
    findings = rules.findings + _unbound(rules)
    if findings:
        return Module(tuple(sorted(findings, key=lambda finding: finding.line)))
    if not is_executed:
        return Module((), signatures)
    scope = namespace(rules.bindings)
    try:
        # Nothing but `def` and constants is left at the top level, and this process is locked down: see the module docstring.
        exec(compile(tree, FILENAME, "exec", dont_inherit=True), scope)  # noqa: S102
    except SyntaxError as error:
        return _refused(error.lineno or 0, f"Python cannot compile this line: {error.msg}.")
    except (ValueError, ArithmeticError, TypeError, RecursionError, MemoryError):
        return _refused(0, "Python cannot compile this module.", "Check its constants.")
    return Module((), signatures, {name: scope[name] for name in signatures})


def _unbound(rules: SourceRules) -> list[SourceFinding]:
    """Names that are used but bound nowhere in the module: what is not offered, and slips of the pen."""
    known = rules.bound | AVAILABLE
    lines = {(name, line): None for name, line in rules.loaded if name not in known}
    return [SourceFinding(line, f"{name} is not available to a pair.") for name, line in lines]


def _signature(node: ast.FunctionDef) -> Signature:
    arguments = node.args
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    keyword_only = [argument.arg for argument in arguments.kwonlyargs]
    optional = set(positional[len(positional) - len(arguments.defaults) :]) if arguments.defaults else set()
    optional |= {name for name, default in zip(keyword_only, arguments.kw_defaults, strict=True) if default is not None}
    by_keyword = {argument.arg for argument in arguments.args} | set(keyword_only)
    required = frozenset({*positional, *keyword_only} - optional)
    return Signature(node.lineno, tuple(positional), frozenset(by_keyword), required, bool(arguments.vararg or arguments.kwarg))


def _refused(line: int, message: str, remedy: str = "") -> Module:
    return Module((SourceFinding(line, message, remedy),))
