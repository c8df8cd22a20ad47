"""What a worker makes of a question: kernels, their arguments and the fields they fill, against the manifest. Pure.

The question itself is held to the manifest by `sandbox.declared`, as at central. Form rules hold at every participant, central included.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

from sandbox.contract import Contract
from sandbox.declared import Declarations
from sandbox.errors import Code
from sandbox.gate.guard import Refusal
from sandbox.manifest import Step
from sandbox.wire.messages import KernelCall, StepDone
from sandbox.wire.values import Array

MAX_KERNEL_CALLS: Final = 64
ARGUMENTS: Final = ("family", "beta", "sigma", "ridge", "theta", "exclusion")
NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "gram": (),
    "glm_score": ("family", "beta"),
    "glm_gradient": ("family", "beta"),
    "glm_fit": ("family", "ridge"),
    "selection_score": ("family", "theta", "exclusion"),
}


def check_calls(done: StepDone, step: Step, contract: Contract, declared: Declarations) -> None:
    """Whether the kernels that a worker named fill the declared fields, each once, and nothing else. Raises :class:`Refusal`."""
    fields = done.fields
    if len(done.calls) > MAX_KERNEL_CALLS or fields.keys() != step.reply.keys():
        raise Refusal(Code.RULE_UNDECLARED)
    uses = Counter(fields.values())
    for number, call in enumerate(done.calls):
        if uses.pop(number, 0) != (0 if call.kernel == "draw" else 1):
            raise Refusal(Code.RULE_UNDECLARED)
        _check_arguments(call, contract, declared)
    if uses or any(done.calls[number].kernel != step.reply[name].kind for name, number in fields.items()):
        raise Refusal(Code.RULE_UNDECLARED)


def _check_array(value: Array, extent: int) -> None:
    if value.dtype != "<f8" or value.shape != (extent,):
        raise Refusal(Code.RULE_UNDECLARED)
    if not value.is_finite:
        raise Refusal(Code.RULE_NOT_FINITE)


def _check_arguments(call: KernelCall, contract: Contract, declared: Declarations) -> None:
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
        _check_array(call.beta, declared.extent("q"))
    if call.theta is not None:
        _check_array(call.theta, declared.extent("t"))
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
