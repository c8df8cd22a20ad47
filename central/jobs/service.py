"""What can be done with a job, and what happens to it. Asynchronous; one instance per central, used from the event loop.

Rows of jobs are the truth about states; rooms are what lives in memory. Whoever moves the row first acts on it, everybody else finds the
transition refused: so a cancel, a failure and an end may arrive together.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import structlog

from central.accounts.model import Role
from central.accounts.service import Identity
from central.hub.hub import Hub
from central.hub.participant import LinkedParticipant
from central.jobs import store
from central.jobs.bulletin import Bulletin
from central.jobs.custody import Custody
from central.jobs.model import Job
from central.jobs.relay import relay
from central.jobs.room import CentralSide, Room
from central.jobs.run import run_job
from central.registry.service import Registry
from central.settings import Settings, read_secret
from central.sites.service import SiteService
from policies import Policy
from sandbox.errors import Code, InputError, TidegateError
from sandbox.host.database import Database, now
from sandbox.host.isolation import Isolator
from sandbox.host.problems import Findings, FindingView, invalid, not_found
from sandbox.job import check_job, job_from_table
from sandbox.ledger import Ledger
from sandbox.manifest import Pair
from sandbox.rounds.participant import CENTRAL
from sandbox.rounds.state import OVER, JobEvent
from sandbox.rounds.summary import EngineProgress
from sandbox.wire.link import JobState, SiteCancel, SiteStatus
from sandbox.wire.messages import PlotName, UploadReport

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job as its runner asks for it."""

    name: str
    pair: str
    participants: tuple[str, ...]
    spec: dict[str, Any]


class JobService:
    """The jobs of one central. Also the hub's listener."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        isolator: Isolator,
        registry: Registry,
        sites: SiteService,
        hub: Hub,
        policy: Policy,
        ledger: Ledger,
    ) -> None:
        self._settings = settings
        self._database = database
        self._isolator = isolator
        self._registry = registry
        self._sites = sites
        self._hub = hub
        self._policy = policy
        self._custody = Custody(isolator, ledger, policy, read_secret(settings.data_dir / "row.secret"))
        self._rooms: dict[str, Room] = {}
        self._bulletin = Bulletin(hub)

    # --- start and end of central -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up after a restart: what ran or held a result is lost, what waited waits without central's upload."""
        for job in await self._database.run(store.in_states, (JobState.RUNNING, JobState.FINISHED)):
            failed = await self._database.run(store.follow_event, job.id, JobEvent.FAIL, code=Code.CENTRAL_RESTARTED.value)
            self._bulletin.remember_end(failed)
        for job in await self._database.run(store.in_states, (JobState.WAITING,)):
            await self._make_room(job)
        self._hub.listen(self)

    async def stop(self) -> None:
        """Wipe everything. Rows stay as they are: the next start finds what was lost."""
        await self._custody.stop()
        for room in tuple(self._rooms.values()):
            await self._clear(room)
        self._rooms.clear()

    # --- what a runner does -------------------------------------------------------------------------------------------------------------

    async def create(self, identity: Identity, new: NewJob) -> Job:
        """A draft. Raises :class:`InputError` that says what is wrong with it."""
        pair = (await self._registry.get(new.pair)).pair()
        spec = check_job(job_from_table(new.spec), pair.manifest)
        if spec.chains > self._policy.max_chains:
            raise InputError(Code.LIMIT_CHAINS, found=spec.chains, limit=self._policy.max_chains)
        known = {site.site_id for site in await asyncio.to_thread(self._sites.sites)}
        participants = sorted(set(new.participants))
        for site in participants:
            if site not in known:
                raise invalid(f"participants: {site} is not an approved site")
        if not participants and not pair.manifest.capabilities.central_only:
            raise InputError(Code.JOB_PARTICIPANTS)
        job = Job(
            name=new.name,
            owner_id=identity.account_id,
            pair_digest=new.pair,
            spec=msgspec.to_builtins(spec),
            participants=participants,
        )
        job = await self._database.run(store.add, job)
        log.info("job.created", job=job.id, pair=new.pair, sites=participants)
        return job

    async def jobs(self, identity: Identity) -> Sequence[Job]:
        """The jobs of an account; all for an administrator."""
        return await self._database.run(store.of_owner, None if identity.has(Role.ADMIN) else identity.account_id)

    async def get(self, identity: Identity, job_id: str) -> Job:
        """One job. Raises :class:`InputError` when there is none, or it is somebody else's: both look alike."""
        job = await self._database.run(store.get, job_id)
        if job is None or not (identity.has(Role.ADMIN) or job.owner_id == identity.account_id):
            raise not_found("job")
        return job

    def room(self, job_id: str) -> Room | None:
        """What lives of a job; None for drafts and ended jobs."""
        return self._rooms.get(job_id)

    async def open(self, job: Job) -> Job:
        """DRAFT → WAITING: the sites are told."""
        job = await self._move(job.id, JobEvent.OPEN)
        room = await self._make_room(job)
        self._bulletin.offer(room)
        return job

    async def upload(self, job: Job, chunks: AsyncIterator[bytes]) -> UploadReport:
        """Stream central's CSV into its gate. A clean report freezes the contract and opens the sites' uploads.

        After an upload that broke off the gate is wiped: nobody knows what it holds.
        """
        room = self._waiting_room(job)
        async with self._custody.lock(room):
            before = room.contract
            central = room.central or await self._custody.open(room, self._gate_died)
            central.upload_begins()
            try:
                # The job may have been cancelled while the gate was opened: then not one row is read.
                self._waiting_room(job)
                report = await central.gate.upload(chunks)
                central.uploaded(report)
                # Or while it read: then these rows are nobody's.
                self._waiting_room(job)
            except BaseException:
                await self._custody.drop(room)
                if self._rooms.get(job.id) is room:
                    self._bulletin.offer(room)
                raise
            if room.contract != before:
                self._bulletin.offer(room)
        self._bulletin.announce(room)
        log.info("job.uploaded", job=job.id, is_clean=report.is_clean)
        return report

    async def start_central(self, job: Job) -> None:
        """Central presses Start: its worker compiles the pair. When everybody has, the job runs."""
        room = self._waiting_room(job)
        async with self._custody.lock(room):
            central = room.central
            if central is None or central.contract is None:
                raise InputError(Code.SITE_NO_UPLOAD)
            if not central.is_attached:
                findings = await central.gate.attach(room.pair.remote_source)
                if findings:
                    file = f"{room.pair.manifest.name}Remote.py"
                    raise Findings(Code.WORKER_SOURCE, [FindingView.of_source(finding, file) for finding in findings])
                central.attached()
            self._waiting_room(job)
            central.started()
        log.info("job.started_at_central", job=job.id)
        self._bulletin.announce(room)
        await self._run_if_ready(room)

    async def cancel(self, job: Job, culprit: str = CENTRAL) -> Job:
        """End a job for all."""
        return await self._end(job.id, JobEvent.CANCEL, Code.JOB_CANCELLED, culprit)

    async def close(self, job: Job) -> Job:
        """FINISHED → CLOSED: the result is wiped."""
        return await self._end(job.id, JobEvent.CLOSE, None, "")

    def result(self, job: Job) -> AsyncIterator[bytes]:
        """The zip, streamed from central's gate. May be repeated until the job is closed."""
        room, central = self._finished(job)
        return relay(central.gate.result(room.run))

    def plot(self, job: Job, name: PlotName) -> AsyncIterator[bytes]:
        """A picture of the result, as :meth:`result`."""
        return relay(self._finished(job)[1].gate.plot(name))

    def _finished(self, job: Job) -> tuple[Room, CentralSide]:
        room = self._rooms.get(job.id)
        if job.code == Code.RESULT_EXPIRED:
            raise InputError(Code.RESULT_EXPIRED, **job.details)
        if room is None or room.state is not JobState.FINISHED or room.central is None:
            raise InputError(Code.JOB_STATE, state=job.state)
        return room, room.central

    # --- what the hub hears -------------------------------------------------------------------------------------------------------------

    def site_opened(self, site_id: str, is_new: bool) -> None:
        """Tell a site how its jobs stand; a new process of it has neither approved pairs in mind nor rows."""
        rooms = [room for room in self._rooms.values() if site_id in room.job.participants and room.state not in OVER]
        for room in rooms:
            if is_new:
                room.site_restarted(site_id)
        self._bulletin.resume(site_id, rooms)
        for room in rooms:
            self._custody.spawn(self._run_if_ready(room))

    def site_closed(self, site_id: str) -> None:
        """Show it on the boards."""
        for room in self._rooms.values():
            if site_id in room.job.participants:
                self._bulletin.announce(room)

    def site_said(self, site_id: str, message: SiteStatus | SiteCancel) -> None:
        """Note a status, or cancel. What a site says of jobs that are not its own is disregarded."""
        room = self._rooms.get(message.job_id)
        if room is None or site_id not in room.job.participants:
            return
        if isinstance(message, SiteCancel):
            self._custody.spawn(self._end_quietly(room.job.id, JobEvent.CANCEL, Code.JOB_CANCELLED, site_id))
        elif room.site_said(site_id, message):
            self._bulletin.announce(room)
            self._custody.spawn(self._run_if_ready(room))

    async def _gate_died(self, room: Room, error: TidegateError) -> None:
        """A gate that dies takes the upload with it, or the run, or the result."""
        log.error("job.gate_gone", job=room.job.id, code=error.code.value)
        if room.state is JobState.WAITING:
            await self._custody.drop(room)
            self._bulletin.offer(room)
        else:
            await self._end_quietly(room.job.id, JobEvent.FAIL, error.code, CENTRAL, error.details)

    # --- running and ending -------------------------------------------------------------------------------------------------------------

    async def _run_if_ready(self, room: Room) -> None:
        if room.begins(self._hub.is_online):
            self._custody.run(room, self._run(room))

    async def _run(self, room: Room) -> None:
        job_id = room.job.id
        try:
            room.moved(await self._database.run(store.follow_event, job_id, JobEvent.START))
            log.info("job.running", job=job_id)
            self._bulletin.announce(room)
            sites = [LinkedParticipant(self._hub.link(site), job_id, self._policy) for site in room.job.participants]

            def observe(progress: EngineProgress) -> None:
                room.progressed(progress)
                self._bulletin.announce(room)

            def on_stated(names: Sequence[str]) -> None:
                room.cards_in(names)
                self._bulletin.announce(room)

            room.ran(await run_job(await self._isolator.supervisor(), room, sites, observe, on_stated))
            await self._finish(room)
        except TidegateError as error:
            room.run_failed()
            await self._end_quietly(job_id, JobEvent.FAIL, error.code, error.site or "", error.details)
        except Exception:
            # Whatever it is, the job must not stay RUNNING.
            log.exception("job.failed_here", job=job_id)
            room.run_failed()
            await self._end_quietly(job_id, JobEvent.FAIL, Code.REQUEST_FAILED, CENTRAL)

    async def _finish(self, room: Room) -> None:
        seconds = self._settings.result_seconds
        job_id = room.job.id
        room.moved(await self._move(job_id, JobEvent.FINISH, expires_at=now() + timedelta(seconds=seconds)))
        self._bulletin.end(room.job)
        close = self._end_quietly
        self._custody.expire(room, seconds, lambda: close(job_id, JobEvent.CLOSE, Code.RESULT_EXPIRED, "", {"limit": seconds}))

    async def _end_quietly(self, job_id: str, event: JobEvent, code: Code, culprit: str, details: dict[str, object] | None = None) -> None:
        """End a job unless somebody else just did."""
        try:
            await self._end(job_id, event, code, culprit, details)
        except InputError as error:
            log.info("job.ended_already", job=job_id, code=error.code.value)

    async def _end(self, job_id: str, event: JobEvent, code: Code | None, culprit: str, details: dict[str, object] | None = None) -> Job:
        kept = {key: value for key, value in (details or {}).items() if isinstance(value, str | int | float)}
        job = await self._move(job_id, event, code=code.value if code else None, culprit=culprit, details=kept)
        room = self._rooms.pop(job_id, None)
        if room is not None:
            room.moved(job)
            # First the sites: they wipe while central does.
            self._bulletin.end(job)
            await self._clear(room)
        return job

    async def _move(self, job_id: str, event: JobEvent, **values: Any) -> Job:
        job = await self._database.run(store.follow_event, job_id, event, **values)
        log.info("job.moved", job=job_id, state=job.state, code=job.code, culprit=job.culprit)
        return job

    async def _clear(self, room: Room) -> None:
        """Stop the run and wipe central's rows."""
        self._bulletin.forget(room)
        await self._custody.clear(room)

    # --- rooms --------------------------------------------------------------------------------------------------------------

    async def _make_room(self, job: Job) -> Room:
        pair: Pair = (await self._registry.get(job.pair_digest)).pair()
        institutions = {site.site_id: site.institution for site in await asyncio.to_thread(self._sites.sites)}
        room = Room(job, pair, institutions)
        self._rooms[job.id] = room
        return room

    def _waiting_room(self, job: Job) -> Room:
        room = self._rooms.get(job.id)
        if room is None:
            raise InputError(Code.JOB_STATE, state=job.state)
        room.check_waiting()
        return room
