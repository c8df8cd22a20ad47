"""A locked worker's life: ready, compile one module, serve it until the other end is gone.

Called by the zygote's child after lockdown and self-test. Everything was imported before; the only way in or out is the pipe.
"""

from __future__ import annotations

from sandbox.errors import TidegateError
from sandbox.manifest import Manifest, parse_manifest
from sandbox.wire.messages import (
    CallBlocks,
    CallStep,
    Compiled,
    Impute,
    Isolation,
    LoadRows,
    Program,
    SetColumn,
    WorkerReady,
    gate_to_worker,
    host_to_worker,
)
from sandbox.worker.blocks import Blocks, BulkDuplex
from sandbox.worker.channel import Duplex, LineLost, PipeLine, message_payload
from sandbox.worker.compilation import Module
from sandbox.worker.program import ENTRY, load, steps
from sandbox.worker.runner import run_impute, run_step


def serve(pipe: BulkDuplex, isolation: Isolation) -> None:
    """Serve one module of a pair over `pipe`; returns when the source has findings, the job is done or the other end is gone."""
    try:
        pipe.send(WorkerReady(isolation))
        program = host_to_worker.decode(message_payload(pipe.receive()))
        if not isinstance(program, Program):
            return
        manifest = parse_manifest(program.manifest)
        module = load(program, manifest)
        pipe.send(Compiled(module.findings))
        if module.findings:
            return
        if program.module == "remote" and manifest.access == "rows":
            _serve_blocks(pipe, module, manifest)
        elif program.module == "remote":
            _serve_steps(pipe, module, manifest)
        else:
            _serve_impute(pipe, module, manifest)
    except (EOFError, OSError, LineLost, TidegateError):
        return


def _serve_steps(pipe: Duplex, module: Module, manifest: Manifest) -> None:
    """Answer the gate's calls, one by one."""
    functions = steps(module, manifest)
    while True:
        call = gate_to_worker.decode(message_payload(pipe.receive()))
        if not isinstance(call, CallStep):
            return
        pipe.send(run_step(functions, call))


def _serve_blocks(pipe: BulkDuplex, module: Module, manifest: Manifest) -> None:
    """Take the rows, then answer the gate's calls on them, one by one."""
    functions = steps(module, manifest)
    blocks: Blocks | None = None
    while True:
        message = gate_to_worker.decode(message_payload(pipe.receive()))
        if isinstance(message, LoadRows):
            blocks = Blocks(message, pipe)
        elif blocks is not None and isinstance(message, SetColumn):
            blocks.set_column(message, pipe)
        elif blocks is not None and isinstance(message, CallBlocks):
            blocks.call(functions, message, pipe)
        else:
            return


def _serve_impute(pipe: Duplex, module: Module, manifest: Manifest) -> None:
    """Run `impute(job, sites)` once."""
    start = host_to_worker.decode(message_payload(pipe.receive()))
    if isinstance(start, Impute):
        line = PipeLine(pipe)
        line.send(run_impute(module.functions[ENTRY], start, manifest, line))
