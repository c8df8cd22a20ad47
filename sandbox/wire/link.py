"""What central and a site agree on: every message between them, a closed set in each direction, and how a connection is closed.

    site    → central  Hello, Ack, Ping, Pong (control); SiteStatus, SiteBegun, SiteReply, SiteFailed, SiteCancel
    central → site     Welcome, Ack, Ping, Pong (control); JobsOpen, JobOffer, BoardUpdate, SiteBegin, SiteRound, JobEnded

What leaves a site is the body of a SiteReply, which its gate made, and codes and columns from closed lists. Of a file that does not pass
others hear one word, *not ready*: what its rows decide would answer a question of whoever wrote the contract. Codes and columns of what
stops it go out when the site's owner tells them, and to central only.

Of a running job central asks, and the site answers: SiteBegin with SiteBegun, SiteRound with SiteReply. A site that cannot go on says
SiteFailed, in place of an answer or when nothing was asked.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final, TypeAlias

import msgspec

from sandbox.contract import Contract, Finding
from sandbox.errors import Code
from sandbox.job import JobSpec
from sandbox.wire.codec import Decoder
from sandbox.wire.messages import ChainCalls, Constants, Message

PROTOCOL: Final = 4
"""What both ends must speak. 1: a round carried the question of one chain; 2: of all chains of a job; 3: SiteBegun and SiteFailed; 4: a
file is ready or not."""
FRAME_OVERHEAD: Final = 64
"""Bytes that a WebSocket message may have on top of the largest payload: the header of a frame and then some."""


class CloseCode(IntEnum):
    """Why central closes a WebSocket. Any other code says only that the connection is over."""

    GOING_AWAY = 1001
    """Central shuts down, or wants the site to sign in anew."""
    PROTOCOL = 4400
    """The site sent what is not in the protocol."""
    REVOKED = 4403
    """The site's key was taken away or replaced."""
    SILENT = 4408
    """The site did not answer a ping."""
    DUPLICATE = 4409
    """Another connection of this site is open and alive."""


# --- control --------------------------------------------------------------------------------------------------------------------


class Hello(Message, frozen=True):
    """First frame of a link, from the site: which process it is, which process of central it knows, what it has seen of that."""

    protocol: int
    boot_id: str
    known_boot_id: str
    last_received: int


class Welcome(Message, frozen=True):
    """Central's answer. `is_new`: one of the two processes is new to the other, nothing is remembered."""

    protocol: int
    boot_id: str
    is_new: bool
    last_received: int


class Ack(Message, frozen=True):
    """Everything up to `sequence` was received and is kept by the receiver."""

    sequence: int


class Ping(Message, frozen=True):
    """Are you there?"""


class Pong(Message, frozen=True):
    """Yes."""


# --- jobs -----------------------------------------------------------------------------------------------------------------------


class JobState(StrEnum):
    """Where a job stands. What leads from one to the other is in `sandbox.rounds.state`."""

    DRAFT = "DRAFT"
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class BoardRow(msgspec.Struct, frozen=True):
    """One participant on the ready board, as every other one sees it."""

    participant: str
    institution: str = ""
    is_online: bool = False
    is_approved: bool = False
    is_ready: bool = False
    """Whether there is a file that passes. Not whether one was uploaded: then another one would tell that it does not."""
    is_started: bool = False
    is_stated: bool = False
    """Whether the card of this site is in: the run needs the site no more."""


class JobOffer(Message, frozen=True):
    """Central to site: a job this site takes part in; also sent again whenever contract, state or board changed."""

    job_id: str
    name: str
    state: JobState
    central_source: bytes
    remote_source: bytes
    manifest: bytes
    digest: str
    spec: JobSpec
    contract: Contract | None
    board: tuple[BoardRow, ...]
    participants: tuple[str, ...]


class BoardUpdate(Message, frozen=True):
    """Central to site: the ready board, state and progress of a job."""

    job_id: str
    state: JobState
    board: tuple[BoardRow, ...]
    step: str = ""
    done: int = 0
    total: int = 0
    code: Code | None = None
    culprit: str = ""


class SiteStatus(Message, frozen=True):
    """Site to central: where this site stands in a job.

    `contract_digest` names the contract that a file which passes, or that `told` is about, was checked against: central disregards what is
    about another one, which a status that was under way when central uploaded again would be. Empty where there is neither.
    """

    job_id: str
    contract_digest: str = ""
    approved_digest: str = ""
    is_ready: bool = False
    is_started: bool = False
    told: tuple[Finding, ...] = ()
    """What stops the file, where the site's owner chose to tell it: code and column, each pair once."""


class SiteBegin(Message, frozen=True):
    """Central to site: constants (Begin) for the gate of a job. SiteBegun answers."""

    job_id: str
    constants: Constants


class SiteRound(Message, frozen=True):
    """Central to site: run a round. SiteReply answers."""

    job_id: str
    number: int
    chains: tuple[ChainCalls, ...]


class SiteBegun(Message, frozen=True):
    """Site to central: the gate has taken the constants."""

    job_id: str


class SiteReply(Message, frozen=True):
    """Site to central: the answer to a round, `body` is an encoded RoundReply. A refusal is an answer, too."""

    job_id: str
    number: int
    body: bytes


class SiteFailed(Message, frozen=True):
    """Site to central: this site cannot go on with a running job, so it ends for all. It answers nothing of the job any more."""

    job_id: str
    code: Code


class SiteCancel(Message, frozen=True):
    """Site to central: this site cancels; participants are fixed, so the job ends for all."""

    job_id: str


class JobEnded(Message, frozen=True):
    """Central to site: wipe. `state` says why."""

    job_id: str
    state: JobState
    code: Code | None = None
    culprit: str = ""


class JobsOpen(Message, frozen=True):
    """Central to site after a welcome: the jobs that still exist; runs of any other job are wiped."""

    job_ids: tuple[str, ...]


Control: TypeAlias = Hello | Welcome | Ack | Ping | Pong
CentralToSite: TypeAlias = JobOffer | BoardUpdate | SiteBegin | SiteRound | JobEnded | JobsOpen
SiteAnswer: TypeAlias = SiteBegun | SiteReply | SiteFailed
"""What central waits for."""
SiteToCentral: TypeAlias = SiteStatus | SiteAnswer | SiteCancel

control: Decoder[Control] = Decoder(Control)
central_to_site: Decoder[CentralToSite] = Decoder(CentralToSite)
site_to_central: Decoder[SiteToCentral] = Decoder(SiteToCentral)
