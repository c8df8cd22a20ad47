"""Loads a reviewer's file, hands it the site, and prints what it returns. The process of a reviewer's own central: no host, no sandbox.

Standard output holds one JSON text and nothing else, so what a file prints goes to standard error.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import typer

from policies import PolicyError, load_policy
from policies.wide_open import wide_open
from sandbox.errors import Refused, TidegateError
from sandbox.job import parse_job
from sandbox.manifest import load_pair
from sandbox.reviewer.session import Session, make_secret
from sandbox.reviewer.values import as_json

MODULE: Final = "central_of_a_reviewer"
ENTRY: Final = "attack"
EXIT_FAILED: Final = 1
OPEN: Final = "ALL DISCLOSURE RULES AND ERRORS ARE OFF (--open). This is a control: it says nothing about what a site lets out."

STANDARD_OUTPUT: Final = 1
STANDARD_ERROR: Final = 2

Attack: TypeAlias = Callable[[Session], object]


class FileError(Exception):
    """A reviewer's file cannot be used."""


class Inputs(msgspec.Struct, frozen=True):
    """What `tidegate probe --central` was called with. Paths are as typed, relative to the working directory."""

    central: str
    pair: str
    job: str
    site: str
    policy: str = "default"
    is_open: bool = False
    secret: str | None = None
    as_json: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """How an attack went; `error` is how it raised."""

    result: Any
    questions: int
    refusals: int
    seconds: float
    error: str = ""

    def as_dict(self, is_open: bool) -> dict[str, Any]:
        """The object that `--json` prints; `open` is in it when no rule was on."""
        detail = {"error": {"code": ENTRY, "sentence": self.error}} if self.error else {}
        warning = {"open": True} if is_open else {}
        counts = {"questions": self.questions, "refusals": self.refusals, "seconds": round(self.seconds, 3)}
        return {"result": self.result, **counts, **warning, **detail}


def load_attack(file: Path) -> Attack:
    """`attack` of a reviewer's file, which may import what lies beside it, as a script may.

    Raises :class:`FileError` when it cannot be loaded, or has no such function.
    """
    spec = importlib.util.spec_from_file_location(MODULE, file)
    if spec is None or spec.loader is None:
        raise FileError(f"{file} is not a Python file.")
    sys.path.insert(0, str(file.resolve().parent))
    module = sys.modules[MODULE] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        traceback.print_exc()
        raise FileError(f"{file} cannot be loaded: {type(error).__name__}.") from error
    found: Attack | None = getattr(module, ENTRY, None)
    if not callable(found):
        raise FileError(f"{file} has no function {ENTRY}(site).")
    return found


def play(attack: Attack, site: Session) -> Outcome:
    """Call `attack(site)`. Whatever it raises is told with its lines on standard error: the file is the reviewer's own."""
    started, result, error = time.perf_counter(), None, ""
    try:
        result = as_json(attack(site))
    except (Exception, SystemExit) as raised:  # noqa: BLE001 - whatever a file raises, its questions are counted and the gates end
        traceback.print_exc()
        error = f"{type(raised).__name__}: {raised}"
    return Outcome(result, site.questions, site.refusals, time.perf_counter() - started, error)


def run(inputs: Inputs) -> int:
    """Open the site, upload its file, play the attack, print; the exit status. What a user can mend is told in a sentence."""
    if inputs.is_open:
        typer.echo(OPEN, err=True)
    with _prints_as_errors() as output:
        try:
            outcome = _play_at_site(inputs)
        except (FileError, TidegateError, PolicyError, OSError) as error:
            typer.echo(error, err=True)
            outcome = Outcome(None, 0, 0, 0.0, str(error))
        shown = outcome.as_dict(inputs.is_open) if inputs.as_json else outcome.result
        if inputs.as_json or not outcome.error:
            output(json.dumps(shown, allow_nan=False))
    return EXIT_FAILED if outcome.error else 0


def _play_at_site(inputs: Inputs) -> Outcome:
    policy = wide_open() if inputs.is_open else load_policy(inputs.policy)
    spec = parse_job(Path(inputs.job).read_text(encoding="utf-8"))
    attack = load_attack(Path(inputs.central))
    with Session(load_pair(Path(inputs.pair)), spec, policy, make_secret(inputs.secret)) as site:
        # A stop is not the end: the file reads it in the report, and may upload another one.
        with contextlib.suppress(Refused):
            site.upload(inputs.site)
        return play(attack, site)


@contextlib.contextmanager
def _prints_as_errors() -> Iterator[Callable[[str], None]]:
    """Turn standard output into standard error, that of child processes too; what to call to write a line to the real one."""
    sys.stdout.flush()
    kept = os.dup(STANDARD_OUTPUT)
    os.dup2(STANDARD_ERROR, STANDARD_OUTPUT)
    try:
        with os.fdopen(kept, "w", encoding="utf-8", closefd=False) as output:
            yield lambda line: print(line, file=output)
    finally:
        sys.stdout.flush()
        os.dup2(kept, STANDARD_OUTPUT)
        os.close(kept)
