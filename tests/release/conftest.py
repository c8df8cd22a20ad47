"""Somebody who has just got the repository: an empty home, no root, the commands of the README."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
NOBODY: Final = 65534
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
TOLD_TO_CHANGE: Final = {"imputation.example.org": "localhost", "0.0.0.0": "127.0.0.1"}  # noqa: S104 - it is what is replaced
"""What the README tells its reader to replace. Ports are set by the variables that it names."""
SECONDS: Final = 900
"""For one block: the first one fetches some sixty packages."""


def shell_blocks(text: str) -> list[str]:
    """The blocks of a README without a language, but for drawings."""
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if "─" not in block]


def block_with(words: str) -> str:
    """The one block of the README that holds `words`, as it stands but for what the reader is told to change."""
    (block,) = [block for block in shell_blocks(README) if words in block]
    for name, own in TOLD_TO_CHANGE.items():
        block = block.replace(name, own)
    return block


@dataclass(frozen=True)
class Newcomer:
    """Types commands as a user without root, from a home of their own."""

    home: Path
    checkout: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a login gives, and how this machine reaches packages: nothing of the environment that the tests run in."""
        network = {name: value for name, value in os.environ.items() if name.upper().startswith("PIP_") or name.lower().endswith("_proxy")}
        return {**network, "HOME": str(self.home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **self.settings}

    def start(self, script: str, folder: Path | None = None, **how: Any) -> subprocess.Popen[str]:
        """Begin to type a script; it ends at the first command that fails."""
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        return subprocess.Popen(
            ["/bin/bash", "-e", "-c", script],
            cwd=folder or self.checkout,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            **user,
            **how,
        )

    def type(self, script: str, folder: Path | None = None) -> str:
        """Type a script to its end; what it printed on standard output. It must succeed."""
        with self.start(script, folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            out, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, f"{script}\n{out}\n{err}"
        return out

    def folder(self, name: str) -> Path:
        """A new folder in the home."""
        path = self.home / name
        path.mkdir()
        return self.give(path)

    def give(self, path: Path) -> Path:
        """Let the newcomer own a tree."""
        if os.getuid() == 0:
            for each in (path, *path.rglob("*")):
                os.chown(each, NOBODY, NOBODY)
        return path


def copy_tracked_files(target: Path) -> None:
    """What a fresh clone holds: the tracked files, as they are here."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)


@pytest.fixture(scope="session")
def newcomer() -> Iterator[Newcomer]:
    """The newcomer has copied the repository and typed nothing yet."""
    # Not below pytest's own folder, which no other user may enter.
    with tempfile.TemporaryDirectory(prefix="tidegate-newcomer-") as folder:
        Path(folder).chmod(0o755)
        home, checkout = Path(folder) / "home", Path(folder) / "checkout"
        home.mkdir()
        copy_tracked_files(checkout)
        newcomer = Newcomer(home, checkout)
        newcomer.give(home)
        newcomer.give(checkout)
        yield newcomer


@pytest.fixture(scope="session")
def installed(newcomer: Newcomer) -> Newcomer:
    """The newcomer has typed what the README says to install."""
    newcomer.type(block_with("pip install"))
    return newcomer
