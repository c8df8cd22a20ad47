"""Every message between the processes of one machine, a closed set per channel. Who sends what to whom:

    host  → gate      GateSetup, DATA…END, MakeCard, ShowCard, AttachWorker (+ descriptor), Begin, TakeCards, RunRound, KeepImputation,
                      SendResult, SendPlot, Wipe
    gate  → host      GateReady, UploadReport, CardMade, CardShown, CardsTaken, Acknowledged, RoundResult, DATA…END, Wiped, GateFailed
    host  → worker    Program, then for a central worker Impute and Replies
    worker → host     WorkerReady, Compiled; a central worker: Ask, Tell, KeepNow, Progress, LogEvent, FitRecord, Finished, Failed
    gate  → worker    CallStep                        worker → gate   StepDone, StepFailed
    gate  → worker    LoadRows, DATA…END; SetColumn, DATA…END; CallBlocks, DATA…END       (code that sees rows)
    worker → gate     BlocksDone, DATA…END; StepFailed

What travels between central and sites is in `link`.
Nothing here carries exception text, free progress strings or a value of a row.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from policies import Policy
from sandbox.contract import Contract, Finding
from sandbox.errors import Code
from sandbox.job import JobSpec
from sandbox.wire.codec import Decoder
from sandbox.wire.values import Array, Record, Value


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """A message; its class name is its tag."""


# --- shared records -------------------------------------------------------------------------------------------------------------------


class Isolation(msgspec.Struct, frozen=True):
    """What locks a child in, as found by its self-test."""

    tier: str
    landlock_abi: int
    seccomp: bool
    uid: int
    memory_locked: bool
    namespaces: bool = False


class Constants(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Centre, scale and margin mean of every column in the model (file order), fixed for the whole job. Raw units, shape (c,)."""

    centre: Array
    scale: Array
    mean: Array


class StepCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One call of a remote step; a tell has no reply."""

    step: str
    request: dict[str, Value] = {}
    is_tell: bool = False


class ChainCalls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One chain's part of a round: its calls in order. Only the last may have a reply. Chains are numbered from 0."""

    chain: int
    calls: tuple[StepCall, ...]


class ChainReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One chain's part of a reply: the fields of its last step, or the code of its first refusal.

    From central's gate, `stand_ins` are the same fields as the cards of sites answer them, by site; `refused_by` is the site whose card
    cannot.
    """

    chain: int
    fields: dict[str, Record] = {}
    refused: Code | None = None
    refused_by: str = ""
    stand_ins: dict[str, dict[str, Record]] = {}


class RoundReply(Message, frozen=True):
    """The answer to one round: a part for every chain that asked, in the order of the questions. This is what leaves a site."""

    number: int
    chains: tuple[ChainReply, ...] = ()


class KernelCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kernel that a blind step named, with its arguments; the gate checks and computes it.

    `target` and `exclusion` are 1-based column indices; `theta` is that of `sandbox.estimation.selection`.
    """

    kernel: Literal["gram", "glm_score", "glm_gradient", "glm_fit", "selection_score", "draw"]
    target: int
    family: Literal["gaussian", "binomial"] | None = None
    beta: Array | None = None
    sigma: float | None = None
    ridge: float | None = None
    theta: Array | None = None
    exclusion: int | None = None


class SourceFinding(msgspec.Struct, frozen=True):
    """A line of a pair that the source rules refuse, in an author's words."""

    line: int
    message: str
    remedy: str = ""


# --- host → gate ----------------------------------------------------------------------------------------------------------------------


class GateSetup(Message, frozen=True):
    """First message to a gate. `contract` is None at central, whose gate drafts and freezes it from its own upload."""

    job_id: str
    participant: str
    is_central: bool
    policy: Policy
    spec: JobSpec
    manifest: bytes
    pair_digest: str
    contract: Contract | None
    row_secret: bytes
    row_offset: int = 0
    has_common_secret: bool = False
    """All participants are one machine's and share the secret (`simulate`): a draw depends on the row alone, so that no split matters."""


class AttachWorker(Message, frozen=True):
    """A descriptor of the worker's channel follows this frame (one byte with SCM_RIGHTS)."""

    rows_reviewed: bool = False
    """Whether this site opted in to letting this very code see its rows."""


class Begin(Message, frozen=True):
    """Constants after the first round: rows are standardised, missing cells get start values."""

    constants: Constants


class MakeCard(Message, frozen=True):
    """Complete the rows of a clean upload and make its card (a site, blind pairs only).

    `life` names the life of the file, `columns` what the columns of the model are called in it, in file order: sticky errors stick to them.
    """

    life: str
    columns: tuple[str, ...]
    error: float
    """The size of all errors of the life, in what a typical person adds."""
    answers_points: bool
    """Whether the life has room for the scores at common points."""
    points: dict[int, Array] = {}
    """By target, the common points that the life has answered before: it answers no other ones."""


class ShowCard(Message, frozen=True):
    """The numbers of the card, for the owner, in raw units."""


class TakeCards(Message, frozen=True):
    """To central's gate: the cards of sites, field by field, by site. Answered anew from now on; a later message adds fields."""

    cards: dict[str, dict[str, Record]]


class RunRound(Message, frozen=True):
    """Run the calls of every chain in `chains`, which are in ascending order, each at most once.

    `with_stand_ins`: whether central's gate answers for the sites whose cards it has, too.
    """

    number: int
    chains: tuple[ChainCalls, ...]
    with_stand_ins: bool = False


class KeepImputation(Message, frozen=True):
    """Snapshot the cells that a chain has completed as its next imputation (central only)."""

    chain: int = 0


class SendResult(Message, frozen=True):
    """Stream the zip (central only). `run` is what the engine knows of the run; the gate adds what only it knows."""

    run: dict[str, Any]


PlotName: TypeAlias = Literal["trace", "density", "missingness"]


class SendPlot(Message, frozen=True):
    """Stream a picture of the result, SVG (central only)."""

    name: PlotName


class Wipe(Message, frozen=True):
    """Overwrite every row, answer, exit."""


# --- gate → host ----------------------------------------------------------------------------------------------------------------------


class GateReady(Message, frozen=True):
    """Locked down, self-test passed."""

    isolation: Isolation


class ColumnReport(msgspec.Struct, frozen=True):
    """What the gate found in one column, for the site's own page."""

    index: int
    """1-based."""
    name: str
    role: str
    type: str
    n_missing: int
    is_match: bool
    levels: tuple[str, ...] = ()
    why: str = ""
    """Why it is left out, or how central's file was read."""


class UploadReport(Message, frozen=True):
    """Answer to an upload. Stays at the site: hosts pass on whether it is clean, and codes and columns only when its owner tells them."""

    findings: tuple[Finding, ...] = ()
    contract: Contract | None = None
    columns: tuple[ColumnReport, ...] = ()
    n_rows: int = 0
    n_set_aside: int = 0
    notes: tuple[str, ...] = ()
    entry: bytes = b""
    """The ledger line about the upload (JSON without chain)."""
    sketch: bytes = b""
    """Of a site's file for a blind pair: what tells whether it is a version of an earlier one; see :mod:`sandbox.life`."""
    card: tuple[CardLine, ...] = ()
    """What the card of the file states; added by the host when the gate has made it."""
    life: LifeNote | None = None
    """How the file stands in its life; added by the host with the card."""
    stopped_life: str = ""
    """The life that has no room for the file, where its owner may let it pass all the same; added by the host in place of the card."""

    @property
    def is_clean(self) -> bool:
        """Whether Start is possible."""
        return not any(finding.severity == "stop" for finding in self.findings)


class CardLine(msgspec.Struct, frozen=True):
    """A part of a card, as its owner reads it before Start."""

    what: str
    column: str
    shape: tuple[int, ...]
    n_numbers: int
    """Different numbers."""
    error: float
    """Size of the sticky error, in what a typical row adds."""


class LifeNote(msgspec.Struct, frozen=True):
    """How a file stands in its life when its card was made, as its owner reads it before Start."""

    version: int
    """1-based: which version of the file this is."""
    n_numbers: int
    """Numbers that have left over the life when this card has, as the life counts them."""
    n_left: int
    """Numbers that later cards and points may still state."""
    n_points: int | None
    """The most numbers that this job may add to its card, by common points and selection points; 0 where none is due, None where the policy
    lets central ask as much as it likes."""
    ends: str
    """The day when the life ends if nothing more is stated, YYYY-MM-DD."""
    column: str = ""
    """The column that `n_numbers` and `n_left` are about: the one of which most has left; empty: of no column in particular."""


class CardMade(Message, frozen=True):
    """What the card of an upload states; with a finding that stops, there is none."""

    lines: tuple[CardLine, ...] = ()
    findings: tuple[Finding, ...] = ()


class CardShown(Message, frozen=True):
    """The fields of a card as it would leave, in raw units."""

    fields: dict[str, Record]


class CardsTaken(Message, frozen=True):
    """Central's gate has the cards. `due`: by site, the coefficients of common points that are still to be asked, by target.

    `refused`: a site whose card is of no rows, and why. Then none was taken.
    """

    due: dict[str, dict[int, Array]] = {}
    refused: dict[str, Code] = {}


class Acknowledged(Message, frozen=True):
    """Done: AttachWorker, Begin or KeepImputation."""


class RoundResult(Message, frozen=True):
    """`body` is the encoded RoundReply that may leave; `entry` is the ledger line that must be written first (JSON without chain).

    `is_refused`: a chain's question was refused.
    """

    body: bytes
    entry: bytes
    is_refused: bool


class Wiped(Message, frozen=True):
    """The rows are overwritten; the gate exits after this."""

    n_bytes: int
    entry: bytes


class GateFailed(Message, frozen=True):
    """The gate cannot go on; it wipes and exits."""

    code: Code
    entry: bytes = b""


# --- worker ---------------------------------------------------------------------------------------------------------------------------


class Program(Message, frozen=True):
    """What a worker compiles: one module of the pair."""

    module: Literal["central", "remote"]
    source: bytes
    manifest: bytes
    max_source_bytes: int


class WorkerReady(Message, frozen=True):
    """Locked down, self-test passed."""

    isolation: Isolation


class Compiled(Message, frozen=True):
    """The module compiled, or the findings say why not."""

    findings: tuple[SourceFinding, ...] = ()


class CallStep(Message, frozen=True):
    """Gate to worker: call a step."""

    step: str
    request: dict[str, Value]


class StepDone(Message, frozen=True):
    """The kernels a step named, in order, and for each field the index of its kernel."""

    calls: tuple[KernelCall, ...] = ()
    fields: dict[str, int] = {}


class StepFailed(Message, frozen=True):
    """A step raised. The line is for the ledger of the site that runs it; no text leaves the worker."""

    line: int = 0
    is_memory: bool = False


class LoadRows(Message, frozen=True):
    """Gate to a worker that sees rows: their layout. Follow, as DATA, one byte per row and target (observed or not), target by target.

    `columns` and `targets` are 1-based column indices; a design row is those of `columns` and then the intercepts; `sizes` are the rows of
    each block. `thresholds` tell the two levels of a binary target apart in standardised units.
    """

    columns: tuple[int, ...]
    targets: tuple[int, ...]
    n_intercepts: int
    sizes: tuple[int, ...]
    thresholds: dict[int, float]


class SetColumn(Message, frozen=True):
    """Gate to a worker that sees rows: new values of a design column follow as DATA, one `<f8` per row, block by block."""

    position: int


class CallBlocks(Message, frozen=True):
    """Gate to a worker that sees rows: call a step on every block.

    `shapes` are those of the fields it answers with, in order; `fills` is the column it fills, 0 when none. When `has_numbers`, a random
    number per row follows as DATA.
    """

    step: str
    request: dict[str, Value]
    shapes: dict[str, tuple[int, ...]]
    fills: int = 0
    has_numbers: bool = False


class BlocksDone(Message, frozen=True):
    """What the step answered follows as DATA, `<f8`: for each block its fields one after the other, or what it filled, one per row."""


class Impute(Message, frozen=True):
    """Start of a central worker: everything `impute(job, sites)` may know. It runs one chain of the job, numbered from 0."""

    spec: JobSpec
    contract: Contract
    constants: Constants
    participants: tuple[str, ...]
    contract_digest: str
    pair_digest: str
    chain: int = 0


class Ask(Message, frozen=True):
    """`sites.sum`, `sites.each` (mode `all`) or `sites.central`: one round trip."""

    mode: Literal["all", "central"]
    step: str
    request: dict[str, Value]


class Replies(Message, frozen=True):
    """Answer to Ask, in site_id order with central first; or who refused and why."""

    replies: tuple[dict[str, Record], ...] = ()
    refused_by: str = ""
    refused: Code | None = None


class Tell(Message, frozen=True):
    """`sites.tell`: buffered, no answer."""

    step: str
    request: dict[str, Value]


class KeepNow(Message, frozen=True):
    """`job.keep_imputation()`; answered with Replies."""


class Progress(Message, frozen=True):
    """`job.progress(done, total)`."""

    done: int
    total: int


class LogEvent(Message, frozen=True):
    """`job.log_event(code, target)`; codes from the closed list."""

    code: Code
    target: int


class FitRecord(Message, frozen=True):
    """The last fit of a target in raw units: β (q), covariance (q, q), n, σ² (0 for a binary target).

    Of a selection model also γ (q) and ρ; the coefficient of the exclusion column is 0 in β.
    """

    target: int
    beta: Array
    covariance: Array
    n: int
    sigma2: float
    gamma: Array | None = None
    rho: float | None = None


class Finished(Message, frozen=True):
    """`impute` returned."""


class Failed(Message, frozen=True):
    """`impute` raised: a fit that could not be made, or the pair's own error at a line."""

    code: Code
    target: int = 0
    line: int = 0
    column: int = 0
    """The predictor a fit failed at (1-based), 0 when none is known."""


HostToGate: TypeAlias = (
    GateSetup | MakeCard | ShowCard | AttachWorker | Begin | TakeCards | RunRound | KeepImputation | SendResult | SendPlot | Wipe
)
GateToHost: TypeAlias = GateReady | UploadReport | CardMade | CardShown | CardsTaken | Acknowledged | RoundResult | Wiped | GateFailed
HostToWorker: TypeAlias = Program | Impute | Replies
WorkerToHost: TypeAlias = WorkerReady | Compiled | Ask | Tell | KeepNow | Progress | LogEvent | FitRecord | Finished | Failed | GateFailed
GateToWorker: TypeAlias = CallStep | LoadRows | SetColumn | CallBlocks
WorkerToGate: TypeAlias = StepDone | StepFailed | BlocksDone

host_to_gate: Decoder[HostToGate] = Decoder(HostToGate)
gate_to_host: Decoder[GateToHost] = Decoder(GateToHost)
host_to_worker: Decoder[HostToWorker] = Decoder(HostToWorker)
worker_to_host: Decoder[WorkerToHost] = Decoder(WorkerToHost)
gate_to_worker: Decoder[GateToWorker] = Decoder(GateToWorker)
worker_to_gate: Decoder[WorkerToGate] = Decoder(WorkerToGate)
round_reply: Decoder[RoundReply] = Decoder(RoundReply)
