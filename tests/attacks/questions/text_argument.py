"""A central that sends a text where a column belongs."""

from sandbox.wire.messages import StepCall


def calls():
    return (StepCall("ask", {"target": "1"}),)
