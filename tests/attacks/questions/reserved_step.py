"""A central that asks the built-in step again, for margins after a draw."""

from sandbox.wire.messages import StepCall


def calls():
    return (StepCall("margins"),)
