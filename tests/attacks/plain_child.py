"""The control: runs scripts in plain children, one fork each, so that a deed that fails in a locked worker is seen to succeed without one.

``plain_child.py``: a line of JSON in (source, params), a line of JSON out (outcome). Nothing is locked down here, so scripts are told to
be harmless: one fork, 64 MB, a signal to a process made for it, files in a temporary folder.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import raw_zygote

SECONDS = 10.0


def child(request: dict[str, object]) -> int:
    """Fork one; the descriptor its outcome is read from."""
    # What a host that forks workers from itself would hold: a secret, here and there on its heap.
    secrets = [os.environ.get(request["params"]["variable"], "").encode() + b"" for _ in range(1000)]  # type: ignore[index]
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        outcome = raw_zygote.perform(str(request["source"]), {**request["params"], "is_control": True})  # type: ignore[dict-item]
        os.write(writing, outcome.encode())
        os._exit(0)
    del secrets
    os.close(writing)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            break
        time.sleep(0.002)
    else:
        os.killpg(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    said = b""
    os.set_blocking(reading, False)
    try:
        said = os.read(reading, 4096)
    except BlockingIOError:
        said = b""
    os.close(reading)
    if not said and os.WIFSIGNALED(status):
        said = f"killed {signal.Signals(os.WTERMSIG(status)).name}".encode()
    sys.stdout.write(json.dumps({"outcome": said.decode()}) + "\n")
    sys.stdout.flush()
    return status


def main() -> None:
    """Serve until the input ends."""
    for line in sys.stdin:
        child(json.loads(line))


if __name__ == "__main__":
    main()
