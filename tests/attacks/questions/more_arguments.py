"""A central that sends an argument more, under the name of the handle."""

from sandbox.wire.messages import StepCall


def calls():
    return (StepCall("ask", {"target": 1, "rows": 1}),)
