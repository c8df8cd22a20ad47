"""One module of a pair against its manifest: the steps that are declared are there and take what they are asked with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from sandbox.manifest import Manifest, Step
from sandbox.wire.messages import Program, SourceFinding
from sandbox.worker.compilation import Module, Signature, compile_module

ENTRY: Final = "impute"
"""The function of a central module."""


def load(program: Program, manifest: Manifest, *, is_executed: bool = True) -> Module:
    """Compile a module and check its functions against the manifest: functions, or findings."""
    module = compile_module(program.source, program.max_source_bytes, is_executed=is_executed)
    if module.findings:
        return module
    check = _central_findings if program.module == "central" else _remote_findings
    findings = tuple(check(module.signatures, manifest))
    return Module(findings) if findings else module


def steps(module: Module, manifest: Manifest) -> dict[str, Callable[..., Any]]:
    """The functions of a remote module that may be called from outside: the declared steps, not its other functions."""
    return {name: module.functions[name] for name in _called(manifest)}


def _called(manifest: Manifest) -> dict[str, Step]:
    """The steps that a remote module is called for: an estimate is found by the gate, from the sums of another step."""
    return {name: step for name, step in manifest.steps.items() if not step.is_estimate}


def _central_findings(signatures: dict[str, Signature], _: Manifest) -> Iterator[SourceFinding]:
    signature = signatures.get(ENTRY)
    if signature is None:
        yield SourceFinding(0, "The central module has no function impute.", "Define impute(job, sites).")
    elif len(signature.positional) != 2 or len(signature.required) != 2:
        yield SourceFinding(signature.line, "impute takes two arguments.", "Define impute(job, sites).")


def _remote_findings(signatures: dict[str, Signature], manifest: Manifest) -> Iterator[SourceFinding]:
    for name, step in _called(manifest).items():
        expected = f"Define {name}({', '.join(['rows', *step.request])})."
        signature = signatures.get(name)
        if signature is None:
            yield SourceFinding(0, f"The manifest declares step {name}, the remote module has no such function.", expected)
        elif signature.takes_any:
            yield SourceFinding(signature.line, f"Step {name} must name its arguments.", expected)
        elif signature.positional[:1] != ("rows",):
            yield SourceFinding(signature.line, f"The first argument of step {name} must be rows.", expected)
        elif not set(step.request) <= signature.names or not signature.required <= {"rows", *step.request}:
            yield SourceFinding(signature.line, f"The arguments of step {name} are not those of the manifest.", expected)
