"""The table of attacks: which file, which layer must stop it, and what must become of it.

Kinds of file, by folder:

    language surface    a pair's remote module, under the source rules in a real locked worker: refused at the lines marked `# refused`,
                        or raised at the line marked `# raises`
    files secrets       a script, `run(data, params)`: its imports are refused by the source rules; in raw mode (no source rules, a locked
    network processes   worker with os, socket, subprocess, threading, ctypes loaded) it must end as the table says; in a plain child, the
    kernel exhaustion   control, it must reach what it wants
    gate                a pair's remote module that passes the source rules and names what it may not; asked by a real gate
    questions           what a hostile central asks a real gate: `calls()`
    central             a pair's central module, in the real round engine
    protocol            a hostile worker, `run(channel_fd)`, raw bytes to a real gate
    peers               a gate that was taken over, `run(channel_fd)`, raw bytes to the host
    link                a hostile site, `frames()`, to central's end of a session
    csv                 a hostile upload, `pieces()`, streamed into a real gate
    manifests           a hostile manifest, `manifest()`, to the hosts' parser
"""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
MODULES: Final = ("language", "surface")
SCRIPTS: Final = ("files", "secrets", "network", "processes", "kernel", "exhaustion")
LAYERS: Final = ("language", "os", "gate", "protocol", "limit")
WALLS: Final = ("seccomp", "landlock", "namespaces", "rlimits", "identity")
"""Mechanisms of the operating system that can be left out one by one. What else stops a script (a clean environment, memory that is not
there) is not among them."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One hostile file."""

    kind: str
    name: str
    layer: str
    """The layer that must stop it: language, os, gate, protocol or limit."""
    outcome: str
    """What must become of it: under the source rules for `MODULES`, in raw mode for `SCRIPTS`."""
    walls: tuple[str, ...] = ()
    """For scripts: the mechanisms each of which stops it alone."""
    restricted: str = "refused"
    """For scripts: what the source rules make of it; a script without imports may get as far as a line that raises."""
    control: str = "reached"
    """For scripts: `reached` in a plain child; `may` where kernel, container or user may not offer it to anybody."""
    x86_only: bool = False
    side: str = "central"
    """For uploads: whose gate."""

    @property
    def path(self) -> Path:
        """The file."""
        # What no Python can read is not called .py: tools that read the tree would stumble over it.
        path = FOLDER / self.kind / f"{self.name}.py"
        return path if path.exists() else path.with_suffix(".txt")

    @property
    def source(self) -> str:
        """Its text, as UTF-8; bytes that are none are the attack's own (see :attr:`raw_source`)."""
        return self.raw_source.decode("utf-8")

    @property
    def raw_source(self) -> bytes:
        """Its bytes."""
        return self.path.read_bytes()

    @property
    def label(self) -> str:
        """How a test is named."""
        return f"{self.kind}/{self.name}"

    def marked(self, word: str) -> list[int]:
        """The lines that end in ``# word``, lines as editors count them."""
        lines = self.raw_source.decode("utf-8", "replace").split("\n")
        return [number for number, line in enumerate(lines, 1) if line.endswith(f"# {word}")]

    def call(self, function: str) -> Any:
        """Run a function of the file here: for files that only make bytes or messages."""
        scope: dict[str, Any] = {"__name__": "attack", "__file__": str(self.path)}
        exec(compile(self.source, str(self.path), "exec"), scope)  # noqa: S102
        return scope[function]()

    def sentence(self) -> str:
        """What it does: the first line of its docstring."""
        return (ast.get_docstring(ast.parse(self.source)) or "").partition("\n")[0]


def load() -> tuple[Attack, ...]:
    """The rows of ``table.toml``."""
    table = tomllib.loads((FOLDER / "table.toml").read_text(encoding="utf-8"))
    return tuple(
        Attack(kind, name, **{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
        for kind, rows in table.items()
        for name, row in rows.items()
    )


ATTACKS: Final = load()


def of(*kinds: str) -> list[Attack]:
    """The attacks of some kinds."""
    return [attack for attack in ATTACKS if attack.kind in kinds]
