"""Fixtures for the gate: setups of the bundled pair, uploads, rows, and a whole gate over a real socket pair."""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import numpy as np
import pytest

from policies import Policy, built_in
from policies.life_budget import error_size
from sandbox.contract import Contract
from sandbox.gate.dataset import Dataset
from sandbox.gate.ingest import Ingest
from sandbox.gate.region import Region
from sandbox.gate.serve import serve
from sandbox.gate.survey import Survey, survey
from sandbox.job import check_job, job_from_table
from sandbox.manifest import load_pair
from sandbox.pipe import Pipe
from sandbox.wire.frames import Frame, Kind, data_frames
from sandbox.wire.messages import (
    AttachWorker,
    CallStep,
    CardMade,
    GateReady,
    GateSetup,
    GateToHost,
    Isolation,
    MakeCard,
    Message,
    StepDone,
    StepFailed,
    UploadReport,
    gate_to_host,
    gate_to_worker,
)

PAIR = load_pair(Path(__file__).parents[3] / "algorithms" / "SIMICE")
SECRET = b"a secret of the site, 32 bytes.."
ISOLATION = Isolation("seccomp+landlock", 6, True, 65534, True)
JOB: dict[str, Any] = {
    "imputations": 2,
    "iteration_before_first_imputation": 2,
    "iteration_between_imputations": 1,
    "seed": 1,
    "targets": [{"column": "y", "type": "continuous"}, {"column": "b", "type": "binary"}],
    "columns": {"a": "predictor"},
}

MakeSetup = Callable[..., GateSetup]


@pytest.fixture
def loose() -> Policy:
    """A policy that lets a handful of rows answer, so that tests stay small."""
    return msgspec.structs.replace(
        built_in("research"), name="loose", min_rows=2, max_parameter_ratio=10.0, min_difference_group=1, max_set_aside=1.0
    )


@pytest.fixture
def make_setup(loose: Policy) -> MakeSetup:
    def make(
        job: dict[str, Any] | None = None,
        *,
        is_central: bool = True,
        policy: Policy | None = None,
        contract: Contract | None = None,
        secret: bytes = SECRET,
        row_offset: int = 0,
    ) -> GateSetup:
        spec = check_job(job_from_table({**JOB, **(job or {})}), PAIR.manifest)
        participant = "central" if is_central else "site"
        return GateSetup(
            "job", participant, is_central, policy or loose, spec, PAIR.manifest_bytes, PAIR.digest, contract, secret, row_offset
        )

    return make


@pytest.fixture
def region() -> Region:
    return Region(mmap.mmap(-1, 256 << 20))


@pytest.fixture
def upload(region: Region, make_setup: MakeSetup) -> Callable[..., tuple[Ingest, Dataset | None]]:
    """Feed a whole file to an ingest, in pieces."""

    def take(data: bytes | str, setup: GateSetup | None = None, piece: int = 1 << 16) -> tuple[Ingest, Dataset | None]:
        region.reset()
        ingest = Ingest(setup or make_setup(), region)
        encoded = data.encode() if isinstance(data, str) else data
        for start in range(0, len(encoded), piece):
            ingest.feed(encoded[start : start + piece])
        return ingest, ingest.finish()

    return take


@pytest.fixture
def surveyed(region: Region, loose: Policy) -> Callable[..., Survey]:
    """The pre-flight on a CSV text whose contract is drafted from it."""

    def look(data: bytes | str, setup: GateSetup, policy: Policy | None = None) -> Survey:
        ingest = Ingest(setup, region)
        ingest.feed(data.encode() if isinstance(data, str) else data)
        dataset = ingest.finish()
        assert dataset is not None, ingest.findings
        has_intercept = setup.spec.parameters["central_intercept"]
        return survey(dataset, policy or setup.policy, region, is_central=setup.is_central, central_intercept=has_intercept)

    return look


def make_csv(n: int, seed: int = 0, missing: float = 0.2) -> str:
    """A data set with predictors a and c, a continuous target y and a binary target b ("no", "yes")."""
    random = np.random.default_rng(seed)
    a, c = random.normal(50, 10, n).round(2), random.normal(size=n).round(3)
    y = (3 + 0.2 * a - c + random.normal(size=n)).round(3)
    b = random.random(n) < 1 / (1 + np.exp(-(a - 50) / 10 - c))
    lines = ["id,a,y,b,c"]
    for row in range(n):
        cell_y = "NA" if random.random() < missing else str(y[row])
        cell_b = "" if random.random() < missing else ("yes" if b[row] else "no")
        lines.append(f"p{row},{a[row]},{cell_y},{cell_b},{c[row]}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def csv_text() -> Callable[..., str]:
    return make_csv


Answer = Callable[[CallStep], StepDone | StepFailed | bytes | None]
NewGate = Callable[..., "GateUnderTest"]
JOIN_SECONDS = 60
"""For a machine that is busy: nothing waits so long but what will never end."""


CARD_LIFE: Final = "the life of a file"
CARD_ERROR: Final = error_size(built_in("default"), 500)
"""Of a file of few rows under `default`."""


@pytest.fixture
def contract(upload: Callable[..., tuple[Ingest, Dataset | None]]) -> Contract:
    """What central's file makes of the job."""
    _, dataset = upload(make_csv(200, seed=1))
    assert dataset is not None
    return dataset.contract


class GateUnderTest:
    """A gate in a thread, its host's end of the pipe, and workers played by functions. A context: everything ends with it, however.

    A gate that gave up says why and ends, before or after the next write to it: so a write that finds nobody is no event, and what the
    gate said last is read in its place.
    """

    def __init__(self, memory: mmap.mmap) -> None:
        self.memory = memory
        self._workers: list[Worker] = []
        self._host_socket, self._gate_socket = socket.socketpair()
        self.pipe = Pipe(self._host_socket.fileno())
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let the gate and its workers end."""
        self.hang_up()
        with contextlib.ExitStack() as workers:
            for worker in self._workers:
                workers.callback(worker.close)
                worker.hang_up()
            self.wait()
            for worker in self._workers:
                worker.wait()

    def _serve(self) -> None:
        pipe = Pipe(self._gate_socket.detach())
        with contextlib.closing(pipe):
            serve(pipe, self.memory, ISOLATION)

    def be_ready(self) -> None:
        assert isinstance(self.receive(), GateReady)

    def receive(self) -> GateToHost:
        frame = self.pipe.receive()
        assert frame.kind is Kind.MESSAGE
        return gate_to_host.decode(frame.payload)

    def ask(self, message: Message) -> GateToHost:
        with contextlib.suppress(ConnectionError):
            self.pipe.send(message)
        return self.receive()

    def upload(self, data: bytes | str) -> UploadReport:
        with contextlib.suppress(ConnectionError):
            for frame in data_frames(data.encode() if isinstance(data, str) else data):
                self.pipe.send_frame(frame)
            self.pipe.send_frame(Frame(Kind.END))
        report = self.receive()
        assert isinstance(report, UploadReport), report
        return report

    def attach(self, answer: Answer, *, rows_reviewed: bool = False) -> GateToHost:
        """Attach a worker that answers with a message, with raw bytes, or (None) by going away."""
        worker = Worker(answer)
        self._workers.append(worker)
        with worker.gate_end, contextlib.suppress(ConnectionError):
            self.pipe.send(AttachWorker(rows_reviewed))
            socket.send_fds(self._host_socket, [b"x"], [worker.gate_end.fileno()])
        return self.receive()

    def make_card(self, report: UploadReport, *, answers_points: bool = True, error: float = CARD_ERROR) -> CardMade:
        """Have a site's gate make the card of the file that it has read."""
        assert report.contract is not None
        names = tuple(report.contract.column(index).name for index in report.contract.model)
        made = self.ask(MakeCard(CARD_LIFE, names, error, answers_points))
        assert isinstance(made, CardMade), made
        return made

    def result(self) -> bytes:
        data = b""
        while (frame := self.pipe.receive()).kind is Kind.DATA:
            data += frame.payload
        assert frame.kind is Kind.END
        return data

    def hang_up(self) -> None:
        """Go away as a host does."""
        self._host_socket.close()

    def wait(self) -> None:
        """Wait for the gate to end by itself."""
        join(self._thread)

    @property
    def is_zero(self) -> bool:
        return not np.frombuffer(self.memory, dtype=np.uint8).any()


class Worker:
    """A worker in a thread; `gate_end` is what a gate is given."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._socket, self.gate_end = socket.socketpair()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def wait(self) -> None:
        join(self._thread)

    def close(self) -> None:
        self._socket.close()

    def _work(self) -> None:
        pipe = Pipe(self._socket.fileno())
        with contextlib.suppress(EOFError, OSError):
            while (said := self._answer(gate_to_worker.decode(pipe.receive().payload))) is not None:
                if isinstance(said, bytes):
                    os.write(pipe.fd, said)
                else:
                    pipe.send(said)
        self.hang_up()


def join(thread: threading.Thread) -> None:
    """Wait for a thread whose end is certain."""
    thread.join(JOIN_SECONDS)
    assert not thread.is_alive()


@pytest.fixture
def new_gate() -> Iterator[NewGate]:
    """Makes gates, and sees to it that all of them end."""
    with contextlib.ExitStack() as gates:

        def make(n_bytes: int = 16 << 20) -> GateUnderTest:
            gate = gates.enter_context(GateUnderTest(mmap.mmap(-1, n_bytes)))
            gate.be_ready()
            return gate

        yield make


@pytest.fixture
def gate(new_gate: NewGate) -> GateUnderTest:
    return new_gate()
