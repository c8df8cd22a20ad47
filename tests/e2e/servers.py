"""Real server processes on loopback, driven through their public commands and HTTP interfaces. For the demo and the end-to-end tests."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

BIN: Final = Path(sys.executable).parent
READY_SECONDS: Final = 120.0
PATIENCE: Final = 120.0
"""Seconds in which everything comes, on a busy machine too, that comes at all."""
PASSWORD_BYTES: Final = 12
CA_PATH: Final = "/.well-known/tidegate/ca.pem"


class ServerError(RuntimeError):
    """A server did not start, or answered with an error; the text is for the person who runs the demo or the test."""


def free_port() -> int:
    """A loopback port that is free now and stays so: the system gives none below 32768 to a client, and a server may need it again."""
    while True:
        port = 20000 + secrets.randbelow(12000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def run_command(*arguments: str, text: str = "", env: dict[str, str] | None = None) -> str:
    """Run a command of the project to its end; what it printed."""
    done = subprocess.run(
        [str(BIN / arguments[0]), *arguments[1:]], input=text, capture_output=True, text=True, check=False, timeout=120, env=env
    )
    if done.returncode:
        raise ServerError(f"{' '.join(arguments)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Server:
    """One server process with its log in a file."""

    def __init__(self, name: str, arguments: list[str], folder: Path, env: dict[str, str] | None = None) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._arguments = arguments
        self._env = {**os.environ, **(env or {})}
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [str(BIN / self._arguments[0]), *self._arguments[1:]], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env
            )

    def wait_until_ready(self, client: httpx.Client, path: str) -> None:
        """Poll until the server answers; raises :class:`ServerError` with the end of its log when it does not."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                client.get(path)
                return
            time.sleep(0.1)
        raise ServerError(f"{self.name} did not start:\n{self.log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """Ask the process to end; kill it when it does not."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        self.process.kill()
        self.process.wait()

    @contextlib.contextmanager
    def speechless(self) -> Iterator[None]:
        """Meanwhile its gates and workers stand still: the server is there, and answers no question. They go on at the end, if alive."""
        children = list(_descendants(self.process.pid))
        for child in children:
            os.kill(child, signal.SIGSTOP)
        try:
            yield
        finally:
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGCONT)

    def restart(self) -> None:
        """Start the process again with the same arguments."""
        self.process = self._start()


def _descendants(pid: int) -> Iterator[int]:
    """The processes that a process has begun, and those that they have."""
    for found in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, found.read_text().split()):
            yield child
            yield from _descendants(child)


class Api:
    """A signed-in client of one server."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def sign_in(self, **credentials: str) -> None:
        """Open a session and use its token from here on."""
        token = self.call("POST", "/api/sessions", json=credentials)["token"]
        self.client.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """A request that must succeed; the JSON of its answer."""
        response = self.client.request(method, path, **arguments)
        if response.is_error:
            raise ServerError(f"{method} {path}: {response.status_code} {response.text[:1000]}")
        return response.json() if response.content else None

    def upload(self, job_id: str, csv: Path) -> Any:
        """Stream a CSV file into the gate of a job."""
        with csv.open("rb") as file:
            return self.call(
                "PUT", f"/api/jobs/{job_id}/data", content=iter(lambda: file.read(1 << 18), b""), headers={"Content-Type": "text/csv"}
            )


@contextlib.contextmanager
def _closing_on_failure(made: Central | Site) -> Iterator[None]:
    """What was started ends when what follows its start fails: nobody else knows of it yet."""
    try:
        yield
    except BaseException:
        made.close()
        raise


class Central:
    """A central server with an admin, made from nothing."""

    def __init__(self, folder: Path, env: dict[str, str] | None = None) -> None:
        self.folder = folder / "central"
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.admin_password = secrets.token_urlsafe(PASSWORD_BYTES)
        env = {**os.environ, **(env or {})}
        arguments = ["init", "--data", str(self.folder), "--host", "localhost", "--host", "127.0.0.1", "--admin", "admin"]
        run_command("tidegate-central", *arguments, text=self.admin_password + "\n", env=env)
        self.fingerprint = run_command("tidegate-central", "fingerprint", "--data", str(self.folder), env=env).strip().split()[-1]
        self._clients: list[httpx.Client] = []
        self.server = Server("central", ["tidegate-central", "serve", "--data", str(self.folder), "--port", str(self.port)], folder, env)
        with _closing_on_failure(self):
            with httpx.Client(base_url=self.url, verify=False, trust_env=False) as client:  # noqa: S501 - the fingerprint is trusted
                self.server.wait_until_ready(client, CA_PATH)
                pem = client.get(CA_PATH).text
            self.tls = ssl.create_default_context(cadata=pem)
            self.admin = self.api()
            self.admin.sign_in(username="admin", password=self.admin_password)

    def api(self) -> Api:
        """A client that trusts this central's CA only."""
        client = httpx.Client(base_url=self.url, verify=self.tls, timeout=60, trust_env=False)
        self._clients.append(client)
        return Api(client)

    def close(self) -> None:
        """Stop the server and close every client."""
        self.server.stop()
        for client in self._clients:
            client.close()

    def register(self, username: str, institution: str, roles: list[str]) -> tuple[str, str]:
        """A person registers and the admin approves; password and site_id (empty without the role `site`)."""
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        registration = {"username": username, "password": password, "email": f"{username}@example.org", "institution": institution}
        self.api().call("POST", "/api/accounts", json=registration)
        account = next(a for a in self.admin.call("GET", "/api/accounts") if a["username"] == username)
        answer = self.admin.call("POST", f"/api/accounts/{account['id']}/approve", json={"roles": roles})
        return password, answer.get("site_id") or ""


class Site:
    """A site's server, enrolled at a central."""

    def __init__(self, folder: Path, central: Central, name: str, institution: str, policy: str = "default") -> None:
        self.name = name
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.owner_password = secrets.token_urlsafe(PASSWORD_BYTES)
        self.password, self.site_id = central.register(name, institution, ["site"])
        env = {**os.environ, "TIDEGATE_SITE_POLICY": policy}
        run_command("tidegate-site", "init", "--data", str(self.folder), text=self.owner_password + "\n", env=env)
        self.server = Server(name, ["tidegate-site", "serve", "--data", str(self.folder), "--port", str(self.port)], folder, env)
        self.api = Api(httpx.Client(base_url=self.url, timeout=60, trust_env=False))
        with _closing_on_failure(self):
            self.server.wait_until_ready(self.api.client, "/")
            self.api.sign_in(password=self.owner_password)
            config = {"central_url": central.url, "site_id": self.site_id, "ca_fingerprint": central.fingerprint}
            self.api.call("PUT", "/api/config", json=config)
            self.api.call("POST", "/api/enrolment", json={"username": name, "password": self.password})

    def close(self) -> None:
        """Stop the server and close the client."""
        self.server.stop()
        self.api.client.close()

    def wait_for_job(self, job_id: str, ready: str, seconds: float = PATIENCE) -> Any:
        """Poll the site's own view of a job until `ready` is true in it."""
        return poll(lambda: self._job(job_id), lambda job: job is not None and bool(job.get(ready)), seconds, f"{self.name}: {ready}")

    def ledger_until(self, job_id: str, kind: str, seconds: float = PATIENCE) -> list[dict[str, Any]]:
        """The ledger of a job at this site, once its last line is of a kind: a job has ended a moment before its rows are wiped."""
        lines: list[dict[str, Any]] = poll(
            lambda: self.api.call("GET", f"/api/jobs/{job_id}/ledger"),
            lambda found: bool(found) and found[-1]["kind"] == kind,
            seconds,
            f"{self.name}: a line {kind} in the ledger",
        )
        return lines

    def _job(self, job_id: str) -> Any:
        response = self.api.client.get(f"/api/jobs/{job_id}")
        return response.json() if response.is_success else None


def poll(read: Any, until: Any, seconds: float, what: str) -> Any:
    """Read again and again until the condition holds; raises :class:`ServerError` with the last state."""
    deadline = time.monotonic() + seconds
    while True:
        state = read()
        if until(state):
            return state
        if time.monotonic() > deadline:
            raise ServerError(f"waited {seconds} s for {what}; last: {str(state)[:1500]}")
        time.sleep(0.2)
