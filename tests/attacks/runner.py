"""Runs one attack and says in a word what became of it. The tests compare that with the table.

Everything on the host's side is the product's own: supervisor, channel, participant, engine, session. Locked children that are attacked
(gates) come from the production zygote; children that attack without source rules come from `raw_zygote`.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Final

import msgspec

from policies import Policy, built_in
from sandbox.contract import Contract
from sandbox.errors import Code, InputError, PeerError, TidegateError
from sandbox.job import JobSpec, Target, check_job
from sandbox.ledger import Ledger
from sandbox.manifest import CARD_STEP, RESERVED_STEP, Pair, make_pair, parse_manifest
from sandbox.rounds.constants import constants_from
from sandbox.rounds.engine import Engine
from sandbox.rounds.local import LocalParticipant, compile_in
from sandbox.supervisor import Child, Supervisor
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import site_to_central
from sandbox.wire.messages import (
    CallStep,
    ChainReply,
    GateSetup,
    Program,
    SourceFinding,
    StepCall,
    StepDone,
    UploadReport,
    worker_to_gate,
)
from sandbox.wire.session import Received, Session
from tests.attacks.scene import Scene
from tests.attacks.table import FOLDER, Attack
from tests.one_chain import answer, asks

RAW_ZYGOTE: Final = str(FOLDER / "raw_zygote.py")
PLAIN_CHILD: Final = str(FOLDER / "plain_child.py")
STEP_SECONDS: Final = 2
POLICY: Final = msgspec.structs.replace(
    built_in("research"),
    name="attacks",
    step_seconds=STEP_SECONDS,
    job_seconds=20,
    max_rows_bytes=64 << 20,
    max_messages=200,
)
MANIFEST: Final = (FOLDER / "hostile.toml").read_bytes()
TARGET: Final = 1
FIRST_ROUND: Final = 2
"""After the margins and the card: only a site whose policy states exact answers is asked anything of the pair's own."""
HONEST: Final = {
    "ask": 'def ask(rows, target):\n    return {"moments": rows.gram(where=rows.observed(target))}\n',
    "tell": "def tell(rows, target):\n    return None\n",
}
CENTRAL_SOURCE: Final = b"def impute(job, sites):\n    return None\n"


def _row(number: int) -> str:
    y = "NA" if number % 5 == 0 else str(number * 7 % 50)
    return f"{y},{number % 13},{'NA' if number % 4 == 0 else number * 3 % 2}"


CSV: Final = ("y,a,b\n" + "\n".join(map(_row, range(1, 301))) + "\n").encode()


def pair(remote: str = "", central: bytes = CENTRAL_SOURCE) -> Pair:
    """The hostile pair with a remote module, completed by honest steps where it has none."""
    missing = "".join(source for name, source in HONEST.items() if f"def {name}(" not in remote)
    return make_pair(MANIFEST, central, (remote + "\n" + missing).encode())


async def pieces(data: Iterable[bytes]) -> AsyncIterator[bytes]:
    """An upload."""
    for piece in data:
        yield piece


class Arena:
    """Where attacks are run: two supervisors, a process for the controls, two scenes."""

    def __init__(self, product: Supervisor, raw: Supervisor, folder: Path, policy: Policy = POLICY) -> None:
        self.product = product
        self.raw = raw
        self.policy = policy
        self.machine = platform.machine()
        self.scene = Scene()
        self.control_scene = Scene()
        self.ledger = Ledger(folder / "ledger.jsonl")
        self._opened: list[LocalParticipant] = []
        self._contract: Contract | None = None
        self._control: asyncio.subprocess.Process | None = None

    @classmethod
    async def open(cls, folder: Path, without: str = "", policy: Policy = POLICY) -> Arena:
        """Start both zygotes; `without` names a layer that the raw one leaves out."""
        arguments = ["--without", without] if without else []
        product, raw = await asyncio.gather(Supervisor.start(), Supervisor.start(program=[RAW_ZYGOTE, *arguments]))
        return cls(product, raw, folder, policy)

    async def close(self) -> None:
        """End everything."""
        await self.tidy()
        await asyncio.gather(self.product.close(), self.raw.close())
        if self._control is not None and self._control.stdin is not None:
            self._control.stdin.close()
            await self._control.wait()
        self.ledger.close()
        self.scene.close()
        self.control_scene.close()

    def renew_scene(self) -> None:
        """Another scene in place of one that was damaged."""
        self.scene.close()
        self.scene = Scene()

    async def tidy(self) -> None:
        """Wipe what the last attack opened."""
        opened, self._opened = self._opened, []
        for participant in opened:
            await participant.wipe()

    # --- scripts and modules

    async def restricted(self, attack: Attack) -> tuple[str, list[SourceFinding]]:
        """A file as a remote module in a locked worker of the product, and its step `ask` called once."""
        source = attack.raw_source
        if attack.kind not in ("language", "surface"):
            source += b"\ndef ask(rows, target):\n    return run(rows, target)\n"
        if b"def tell(" not in source:
            source += HONEST["tell"].encode()
        worker = await self.product.spawn_worker(self.policy)
        try:
            program = Program("remote", source, MANIFEST, self.policy.max_source_bytes)
            compiled = await compile_in(worker, program, self.policy.step_seconds)
            if compiled.findings:
                return "refused", list(compiled.findings)
            await worker.channel.send(CallStep("ask", {"target": TARGET}))
            frame = await asyncio.wait_for(worker.channel.receive(), self.policy.step_seconds)
            answer = worker_to_gate.decode(frame.payload)
            if isinstance(answer, StepDone):
                return "returned", []
            return ("memory" if answer.is_memory else f"raised {answer.line}"), []
        except TimeoutError:
            return "timeout", []
        except PeerError:
            return f"killed {(await worker.wait()).reason.removeprefix('signal ')}", []
        except TidegateError as error:
            return error.code.value, []
        finally:
            await worker.kill()

    async def unrestricted(self, attack: Attack, *, is_module: bool = False) -> str:
        """A file in a locked worker without source rules."""
        worker = await self.raw.spawn_worker(self.policy)
        try:
            request = {"source": attack.source, "params": self.scene.params(is_control=False), "is_module": is_module}
            await worker.channel.send_frame(Frame(Kind.DATA, json.dumps(request).encode()))
            frame = await asyncio.wait_for(worker.channel.receive(), self.policy.step_seconds)
            return frame.payload.decode("utf-8", "replace") if frame.kind is Kind.DATA else "another frame"
        except TimeoutError:
            return "timeout"
        except PeerError:
            return f"killed {(await worker.wait()).reason.removeprefix('signal ')}"
        except TidegateError as error:
            return error.code.value
        finally:
            await worker.kill()

    async def control(self, attack: Attack) -> str:
        """The same file in a plain child, told to be harmless."""
        if self._control is None:
            self._control = await asyncio.create_subprocess_exec(
                sys.executable, PLAIN_CHILD, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20
            )
        assert self._control.stdin is not None
        assert self._control.stdout is not None
        request = {"source": attack.source, "params": self.control_scene.params(is_control=True)}
        self._control.stdin.write(json.dumps(request).encode() + b"\n")
        await self._control.stdin.drain()
        outcome: str = json.loads(await self._control.stdout.readline())["outcome"]
        return outcome

    # --- a gate under attack

    async def participant(
        self, of_pair: Pair, gate: Child | None = None, worker_from: Supervisor | None = None, contract: Contract | None = None
    ) -> LocalParticipant:
        """A participant of a job of the hostile pair: a site when there is a contract, else central. Its gate may have been taken over."""
        setup = self.setup(of_pair, contract)
        if gate is None:
            gate = await self.product.spawn_gate(self.policy)
            await gate.channel.send(setup)
        participant = LocalParticipant(worker_from or self.product, setup, self.ledger, gate)
        self._opened.append(participant)
        return participant

    def setup(self, of_pair: Pair, contract: Contract | None = None) -> GateSetup:
        """The setup of a gate for a job of the hostile pair."""
        spec = check_job(JobSpec((Target("y", "continuous"), Target("b", "binary")), imputations=2, seed=1), of_pair.manifest)
        name, is_central = ("central", True) if contract is None else ("site", False)
        return GateSetup("attack", name, is_central, self.policy, spec, of_pair.manifest_bytes, of_pair.digest, contract, b"k" * 32)

    async def contract(self) -> Contract:
        """What central's gate makes of the job."""
        if self._contract is None:
            central = await self.participant(pair())
            report = await central.upload(pieces([CSV]))
            if not report.is_clean or report.contract is None:
                raise AssertionError(report.findings)
            self._contract = report.contract
        return self._contract

    async def begun(self, of_pair: Pair, worker_from: Supervisor | None = None) -> LocalParticipant:
        """A site that has stated its card, and has its worker and its constants: of all sites of blind pairs the one that answers most."""
        contract = await self.contract()
        participant = await self.participant(of_pair, worker_from=worker_from, contract=contract)
        report = await participant.upload(pieces([CSV]))
        if not report.is_clean:
            raise AssertionError(report.findings)
        findings = await participant.attach(of_pair.remote_source)
        if findings:
            raise InputError(Code.PAIR_SOURCE, module="remote", reason=findings[0].message)
        reply = await participant.run_round(0, asks(StepCall(RESERVED_STEP)))
        constants = constants_from([answer(reply).fields[RESERVED_STEP]], contract)
        await participant.run_round(1, asks(StepCall(CARD_STEP, {"centre": constants.centre, "scale": constants.scale})))
        await participant.begin(constants)
        return participant

    async def asked(self, attack: Attack, calls: tuple[StepCall, ...], worker_from: Supervisor | None = None) -> str:
        """A round of a gate whose worker is hostile, or whose central is: the code of the refusal or failure, or `answered`."""
        try:
            remote = attack.source if attack.kind != "questions" else ""
            participant = await self.begun(pair(remote), worker_from)
            reply = answer(await participant.run_round(FIRST_ROUND, asks(*calls)))
        except TidegateError as error:
            return error.code.value
        if reply.refused is not None:
            return reply.refused.value
        # What an honest module is answered is no more than its author may know.
        return "as honest" if reply.fields == (await self.honest_round()).fields else "answered"

    async def honest_round(self) -> ChainReply:
        """What an honest pair is answered: the proof that an attack harmed nobody else."""
        participant = await self.begun(pair())
        reply = await participant.run_round(FIRST_ROUND, asks(StepCall("ask", {"target": TARGET})))
        await participant.wipe()
        return answer(reply)

    # --- the host under attack

    async def taken_gate(self, attack: Attack) -> str:
        """A gate that speaks raw bytes to the host, which uploads, asks a round and fetches the result: how far it came, and the code."""
        gate = await self.raw.spawn_gate(self.policy)
        await gate.channel.send_frame(Frame(Kind.DATA, attack.raw_source))
        participant = await self.participant(pair(), gate)
        doing = "upload"
        try:
            await participant.upload(pieces([CSV] * 500))  # more than a channel holds unread
            doing = "round"
            await participant.run_round(0, asks(StepCall(RESERVED_STEP)))
            doing = "result"
            async for _ in participant.result({}):
                pass
        except TidegateError as error:
            return f"{doing} {error.code.value}"
        finally:
            await gate.kill()  # else its wipe is waited for
        return "answered"

    async def hostile_central(self, attack: Attack) -> str:
        """A central module in the real engine, with central's own rows only."""
        of_pair = pair(central=attack.raw_source)
        participant = await self.participant(of_pair)
        report = await participant.upload(pieces([CSV]))
        if report.contract is None:
            raise AssertionError(report.findings)
        await participant.attach(of_pair.remote_source)
        engine = Engine(self.product, of_pair, self.setup(of_pair).spec, report.contract, participant, [])
        try:
            await engine.run()
        except TidegateError as error:
            return error.code.value
        return "finished"

    async def upload(self, attack: Attack) -> str:
        """A hostile CSV: the codes of the findings that stop it, or the error, or `clean`."""
        contract = await self.contract() if attack.side == "site" else None
        participant = await self.participant(pair(), contract=contract)
        try:
            report: UploadReport = await participant.upload(pieces(attack.call("pieces")))
        except TidegateError as error:
            return error.code.value
        stopping = sorted({finding.code.value for finding in report.findings if finding.severity == "stop"})
        return " ".join(stopping) or "clean"


def spoken_link(attack: Attack) -> str:
    """A hostile site's frames, fed to central's session: the code of the error, or what was delivered."""
    session = Session("central", "central-boot", POLICY.max_frame_bytes)
    session.connect()
    delivered = 0
    try:
        for frame in attack.call("frames"):
            events, _ = session.receive(frame)
            for event in events:
                if isinstance(event, Received):
                    site_to_central.decode(event.payload)
                    delivered += 1
    except TidegateError as error:
        return error.code.value
    return f"delivered {delivered}"


def parsed_manifest(attack: Attack) -> str:
    """A hostile manifest, parsed and resolved as a host does."""
    try:
        parse_manifest(attack.call("manifest")).resolve_parameters({})
    except TidegateError as error:
        return error.code.value
    return "accepted"


def children_of(pid: int) -> list[int]:
    """Process ids of the children of a process."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def grandchildren() -> list[int]:
    """Children of this process's children: what zygotes have forked and not reaped."""
    return [pid for child in children_of(os.getpid()) for pid in children_of(child)]


async def until_alone(seconds: float = 5.0) -> bool:
    """Whether every locked child is gone, soon."""
    deadline = time.monotonic() + seconds
    while grandchildren():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True
