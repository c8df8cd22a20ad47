"""Every message between central and a site, a closed set in each direction.

    site    → central  Hello, Ack, Ping, Pong (control); SiteStatus, SiteReply, SiteCancel
    central → site     Welcome, Ack, Ping, Pong (control); JobsOpen, JobOffer, BoardUpdate, SiteBegin, SiteRound, JobEnded

What leaves a site is the body of a SiteReply, which its gate made, and codes and columns from closed lists.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from sandbox.contract import Contract, Finding
from sandbox.errors import Code
from sandbox.job import JobSpec
from sandbox.wire.codec import Decoder
from sandbox.wire.messages import ChainCalls, Constants, Message

PROTOCOL: Final = 2
"""What both ends must speak. 1: a round carried the question of one chain; 2: of all chains of a job."""

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

JobStateName: TypeAlias = Literal["DRAFT", "WAITING", "RUNNING", "FINISHED", "CLOSED", "CANCELLED", "FAILED"]


class BoardRow(msgspec.Struct, frozen=True):
    """One participant on the ready board."""

    participant: str
    institution: str = ""
    is_online: bool = False
    is_approved: bool = False
    is_uploaded: bool = False
    is_matching: bool = False
    is_clean: bool = False
    is_started: bool = False
    set_aside_band: str = ""
    findings: tuple[Finding, ...] = ()
    """Outward findings: code and column."""


class JobOffer(Message, frozen=True):
    """Central to site: a job this site takes part in; also sent again whenever contract, state or board changed."""

    job_id: str
    name: str
    state: JobStateName
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
    state: JobStateName
    board: tuple[BoardRow, ...]
    step: str = ""
    done: int = 0
    total: int = 0
    code: Code | None = None
    culprit: str = ""


class SiteStatus(Message, frozen=True):
    """Site to central: where this site stands in a job. Findings are outward: code and column.

    `contract_digest` names the contract the upload was checked against: central disregards an upload made for another one, which a
    status that was under way when central uploaded again would be.
    """

    job_id: str
    contract_digest: str = ""
    approved_digest: str = ""
    is_uploaded: bool = False
    is_matching: bool = False
    is_clean: bool = False
    is_started: bool = False
    set_aside_band: str = ""
    findings: tuple[Finding, ...] = ()


class SiteBegin(Message, frozen=True):
    """Central to site: constants (Begin) for the gate of a job."""

    job_id: str
    constants: Constants


class SiteRound(Message, frozen=True):
    """Central to site: run a round."""

    job_id: str
    number: int
    chains: tuple[ChainCalls, ...]


class SiteReply(Message, frozen=True):
    """Site to central: `body` is an encoded RoundReply, or empty with `failed` when the site cannot go on."""

    job_id: str
    number: int
    body: bytes = b""
    failed: Code | None = None


class SiteCancel(Message, frozen=True):
    """Site to central: this site cancels; participants are fixed, so the job ends for all."""

    job_id: str


class JobEnded(Message, frozen=True):
    """Central to site: wipe. `state` says why."""

    job_id: str
    state: JobStateName
    code: Code | None = None
    culprit: str = ""


class JobsOpen(Message, frozen=True):
    """Central to site after a welcome: the jobs that still exist; runs of any other job are wiped."""

    job_ids: tuple[str, ...]


Control: TypeAlias = Hello | Welcome | Ack | Ping | Pong
CentralToSite: TypeAlias = JobOffer | BoardUpdate | SiteBegin | SiteRound | JobEnded | JobsOpen
SiteToCentral: TypeAlias = SiteStatus | SiteReply | SiteCancel

control: Decoder[Control] = Decoder(Control)
central_to_site: Decoder[CentralToSite] = Decoder(CentralToSite)
site_to_central: Decoder[SiteToCentral] = Decoder(SiteToCentral)
