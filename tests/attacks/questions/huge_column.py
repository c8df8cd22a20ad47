"""A central that asks for column 2⁶³ − 1."""

from sandbox.wire.messages import StepCall


def calls():
    return (StepCall("ask", {"target": 2**63 - 1}),)
