"""The wheel is whole: alone in an environment, with the lock and without the repository, it runs a job."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from packaging.utils import canonicalize_name

from tests.release.conftest import ROOT, Newcomer

PACKAGES = {"algorithms", "central", "policies", "remote", "sandbox"}
NOT_INSTALLED = {"README.md", "__pycache__"}
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def wheel(installed: Newcomer) -> Path:
    """Built from a fresh copy with what the lock holds, without network."""
    folder = installed.folder("wheel")
    # Not where it was built before: what an earlier build left behind would be packed, too.
    source = installed.folder("source")
    shutil.copytree(installed.checkout, source, dirs_exist_ok=True, ignore=shutil.ignore_patterns("build", "*.egg-info", "result", "MyMI"))
    installed.give(source)
    installed.type(f"~/tidegate/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir {folder} .", source)
    (path,) = folder.glob("tidegate-*.whl")
    return path


@pytest.fixture(scope="module")
def alone(installed: Newcomer, wheel: Path) -> Path:
    """The environment with the lock and the wheel, nothing else; its folder of programs.

    It is the one of the README, which took most of a minute to fill: what the README installed is taken out first.
    """
    programs = installed.home / "tidegate" / "bin"
    installed.type(f"{programs}/pip uninstall --yes tidegate\n! {programs}/python -c 'import sandbox' 2> /dev/null", installed.home)
    installed.type(f"{programs}/pip install --no-deps --no-index {wheel}", installed.home)
    listed = {canonicalize_name(row["name"]) for row in json.loads(installed.type(f"{programs}/pip list --format json"))}
    pins = re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed <= {canonicalize_name(pin) for pin in pins} | {"pip", "tidegate"}
    return programs


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    names = {PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()}
    held = {name for name in names if not name.parts[0].endswith(".dist-info")}
    files = {PurePosixPath(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()}
    assert held == {path for path in files if NOT_INSTALLED.isdisjoint(path.parts)}
    assert {name.parts[0] for name in held} == PACKAGES
    for example in (
        "central/py.typed",
        "central/web/templates/jobs.html",
        "central/migrations/script.py.mako",
        "remote/migrations/versions",
        "sandbox/pages/static/style.css",
        "sandbox/worker/stubs",
        "policies/default.toml",
        "policies/rules/rule.min_rows.md",
        "algorithms/SIMICE/manifest.toml",
    ):
        assert [name for name in held if name.is_relative_to(example)], example


def test_the_wheel_carries_licence_authors_and_the_version_of_the_changelog(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (folder,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata = archive.read(f"{folder}/METADATA").decode()
        assert archive.read(f"{folder}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    # What is not released yet has no version.
    newest = re.findall(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[0]
    fields = ("Author: The Tidegate authors", "License-Expression: Apache-2.0", f"Version: {newest}", "Provides-Extra: postgresql")
    assert [field for field in fields if f"\n{field}\n" not in metadata] == []


def test_a_job_runs_with_the_wheel_alone(installed: Newcomer, alone: Path) -> None:
    place = installed.folder("job")
    for name in ("job.toml", "va_long_beach.csv", "cleveland.csv", "hungary.csv"):
        shutil.copy(ROOT / "tests" / "data" / "heart" / name, place)
    installed.give(place)
    where = installed.type(f"{alone}/python -c 'import algorithms, sandbox; print(algorithms.__path__[0]); print(sandbox.__file__)'", place)
    packages = alone.parent / "lib"
    assert all(Path(line).is_relative_to(packages) for line in where.splitlines())
    pair = Path(where.splitlines()[0]) / "SIMICE"
    data = "--central va_long_beach.csv --site cleveland.csv --site hungary.csv"
    result = json.loads(installed.type(f"{alone}/tidegate simulate {pair} --job job.toml {data} --out result --json", place))
    assert result["imputations"] == 10
    assert len(list((place / "result").glob("imputed_0*.csv"))) == 10


@pytest.mark.parametrize("program", ["tidegate", "tidegate-central", "tidegate-site"])
def test_every_program_starts_with_the_wheel_alone(installed: Newcomer, alone: Path, program: str) -> None:
    assert f"Usage: {program}" in installed.type(f"{alone}/{program} --help", installed.home)


def test_postgresql_without_its_extra_is_told_what_to_install(installed: Newcomer, alone: Path) -> None:
    script = (
        f"{alone}/tidegate-central init --data pg --admin ada > /dev/null\n"
        "export TIDEGATE_CENTRAL_DATABASE_URL=postgresql+psycopg://localhost/tidegate\n"
        f"{alone}/tidegate-central serve --data pg --port 0 2>&1 || echo $?"
    )
    sentence, status = installed.type(script, installed.home).splitlines()
    assert "pip install 'psycopg[binary]'" in sentence
    assert status == "2"
