"""Who takes part in a round: the seam between the round engine and the world.

Three things are participants: a gate on this machine (`local.LocalParticipant`), a site behind the hub (in `central.hub`), and the public
fake below, for tests of the engine. A fourth takes the place of a site that has stated its card: a stand-in in central's gate, which
answers with central (`LocalParticipant.take_cards`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from sandbox.wire.messages import ChainCalls, Constants, RoundReply

CENTRAL: Final = "central"
"""The name of central among the participants."""


class Participant(Protocol):
    """One site of a running job. `name` is a site_id, or `central`."""

    name: str

    async def begin(self, constants: Constants) -> None:
        """Fix the constants after the first round. Raises `PeerError` or `LimitError` when the participant cannot go on."""

    async def run_round(self, number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
        """Run the calls of every chain in order; of each the reply of the last, or the first refusal. Raises as :meth:`begin`."""


class FakeParticipant:
    """A participant that answers from a function; the test double of the engine."""

    def __init__(self, name: str, answer: Callable[[int, tuple[ChainCalls, ...]], RoundReply]) -> None:
        self.name = name
        self.rounds: list[tuple[ChainCalls, ...]] = []
        self.constants: Constants | None = None
        self._answer = answer

    async def begin(self, constants: Constants) -> None:
        """Remember the constants."""
        self.constants = constants

    async def run_round(self, number: int, chains: tuple[ChainCalls, ...]) -> RoundReply:
        """Remember the calls and answer."""
        self.rounds.append(chains)
        return self._answer(number, chains)
