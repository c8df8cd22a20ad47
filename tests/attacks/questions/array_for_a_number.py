"""A central that sends an array with one column per row where a number belongs."""

from sandbox.wire.messages import StepCall
from sandbox.wire.values import floats


def calls():
    return (StepCall("ask", {"target": floats([1.0] * 1000)}),)
