"""A central that sends True, which Python takes for column 1."""

from sandbox.wire.messages import StepCall


def calls():
    return (StepCall("ask", {"target": True}),)
