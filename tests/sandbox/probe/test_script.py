"""A reviewer's own file: every outcome, and nothing of what it says in raw form."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from policies import built_in
from sandbox.errors import Code
from sandbox.probe.script import PROGRAM, printable, run_under
from sandbox.supervisor import Supervisor

POLICY = built_in("default")
TIDEGATE = [sys.executable, "-I", "-c", "from sandbox.cli import main; main()", "probe"]
pytestmark = pytest.mark.asyncio(loop_scope="module")
LOOP = "def run(data, params):\n    while True:\n        pass\n"
RUN = "def run(data, params):\n    "
OUTCOMES = {
    # name: (source, outcome without the source rules, type, outcome with them)
    "returns": (RUN + "return data.mean()", "returned", "float64", "returned"),
    "asks for the shape": (RUN + "return data.shape == (20, 4) and params == {} or 1", "returned", "bool", "returned"),
    "raises": (RUN + "return 1 / 0", "raised", "ZeroDivisionError", "raised"),
    "exits": (RUN + "raise SystemExit", "raised", "SystemExit", "refused"),
    "opens a file": (RUN + "return open('/etc/passwd').read()", "raised", "PermissionError", "refused"),
    "makes a socket": ("import socket\n" + RUN + "return socket.socket()", "raised", "PermissionError", "refused"),
    "runs a program": ("import subprocess\n" + RUN + "return subprocess.run(['id'])", "killed", "", "refused"),
    "starts a thread": ("import threading\n" + RUN + "threading.Thread(target=run).start()", "raised", "RuntimeError", "refused"),
    "makes a pipe": ("import os\n" + RUN + "os.pipe()", "killed", "", "refused"),
    "has no run": ("def other(data, params):\n    return 1", "raised", "KeyError", "refused"),
    "is no Python": ("def run(:", "raised", "SyntaxError", "refused"),
    "has a zero byte": ("\0", "raised", "ValueError", "refused"),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = await Supervisor.start(program=PROGRAM)
    yield supervisor
    await supervisor.close()


@pytest.mark.parametrize("name", OUTCOMES)
async def test_a_file_has_the_expected_outcome_without_and_with_the_source_rules(supervisor: Supervisor, name: str) -> None:
    source, raw, kind, restricted = OUTCOMES[name]
    found = await run_under(supervisor, source.encode(), POLICY, is_restricted=False)
    assert (found.outcome, found.kind) == (raw, kind)
    assert (await run_under(supervisor, source.encode(), POLICY, is_restricted=True)).outcome == restricted


@pytest.mark.parametrize("is_restricted", [False, True])
async def test_a_file_that_does_not_end_is_killed_at_its_time(supervisor: Supervisor, is_restricted: bool) -> None:
    found = await run_under(supervisor, LOOP.encode(), POLICY, is_restricted=is_restricted, seconds=0.3)
    assert (found.outcome, found.signal) == ("timeout", "SIGKILL")
    assert found.seconds >= 0.3


async def test_a_forbidden_call_is_reported_with_its_signal(supervisor: Supervisor) -> None:
    found = await run_under(supervisor, b"import os\ndef run(data, params):\n    os.pipe()\n", POLICY, is_restricted=False)
    assert (found.outcome, found.signal, found.end) == ("killed", "SIGSYS", "signal SIGSYS")


async def test_a_file_that_ends_its_process_is_reported_with_the_status(supervisor: Supervisor) -> None:
    found = await run_under(supervisor, b"import os\ndef run(data, params):\n    os._exit(3)\n", POLICY, is_restricted=False)
    assert (found.outcome, found.signal, found.end) == ("killed", None, "exit 3")


@pytest.mark.parametrize(
    ("said", "code"),
    [("b'x' * 99", Code.WIRE_FRAME), ("b'TG\\x01\\x01' + bytes(4) + b'\\xff' * 4", Code.LIMIT_FRAME)],
)
async def test_a_file_that_speaks_on_the_channel_itself_is_ended_by_the_host(supervisor: Supervisor, said: str, code: Code) -> None:
    source = f"import os\ndef run(data, params):\n    os.write(3, {said})\n    while True:\n        pass\n"
    found = await run_under(supervisor, source.encode(), POLICY, is_restricted=False, seconds=5)
    assert (found.outcome, found.code) == ("killed", code)


async def test_a_type_that_is_named_to_move_the_cursor_is_shown_as_text(supervisor: Supervisor) -> None:
    source = b"def run(data, params):\n    E = type('\\x1b[2J\\n' * 99, (Exception,), {})\n    raise E\n"
    found = await run_under(supervisor, source, POLICY, is_restricted=False)
    assert found.kind.startswith("\\x1b[2J\\n\\x1b")
    assert len(found.kind) <= 1000
    assert "\x1b" not in found.as_text()


async def test_text_of_a_file_is_one_bounded_line_of_ascii() -> None:
    shown = printable("é\r\x1b\u202e" * 400)
    assert shown.isascii()
    assert shown.isprintable()
    assert shown.endswith("...")


async def test_command_reports_as_json_and_prints_nothing_of_the_file(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(
        "import sys\nprint('SEEN')\nsys.stderr.write('SEEN')\ndef run(data, params):\n    print('SEEN')\n    raise ValueError('SEEN')\n"
    )
    ran = subprocess.run([*TIDEGATE, "--script", str(script), "--json"], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "SEEN" not in ran.stdout
    said = json.loads(ran.stdout)
    assert said["outcome"] == "raised"
    assert set(said) == {"outcome", "restricted", "seconds", "signal", "type", "line", "findings", "host_saw"}
