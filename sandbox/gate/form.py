"""The form of questions and of what a worker makes of them: names, types and shapes, against the manifest. Pure.

Central is not trusted with the first, the worker not with the second; both are held to the manifest that the site approved. Form rules hold
at every participant, central included.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Final

from sandbox.contract import Contract
from sandbox.errors import Code
from sandbox.gate.guard import Refusal
from sandbox.manifest import RequestField, Step
from sandbox.wire.messages import KernelCall, StepDone
from sandbox.wire.values import Array, Value

MAX_KERNEL_CALLS: Final = 64


def check_request(request: Mapping[str, Value], step: Step, contract: Contract, q: int) -> None:
    """Whether `request` is what the manifest declares for a step. Raises :class:`Refusal`."""
    if request.keys() != step.request.keys():
        raise Refusal(Code.RULE_UNDECLARED)
    for name, field in step.request.items():
        _check_value(request[name], field, contract, q)


def check_calls(done: StepDone, step: Step, contract: Contract, q: int) -> None:
    """Whether the kernels that a worker named fill the declared fields, each once, and nothing else. Raises :class:`Refusal`."""
    declared, fields = step.reply, done.fields
    if len(done.calls) > MAX_KERNEL_CALLS or fields.keys() != declared.keys():
        raise Refusal(Code.RULE_UNDECLARED)
    uses = Counter(fields.values())
    for number, call in enumerate(done.calls):
        if uses.pop(number, 0) != (0 if call.kernel == "draw" else 1):
            raise Refusal(Code.RULE_UNDECLARED)
        _check_arguments(call, contract, q)
    if uses or any(done.calls[number].kernel != declared[name].kind for name, number in fields.items()):
        raise Refusal(Code.RULE_UNDECLARED)


def _check_value(value: Value, field: RequestField, contract: Contract, q: int) -> None:
    if field.shape:
        _check_array(value, q)
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_right = {
        "bool": isinstance(value, bool),
        "int": is_number and isinstance(value, int),
        "float": is_number,
        "column": is_number and isinstance(value, int) and value in contract.targets,
    }[field.type]
    if not is_right:
        raise Refusal(Code.RULE_UNDECLARED)
    if isinstance(value, float) and not math.isfinite(value):
        raise Refusal(Code.RULE_NOT_FINITE)


def _check_array(value: Value | None, q: int) -> None:
    if not isinstance(value, Array) or value.dtype != "<f8" or value.shape != (q,):
        raise Refusal(Code.RULE_UNDECLARED)
    if not value.is_finite:
        raise Refusal(Code.RULE_NOT_FINITE)


def _check_arguments(call: KernelCall, contract: Contract, q: int) -> None:
    """The arguments of a kernel: all it needs, nothing it does not, and a family that fits the target."""
    if call.target not in contract.targets:
        raise Refusal(Code.RULE_UNDECLARED)
    family = "binomial" if contract.column(call.target).is_binary else "gaussian"
    has_beta = call.kernel in ("glm_score", "draw")
    has_sigma = call.kernel == "draw" and family == "gaussian"
    if call.family != (family if has_beta else None) or (call.beta is not None) != has_beta or (call.sigma is not None) != has_sigma:
        raise Refusal(Code.RULE_UNDECLARED)
    if call.kernel == "glm_score" and family != "binomial":
        raise Refusal(Code.RULE_UNDECLARED)
    if has_beta:
        _check_array(call.beta, q)
    if call.sigma is not None and not (math.isfinite(call.sigma) and call.sigma >= 0):
        raise Refusal(Code.RULE_NOT_FINITE)
