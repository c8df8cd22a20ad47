"""Rounds of a job of one chain, which most tests are about: the message, and its one answer."""

from __future__ import annotations

from sandbox.errors import Code
from sandbox.wire.messages import ChainCalls, ChainReply, RoundReply, StepCall
from sandbox.wire.values import Record


def asks(*calls: StepCall) -> tuple[ChainCalls, ...]:
    """The part of the only chain."""
    return (ChainCalls(0, calls),)


def answer(reply: RoundReply) -> ChainReply:
    """What the only chain was answered."""
    (part,) = reply.chains
    assert part.chain == 0
    return part


def answers(number: int, fields: dict[str, Record] | None = None, refused: Code | None = None) -> RoundReply:
    """A reply to the only chain."""
    return RoundReply(number, (ChainReply(0, fields or {}, refused),))
