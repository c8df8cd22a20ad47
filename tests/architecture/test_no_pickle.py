"""Nothing of ours pickles or unpickles, and no library does it for us."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("central", "remote", "sandbox", "policies", "algorithms")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

FORBIDDEN_MODULES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "copyreg", "multiprocessing"}
FORBIDDEN_NAMES = {"read_pickle", "to_pickle", "loads_pickle", "allow_pickle", "Unpickler", "Pickler", "ForkingPickler"}
OBJECT_METHODS = {"send", "recv"}
"""Of `multiprocess.connection.Connection`: the first pickles, the second unpickles."""
ALLOWED_OF_MULTIPROCESS = {("multiprocess.connection", "Connection")}


def imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def findings(source: str) -> list[str]:
    """What in `source` could pickle."""
    tree = ast.parse(source)
    imported = set(imports(tree))
    found = [f"imports {module}" for module, _ in imported if module.split(".")[0] in FORBIDDEN_MODULES]
    of_multiprocess = {pair for pair in imported if pair[0].split(".")[0] == "multiprocess"}
    found += [f"imports {name or module} of multiprocess" for module, name in of_multiprocess - ALLOWED_OF_MULTIPROCESS]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.keyword | ast.Name):
            name = node.id if isinstance(node, ast.Name) else node.arg if isinstance(node, ast.keyword) else node.attr
            if name in FORBIDDEN_NAMES or (of_multiprocess and name in OBJECT_METHODS):
                found.append(f"uses {name}")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_does_not_pickle(path: Path) -> None:
    assert findings(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from dill import loads",
        "import multiprocessing",
        "from multiprocess import Pool",
        "import multiprocess.connection",
        "from multiprocess.connection import Client",
        "from multiprocess.connection import Connection\nConnection(3).recv()",
        "from multiprocess.connection import Connection\nsend = Connection(3).send",
        "numpy.load(path, allow_pickle=True)",
        "pandas.read_pickle(path)",
    ],
)
def test_search_finds(source: str) -> None:
    assert findings(source)
