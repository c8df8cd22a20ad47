"""The source rules: which Python a pair may be written in. Judges and rewrites a syntax tree; runs nothing.

This is a policy and a help to honest authors, and it keeps what a reviewer has to read small. It is not the boundary: that is the locked
process around it. Built on RestrictedPython, whose rule holds here too: a construct nobody wrote a `visit_` method for is refused.

Rewritten: attribute and item access become calls of the guards (`sandbox.worker.guard`), `a[i] += x` too; annotations are dropped; imports
become bindings to facades. Everything refused is a finding with its line; nothing stops at the first.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final, TypeAlias, cast

from RestrictedPython.transformer import (
    FORBIDDEN_FUNC_NAMES,
    INSPECT_ATTRIBUTES,
    IOPERATOR_TO_STR,
    RestrictingNodeTransformer,
    copy_locations,
)

from sandbox.wire.messages import SourceFinding
from sandbox.worker.facades import ANNOTATIONS, MODULES

DENIED_ATTRIBUTES: Final = frozenset(
    {
        # of arrays: raw memory, files, reinterpretation
        *("base", "data", "ctypes", "flags", "setflags", "view", "getfield", "setfield", "tofile", "tobytes", "dump", "dumps", "resize"),
        *("byteswap", "astype", "partition", "put", "at", "strides", "real", "imag", "flat"),
        # of exceptions: the object that failed, notes and tracebacks
        *("obj", "with_traceback", "add_note"),
        # of text: formats read attributes
        *("format", "format_map", "get_field", "get_value", "vformat"),
    }
)
"""Attributes refused by name, whatever the object. What a type offers at run time is decided by the guard's own, shorter list."""

REFUSED_NODES: Final = {
    "AsyncFunctionDef": ("Asynchronous code is not allowed.", "Write plain functions; the runner does the waiting."),
    "AsyncFor": ("Asynchronous code is not allowed.", "Write plain functions; the runner does the waiting."),
    "AsyncWith": ("Asynchronous code is not allowed.", "Write plain functions; the runner does the waiting."),
    "Await": ("Asynchronous code is not allowed.", "Write plain functions; the runner does the waiting."),
    "ClassDef": ("Classes are not allowed.", "Write plain functions; a remote module keeps no state between steps."),
    "Global": ("global is not allowed.", "Pass values as arguments; what is remembered between rounds lives in the gate."),
    "Nonlocal": ("nonlocal is not allowed.", "Return the value instead."),
    "Match": ("match is not allowed.", "Use if and elif."),
    "TryStar": ("except* is not allowed.", "Use except with one exception."),
    "With": ("with is not allowed.", "Nothing that is available needs to be closed."),
    "Yield": ("yield is not allowed.", "Return a list."),
    "YieldFrom": ("yield is not allowed.", "Return a list."),
}
Visited: TypeAlias = ast.AST | Iterable[ast.AST] | None
TOP_LEVEL: Final = "Only a docstring, imports, functions and constants may stand at the top level of a module."
_CONSTANT_OPERATORS: Final = (ast.Add, ast.Sub, ast.Mult, ast.Div)


class SourceRules(RestrictingNodeTransformer):
    """One pass over one module. `findings` and `bindings` are what it leaves, besides the rewritten tree."""

    def __init__(self) -> None:
        super().__init__()
        self.findings: list[SourceFinding] = []
        self.bindings: dict[str, object] = {}
        self.bound: set[str] = set()
        self.loaded: list[tuple[str, int]] = []

    # --- findings ---------------------------------------------------------------------------------------------------------------------

    def refuse(self, node: ast.AST, message: str, remedy: str = "") -> None:
        """Keep a finding at the line of `node`."""
        self.findings.append(SourceFinding(getattr(node, "lineno", 0), message, remedy))

    def error(self, node: ast.AST, info: str) -> None:
        """RestrictedPython's own findings, for constructs without a rule below."""
        self.refuse(node, info)

    def not_allowed(self, node: ast.AST) -> None:
        """Refuse a kind of node, in an author's words where there are any."""
        kind = type(node).__name__
        self.refuse(node, *REFUSED_NODES.get(kind, (f"{kind} is not part of the language of pairs.",)))

    def check_name(self, node: ast.AST, name: str | None, allow_magic_methods: bool = False) -> None:  # noqa: ARG002 - inherited
        """Refuse names that are reserved, wherever they are bound or used."""
        if name is None or name == "_":
            return
        if name.startswith("_") or name.endswith("__roles__"):
            self.refuse(node, f"{name} starts with an underscore: such names are reserved.", "Choose another name.")
        elif name in FORBIDDEN_FUNC_NAMES:
            self.refuse(node, f"{name} is not available to a pair.", "Use job.progress or job.log_event." if name == "print" else "")

    # --- the module -------------------------------------------------------------------------------------------------------------------

    def visit_Module(self, node: ast.Module) -> ast.Module:
        """Keep functions and constants, resolve imports, refuse the rest."""
        body: list[ast.stmt] = []
        for position, statement in enumerate(node.body):
            if isinstance(statement, ast.Import):
                self._import(statement)
            elif isinstance(statement, ast.ImportFrom):
                self._import_from(statement)
            elif self._is_docstring(statement, position):
                continue
            elif isinstance(statement, ast.FunctionDef) or type(statement).__name__ in REFUSED_NODES:
                self._keep(self.visit(statement), body)
            elif isinstance(statement, ast.Assign | ast.AnnAssign):
                self._check_constant(statement)
                self._keep(self.visit(statement), body)
            else:
                self.refuse(statement, TOP_LEVEL, "Move the statement into a function.")
        node.body = body
        return node

    @staticmethod
    def _keep(visited: Visited, body: list[ast.stmt]) -> None:
        statements = visited if isinstance(visited, list) else [visited]
        body.extend(statement for statement in statements if isinstance(statement, ast.stmt))

    @staticmethod
    def _is_docstring(statement: ast.stmt, position: int) -> bool:
        return (
            position == 0
            and isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Constant)
            and isinstance(statement.value.value, str)
        )

    def _check_constant(self, statement: ast.Assign | ast.AnnAssign) -> None:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        is_named = all(isinstance(target, ast.Name) for target in targets)
        if statement.value is None or not is_named or not _is_constant(statement.value):
            self.refuse(
                statement,
                "A module-level value must be a constant: numbers, texts and tuples of them.",
                "Compute it inside a function.",
            )

    # --- imports ----------------------------------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> ast.Import:
        """Refuse imports inside functions; those of the module never come here."""
        self.refuse(node, "Imports belong at the top level.", "Move the import to the top of the module.")
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        """As :meth:`visit_Import`."""
        self.refuse(node, "Imports belong at the top level.", "Move the import to the top of the module.")
        return node

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            facade = MODULES.get(alias.name)
            if facade is None:
                self._not_importable(node, alias.name)
            elif alias.asname is None:
                # `import numpy.linalg` binds numpy, as in Python.
                root = alias.name.partition(".")[0]
                self._bind(node, root, MODULES[root])
            else:
                self._bind(node, alias.asname, facade)

    def _import_from(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        if module == "__future__":
            return
        for alias in node.names:
            name = alias.asname or alias.name
            if alias.name == "*":
                self.refuse(node, "import * is not allowed.", "Name what you import.")
            elif module == "tidegate" and alias.name in ANNOTATIONS:
                continue
            elif module not in MODULES:
                self._not_importable(node, module)
            elif alias.name not in MODULES[module]:
                self.refuse(node, f"{module}.{alias.name} is not available to a pair.")
            else:
                self._bind(node, name, getattr(MODULES[module], alias.name))

    def _not_importable(self, node: ast.stmt, name: str) -> None:
        self.refuse(node, f"{name} cannot be imported.", f"Available are {', '.join(MODULES)}.")

    def _bind(self, node: ast.stmt, name: str, value: object) -> None:
        self.check_name(node, name)
        self.bound.add(name)
        self.bindings[name] = value

    # --- functions --------------------------------------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Plain functions; annotations are dropped, decorators refused."""
        self.check_name(node, node.name)
        self.check_function_argument_names(node)
        self.bound.add(node.name)
        if node.decorator_list:
            self.refuse(node.decorator_list[0], "Decorators are not allowed.", "Call the function where it is needed.")
            node.decorator_list = []
        if getattr(node, "type_params", None):
            self.refuse(node, "Type parameters are not allowed.", "Leave them out.")
        node.returns = None
        return self.node_contents_visit(node)

    def visit_arguments(self, node: ast.arguments) -> ast.arguments:
        """Defaults live as long as the function: only constants."""
        for default in (*node.defaults, *node.kw_defaults):
            if default is not None and not _is_constant(default):
                self.refuse(default, "A default must be a constant.", "Use None and decide inside the function.")
        return self.node_contents_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """Drop the annotation."""
        node.annotation = None
        self.bound.add(node.arg)
        return self.node_contents_visit(node)

    # --- statements -------------------------------------------------------------------------------------------------------------------

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Visited:
        """`x: float = 1` is `x = 1`; a bare annotation is nothing."""
        if node.value is None:
            nothing = ast.Pass()
            copy_locations(nothing, node)
            return nothing
        assignment = ast.Assign(targets=[node.target], value=node.value)
        copy_locations(assignment, node)
        return cast(Visited, self.visit(assignment))

    def visit_AugAssign(self, node: ast.AugAssign) -> Visited:
        """`a[i] += x` evaluates a and i once and goes through a guard; names as RestrictedPython does; attributes are refused."""
        if isinstance(node.target, ast.Attribute):
            return self.visit_Attribute(node.target)
        if isinstance(node.target, ast.Name):
            self.bound.add(node.target.id)
            return super().visit_AugAssign(node)
        call = ast.Call(
            func=ast.Name("_inplaceitem_", ast.Load()),
            args=[
                ast.Constant(IOPERATOR_TO_STR[type(node.op)]),
                self.visit(node.target.value),
                self.visit(node.target.slice),
                self.visit(node.value),
            ],
            keywords=[],
        )
        copy_locations(call, node)
        statement = ast.Expr(call)
        copy_locations(statement, node)
        return statement

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> Visited:
        """A bare except hides everything."""
        if node.type is None:
            self.refuse(node, "except: without an exception is not allowed.", "Name the exception that is expected.")
        if node.name:
            self.bound.add(node.name)
        return super().visit_ExceptHandler(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> Visited:
        """Refused, contents unseen."""
        self.not_allowed(node)
        return node

    def visit_With(self, node: ast.With) -> Visited:
        """Refused, contents unseen."""
        self.not_allowed(node)
        return node

    def visit_Global(self, node: ast.Global) -> Visited:
        """Refused."""
        self.not_allowed(node)
        return node

    # --- expressions ------------------------------------------------------------------------------------------------------------------

    def visit_Yield(self, node: ast.Yield) -> Visited:
        """Refused."""
        self.not_allowed(node)
        return node

    def visit_YieldFrom(self, node: ast.YieldFrom) -> Visited:
        """Refused."""
        self.not_allowed(node)
        return node

    def visit_Name(self, node: ast.Name) -> Visited:
        """Remember what is bound and what is used."""
        self.check_name(node, node.id)
        if isinstance(node.ctx, ast.Load):
            if node.id not in FORBIDDEN_FUNC_NAMES and not node.id.startswith("_"):
                self.loaded.append((node.id, node.lineno))
        else:
            self.bound.add(node.id)
        return node

    def visit_Call(self, node: ast.Call) -> Visited:
        """RestrictedPython would report exec and eval a second time: as names they are not available anyway."""
        if isinstance(node.func, ast.Name) and node.func.id in ("exec", "eval"):
            self.refuse(node, f"{node.func.id} is not available to a pair.")
            return node
        return super().visit_Call(node)

    def visit_Attribute(self, node: ast.Attribute) -> Visited:
        """Reading an attribute becomes a call of the guard; setting one is refused."""
        if not isinstance(node.ctx, ast.Load):
            self.refuse(node, "Attributes cannot be set.", "Keep the value in a local variable.")
        elif node.attr.startswith("_") or node.attr.endswith("__roles__"):
            self.refuse(node, f"Attribute {node.attr} starts with an underscore: such names are reserved.")
        elif node.attr in ("format", "format_map"):
            self.refuse(node, f"Attribute {node.attr} is not available to a pair.", 'Use f"{x}" or "%s" % x.')
        elif node.attr in INSPECT_ATTRIBUTES or node.attr in DENIED_ATTRIBUTES:
            remedy = "Use np.array(x, dtype=float)." if node.attr == "astype" else ""
            self.refuse(node, f"Attribute {node.attr} is not available to a pair.", remedy)
        else:
            return super().visit_Attribute(node)
        return self.node_contents_visit(node)


def _is_constant(node: ast.expr) -> bool:
    match node:
        case ast.Constant():
            return True
        case ast.UnaryOp(operand=operand):
            return _is_constant(operand)
        case ast.BinOp(left=left, op=operator, right=right):
            return isinstance(operator, _CONSTANT_OPERATORS) and _is_constant(left) and _is_constant(right)
        case ast.Tuple(elts=elements):
            return all(map(_is_constant, elements))
        case _:
            return False
