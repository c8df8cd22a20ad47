"""The locks: what runs is pinned with hashes and nothing else is in it; tests run with the very same versions."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+) \\$((?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?$)+)", re.MULTILINE)

Lock = dict[str, tuple[str, frozenset[str]]]


def read(name: str) -> Lock:
    """Every pin: its version and hashes."""
    text = (ROOT / name).read_text(encoding="utf-8")
    pins = {name: (version, frozenset(re.findall(r"[0-9a-f]{64}", hashes))) for name, version, hashes in PIN.findall(text)}
    assert len(pins) == len(re.findall(r"^[^\s#]", text, re.MULTILINE)), "a line that is no pin with hashes"
    return pins


def closure(wanted: list[str]) -> set[str]:
    """Everything that these requirements need on this machine, as installed packages say."""
    found: set[tuple[str, str]] = set()
    waiting = [(Requirement(text), "") for text in wanted]
    while waiting:
        requirement, extra_of_parent = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra_of_parent}):
            continue
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras} - {known for other, known in found if other == name}:
            found.add((name, extra))
            waiting += [(Requirement(text), extra) for text in requires(name) or []]
    return {name for name, _ in found}


RUNS = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]


def test_the_lock_is_what_runs_and_builds_and_nothing_else() -> None:
    names = {canonicalize_name(name) for name in read("requirements.lock")}
    needed = closure(RUNS)
    assert needed - names == set()
    # What only other systems or interpreters need is pinned, too; somebody who runs needs it.
    elsewhere = {canonicalize_name(Requirement(text).name) for name in needed for text in requires(name) or [] if "extra" not in text}
    assert names - needed - elsewhere == set()
    tools = {canonicalize_name(Requirement(text).name) for text in PROJECT["project"]["optional-dependencies"]["test"]}
    assert names & (tools - {"setuptools"}) == set()


def test_tests_run_with_the_versions_and_hashes_that_run() -> None:
    runs, tests = read("requirements.lock"), read("requirements-test.lock")
    assert {name: pin for name, pin in runs.items() if tests.get(name) != pin} == {}
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = {canonicalize_name(Requirement(text).name) for texts in extras.values() for text in texts}
    assert wanted - {canonicalize_name(name) for name in tests} == set()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_a_lock_names_no_host_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"://|^\s*-(?!-hash=)|\.org\b|\.com\b|localhost", text, re.MULTILINE) == []
