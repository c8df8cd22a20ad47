"""A central that packs more into a round than a frame may hold."""

from sandbox.wire.messages import StepCall


def calls():
    return (StepCall("ask", {"target": "x" * (65 << 20)}),)
