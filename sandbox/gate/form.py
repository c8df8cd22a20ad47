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
ARGUMENTS: Final = ("family", "beta", "sigma", "ridge", "theta", "exclusion")
NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "gram": (),
    "imputed_summary": (),
    "glm_score": ("family", "beta"),
    "glm_gradient": ("family", "beta"),
    "glm_fit": ("family", "ridge"),
    "selection_score": ("family", "theta", "exclusion"),
}


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
        _check_array(value, _extent(field.shape[0], q))
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_integer = is_number and isinstance(value, int)
    is_right = {
        "bool": isinstance(value, bool),
        "int": is_integer,
        "float": is_number,
        "column": is_integer and value in contract.targets,
        "predictor": is_integer and value in contract.model and value not in contract.targets,
    }[field.type]
    if not is_right:
        raise Refusal(Code.RULE_UNDECLARED)
    if isinstance(value, float) and not math.isfinite(value):
        raise Refusal(Code.RULE_NOT_FINITE)


def _extent(symbol: str, q: int) -> int:
    return 2 * q + 1 if symbol == "t" else q


def _check_array(value: Value | None, extent: int) -> None:
    if not isinstance(value, Array) or value.dtype != "<f8" or value.shape != (extent,):
        raise Refusal(Code.RULE_UNDECLARED)
    if not value.is_finite:
        raise Refusal(Code.RULE_NOT_FINITE)


def _check_arguments(call: KernelCall, contract: Contract, q: int) -> None:
    """The arguments of a kernel: all it needs, nothing it does not, and a family that fits the target."""
    if call.target not in contract.targets:
        raise Refusal(Code.RULE_UNDECLARED)
    family = "binomial" if contract.column(call.target).is_binary else "gaussian"
    given = {name for name in ARGUMENTS if getattr(call, name) is not None}
    if given != _needed(call, family) or call.family not in (None, family):
        raise Refusal(Code.RULE_UNDECLARED)
    if call.kernel == "glm_score" and family != "binomial":
        raise Refusal(Code.RULE_UNDECLARED)
    if call.beta is not None:
        _check_array(call.beta, q)
    if call.theta is not None:
        _check_array(call.theta, _extent("t", q))
    if call.exclusion is not None and (call.exclusion not in contract.model or call.exclusion in contract.targets):
        raise Refusal(Code.RULE_UNDECLARED)
    for number in (call.sigma, call.ridge):
        if number is not None and not (math.isfinite(number) and number >= 0):
            raise Refusal(Code.RULE_NOT_FINITE)


def _needed(call: KernelCall, family: str) -> set[str]:
    """The arguments a kernel needs besides its target. A draw from a selection model has a θ."""
    if call.kernel == "draw":
        if call.theta is not None:
            return {"family", "theta", "exclusion"}
        return {"family", "beta", "sigma"} if family == "gaussian" else {"family", "beta"}
    return set(NEEDED[call.kernel])
