"""A central that asks a step which the manifest does not declare."""

from sandbox.wire.messages import StepCall


def calls():
    return (StepCall("ask_more", {"target": 1}),)
