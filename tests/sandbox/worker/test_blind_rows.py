"""A blind step names kernels and returns tokens; it never holds a number."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sandbox.wire.messages import CallStep, KernelCall, StepDone, StepFailed
from sandbox.wire.values import Value, floats
from sandbox.worker.compilation import compile_module
from sandbox.worker.rows import MAX_CALLS, Rows, Token, finish
from sandbox.worker.runner import run_step


def run(body: str, **request: Value) -> StepDone | StepFailed:
    """The outcome of a step whose body is `body` (from line 4 on), compiled under the rules."""
    head = f"import numpy as np\n\ndef step({', '.join(['rows', *request])}):\n"
    source = head + "\n".join(f"    {line}" for line in body.splitlines())
    module = compile_module(source.encode(), 100_000)
    assert module.findings == ()
    return run_step(module.functions, CallStep("step", request))


def test_step_records_its_kernels_in_order_and_says_which_fills_which_field() -> None:
    done = run(
        "a = rows.gram(where=rows.observed(target))\nrows.draw(target, family='gaussian', beta=beta, sigma=0.5)\n"
        "b = rows.glm_fit(target, family='gaussian', ridge=0.0)\nreturn {'x': b, 'y': a}",
        target=2,
        beta=floats([1.0, 2.0]),
    )
    assert isinstance(done, StepDone)
    assert [(call.kernel, call.target) for call in done.calls] == [("gram", 2), ("draw", 2), ("glm_fit", 2)]
    assert (done.calls[1].family, done.calls[1].sigma) == ("gaussian", 0.5)
    assert done.calls[1].beta == floats([1.0, 2.0])
    assert done.fields == {"x": 2, "y": 0}


def test_score_carries_target_family_and_beta() -> None:
    done = run("return {'score': rows.glm_score(target, beta * 2, family='binomial')}", target=1, beta=floats([1.0, 2.0]))
    assert isinstance(done, StepDone)
    (call,) = done.calls
    assert (call.kernel, call.target, call.family, call.beta) == ("glm_score", 1, "binomial", floats([2.0, 4.0]))


def test_a_step_may_return_nothing() -> None:
    call = KernelCall("draw", 1, "binomial", floats([1.0]))
    assert run("rows.draw(1, family='binomial', beta=beta)", beta=floats([1.0])) == StepDone((call,), {})


def test_array_arguments_are_read_only() -> None:
    assert run("beta[0] = 5", beta=floats([1.0])) == StepFailed(4)


TOKENS = {
    "add": lambda t: operator.add(t, 1),
    "float": float,
    "index": lambda t: [1][t],
    "iterate": list,
    "item": lambda t: t[0],
    "truth": bool,
    "array": lambda t: np.asarray(t, dtype=float),
    "length": len,
    "call": lambda t: t(),
    "order": lambda t: t < t,
}


def new_token() -> Token:
    return Rows().gram(where=Rows().observed(1))


@pytest.mark.parametrize("use", TOKENS.values(), ids=TOKENS)
def test_a_token_has_no_value(use: Callable[[Any], Any]) -> None:
    token = new_token()
    with pytest.raises(TypeError):
        use(token)


def test_a_token_does_not_tell() -> None:
    rows = Rows()
    assert repr(rows.gram(where=rows.observed(1))) == "<withheld>"
    assert repr(rows.observed(1)) == "<rows>"


FAILING = {
    "a number as a field": "return {'x': 1.0}",
    "an array as a field": "return {'x': np.ones(2)}",
    "a list": "return [rows.gram(where=rows.observed(1))]",
    "a token": "return rows.gram(where=rows.observed(1))",
    "a field that is not a name": "return {1: rows.gram(where=rows.observed(1))}",
    "a selector as a field": "return {'x': rows.observed(1)}",
}


@pytest.mark.parametrize("body", FAILING.values(), ids=FAILING)
def test_only_tokens_of_this_call_can_be_returned(body: str) -> None:
    assert run(body) == StepFailed(0)


def test_a_token_of_another_call_cannot_be_returned() -> None:
    with pytest.raises(TypeError):
        finish(Rows(), {"x": new_token()})


RAISING = {
    "wrong selector": "return {'x': rows.gram(where=1)}",
    "kernel without selector": "return {'x': rows.gram()}",
    "unknown kernel": "return {'x': rows.matrix()}",
    "private": "return {'x': rows.calls}",
    "target by name": "rows.observed('a')",
    "target is a truth value": "rows.observed(True)",
    "unknown family": "rows.draw(1, family='poisson', beta=np.ones(2))",
    "gaussian without sigma": "rows.draw(1, family='gaussian', beta=np.ones(2))",
    "binomial with sigma": "rows.draw(1, family='binomial', beta=np.ones(2), sigma=1.0)",
    "matrix as beta": "rows.draw(1, family='binomial', beta=np.ones((2, 2)))",
    "nan in beta": "rows.draw(1, family='binomial', beta=np.array([np.nan]))",
    "own error": "raise ValueError('secret')",
    "division": "return 1 / 0",
    "recursion": "return (lambda f: f(f))(lambda f: f(f))",
}


@pytest.mark.parametrize("body", RAISING.values(), ids=RAISING)
def test_a_step_that_raises_tells_its_line_and_nothing_else(body: str) -> None:
    assert run(body) == StepFailed(4)


def test_out_of_memory_is_told_apart() -> None:
    assert run("raise MemoryError()") == StepFailed(4, is_memory=True)


def test_a_step_names_a_bounded_number_of_kernels() -> None:
    assert isinstance(run(f"for i in range({MAX_CALLS}):\n    rows.gram(where=rows.observed(1))"), StepDone)
    assert run(f"for i in range({MAX_CALLS + 1}):\n    rows.gram(where=rows.observed(1))") == StepFailed(5)


def test_an_unknown_step_fails() -> None:
    assert run_step({}, CallStep("step", {})) == StepFailed()
