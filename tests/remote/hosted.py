"""The runs of a site with everything real but the link, whose messages are kept: for tests of what a site does in its jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import msgspec

from policies import Policy, built_in
from remote.approvals.service import Approvals
from remote.db import open_database
from remote.runs.custody import Custody
from remote.runs.journal import Journal
from remote.runs.service import Runs
from sandbox.host.isolation import Isolator
from sandbox.ledger import Ledger
from sandbox.rounds.constants import constants_from
from sandbox.wire.link import SiteAnswer, SiteBegin, SiteBegun, SiteReply, SiteRound, SiteStatus, SiteToCentral
from sandbox.wire.messages import StepCall, round_reply
from tests.one_chain import answer, asks
from tests.remote.offers import CONTRACT, csv, offer, simice
from tests.remote.standin import until

POLICY: Final = built_in("default")
MARGINS: Final = SiteRound("j1", 0, asks(StepCall("margins")))


class Site:
    """The runs of a site with everything real but the link, whose messages are kept in `sent`."""

    def __init__(self, folder: Path, isolator: Isolator, policy: Policy = POLICY) -> None:
        self.folder = folder
        self.database = open_database(folder / "site.db")
        self.ledger = Ledger(folder / "ledger.jsonl")
        self.journal = Journal(self.database)
        self.sent: list[Any] = []
        self.custody = Custody(isolator, self.ledger, policy, b"s" * 32)
        self.runs = Runs(
            policy=policy,
            approvals=Approvals(self.database),
            journal=self.journal,
            custody=self.custody,
            site_id=lambda: "site-a",
            link=self,
        )

    async def close(self) -> None:
        await self.runs.close()
        await self.journal.close()
        self.ledger.close()
        self.database.close()

    def send(self, message: SiteToCentral) -> None:
        self.sent.append(message)

    async def write(self, message: SiteToCentral) -> None:
        self.sent.append(message)

    @property
    def status(self) -> SiteStatus:
        """What central was told last."""
        return self.of(SiteStatus)[-1]

    @property
    def participant(self) -> Any:
        """The gate and workers of the job, if there are any."""
        return self.custody.participant(self.runs.get("j1"))

    def of(self, kind: Any) -> list[Any]:
        return [message for message in self.sent if isinstance(message, kind)]

    def kinds(self) -> list[str]:
        """Kinds of the ledger's lines."""
        return [msgspec.json.decode(line)["kind"] for line in self.ledger.path.read_bytes().splitlines()]

    async def approved(self) -> None:
        self.runs.on_opened(True)
        self.runs.on_message(offer())
        await self.runs.approve("j1", simice().digest, "olga")

    async def uploaded(self, data: bytes | None = None) -> Any:
        await self.approved()
        return await self.runs.upload("j1", pieces(data or csv()))

    async def started(self) -> None:
        await self.uploaded()
        assert await self.runs.start("j1") == ()

    async def answer(self, question: SiteBegin | SiteRound) -> Any:
        n_answers = len(self.of(SiteAnswer))
        self.runs.on_message(question)
        await until(lambda: len(self.of(SiteAnswer)) > n_answers)
        return self.of(SiteAnswer)[-1]

    async def stated(self) -> SiteBegin:
        """Start, and state margins and card; what central makes of the margins."""
        await self.started()
        margins = answer(round_reply.decode((await self.answer(MARGINS)).body)).fields["margins"]
        begin = SiteBegin("j1", constants_from([margins], CONTRACT))
        assert isinstance(await self.answer(card_of(begin)), SiteReply)
        return begin

    async def begun(self) -> None:
        """State the card, and take the constants: that is asked where any question is answered."""
        assert (await self.answer(await self.stated())) == SiteBegun("j1")


def card_of(begin: SiteBegin, number: int = 1) -> SiteRound:
    """The question for the card, in units that margins gave."""
    constants = begin.constants
    return SiteRound("j1", number, asks(StepCall("card", {"centre": constants.centre, "scale": constants.scale})))


async def pieces(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]
