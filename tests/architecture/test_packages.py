"""What is installed is what is written down: an explicit list, complete."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("algorithms", "central", "policies", "remote", "sandbox")
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def test_every_package_is_listed_and_nothing_else() -> None:
    found = {".".join(path.parent.relative_to(ROOT).parts) for name in PACKAGES for path in (ROOT / name).rglob("__init__.py")}
    # The stubs are data for editors: nothing imports a package named tidegate.
    found = {package for package in found if ".stubs" not in package}
    assert set(SETUPTOOLS["packages"]) == found


def test_every_file_that_is_not_python_is_package_data() -> None:
    data = SETUPTOOLS["package-data"]
    for name in PACKAGES:
        covered = {path for pattern in data.get(name, []) for path in (ROOT / name).glob(pattern)}
        files = {path for path in (ROOT / name).rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
        assert {path for path in files - covered if path.name != "README.md"} == set()
