"""A central that asks two questions in one round."""

from sandbox.wire.messages import StepCall


def calls():
    return (StepCall("ask", {"target": 1}), StepCall("ask", {"target": 3}))
