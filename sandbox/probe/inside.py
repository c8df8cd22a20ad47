"""What a gate and a worker of the report do once they are locked in: try a deed, or run a reviewer's file. Child side only.

They take the places of the real gate and the real worker in a zygote of their own (:mod:`sandbox.probe.zygote`): the zygote that serves
jobs knows nothing of them, so there is no message by which it could be made to run a deed.
"""

from __future__ import annotations

import mmap
from typing import Any, Final

import numpy as np

from sandbox.errors import TidegateError
from sandbox.pipe import Pipe
from sandbox.probe.catalogue import BY_NAME
from sandbox.probe.deed import outcome_of
from sandbox.probe.messages import MAX_WORD, RunScript, ScriptEnded, Tried, Try, to_child
from sandbox.wire.messages import GateReady, Isolation, SourceFinding, WorkerReady
from sandbox.worker.compilation import FILENAME, Module, compile_module
from sandbox.worker.runner import line_of

ENTRY: Final = "run"
_ROWS: Final = 20
_COLUMNS: Final = 4


def worker(pipe: Pipe, isolation: Isolation) -> None:
    """Ready, then one request after another."""
    pipe.send(WorkerReady(isolation))
    _serve(pipe)


def gate(pipe: Pipe, _: mmap.mmap, isolation: Isolation) -> None:
    """As :func:`worker`, under a gate's plan."""
    pipe.send(GateReady(isolation))
    _serve(pipe)


def _serve(pipe: Pipe) -> None:
    try:
        while True:
            request = to_child.decode(pipe.receive().payload)
            if isinstance(request, Try):
                pipe.send(Tried(outcome_of(BY_NAME[request.name].attempt)[:MAX_WORD]))
            else:
                pipe.send(_run(request))
    except (EOFError, OSError, TidegateError):
        return


def _run(request: RunScript) -> ScriptEnded:
    """Run a script to its end, whatever it does; if it ends this process, the host sees that."""
    try:
        if request.is_restricted:
            module = compile_module(request.source, request.max_source_bytes)
            findings = module.findings or _missing(module)
            if findings:
                return ScriptEnded("refused", findings=findings)
            entry = module.functions[ENTRY]
        else:
            scope: dict[str, Any] = {"__name__": "script"}
            # The language layer is off: this is what the layers below it have to hold.
            exec(compile(request.source, FILENAME, "exec", dont_inherit=True), scope)  # noqa: S102
            entry = scope[ENTRY]
        returned = entry(_data(), {})
    except BaseException as error:  # noqa: BLE001 - the edge of foreign code, which may raise anything
        return ScriptEnded("raised", _kind_of(error), line_of(error.__traceback__))
    return ScriptEnded("returned", _kind_of(returned))


def _data() -> np.ndarray[Any, np.dtype[np.float64]]:
    """A made-up matrix, shape (20, 4)."""
    return np.random.Generator(np.random.Philox(key=1)).standard_normal((_ROWS, _COLUMNS))


def _kind_of(thing: object) -> str:
    return str(type(thing).__name__)[:MAX_WORD]


def _missing(module: Module) -> tuple[SourceFinding, ...]:
    return () if ENTRY in module.functions else (SourceFinding(0, f"The file has no function {ENTRY}.", f"Define {ENTRY}(data, params)."),)
