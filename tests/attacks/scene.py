"""What attacks reach for: a canary file, listening sockets, a process to harm, a secret in an environment. Made so that only the lockdown
stands in the way: files are open to everybody, the process runs as whom a locked worker runs as.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

CANARY: Final = "the canary sings"
VARIABLE: Final = "TIDEGATE_ATTACK_CANARY"
MASK: Final = 0x5A
NOBODY: Final = 65534


def masked(text: str) -> str:
    """A secret as scripts are told it, so that they do not find their own copy: each byte with :data:`MASK` applied, in hexadecimal."""
    return bytes(byte ^ MASK for byte in text.encode()).hex()


def _is_root_of_the_machine() -> bool:
    """Whether this is root, and not only inside a name space that knows no other user."""
    return os.geteuid() == 0 and Path("/proc/self/uid_map").read_text().split()[2] == str(2**32 - 1)


class Scene:
    """One set of targets. `close` takes everything down."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tidegate-attack-"))
        self.folder.chmod(0o777)
        self.canary = self.folder / "canary"
        self.canary.write_text(CANARY)
        self.canary.chmod(0o666)
        self._before = self.canary.stat()
        self._tcp = self._listen(socket.socket(), ("127.0.0.1", 0))
        self._tcp6 = self._listen(socket.socket(socket.AF_INET6), ("::1", 0)) if socket.has_dualstack_ipv6() else None
        self._udp = self._bind(socket.socket(type=socket.SOCK_DGRAM), ("127.0.0.1", 0))
        self._unix = self._listen(socket.socket(socket.AF_UNIX), str(self.folder / "socket"))
        (self.folder / "socket").chmod(0o777)
        self._abstract = self._listen(socket.socket(socket.AF_UNIX), f"\0tidegate-{os.getpid()}-{id(self)}")
        self._victim: subprocess.Popen[bytes] | None = None

    def params(self, *, is_control: bool) -> dict[str, Any]:
        """What a script is told: where everything is, and how much harm to do."""
        return {
            "canary": str(self.canary),
            "folder": str(self.folder),
            "tcp": self._tcp.getsockname()[1],
            "udp": self._udp.getsockname()[1],
            "unix": str(self.folder / "socket"),
            "abstract": self._abstract.getsockname()[1:].decode(),
            "victim": self.victim,
            "host": os.getpid(),
            "needle": masked(CANARY),
            "variable": VARIABLE,
            "n": 1 if is_control else 40,
            "mib": 64 if is_control else 1500,
            "is_control": is_control,
        }

    @property
    def victim(self) -> int:
        """A process that may be harmed, with the canary in its environment."""
        if self._victim is None or self._victim.poll() is not None:
            # As whom a locked worker runs, so that the user alone does not protect it.
            who: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if _is_root_of_the_machine() else {}
            self._victim = subprocess.Popen(["/bin/sleep", "600"], env={VARIABLE: CANARY}, cwd="/", **who)
        return self._victim.pid

    def damage(self) -> list[str]:
        """What was done to it, in words; nothing when it is untouched."""
        found = []
        if self.canary.read_text() != CANARY:
            found.append("the canary was written")
        if sorted(path.name for path in self.folder.iterdir()) != ["canary", "socket"]:
            found.append("files were made or removed")
        now = self.canary.stat()
        if (now.st_mode, now.st_nlink, now.st_mtime_ns) != (self._before.st_mode, self._before.st_nlink, self._before.st_mtime_ns):
            found.append("mode, links or times of the canary were changed")
        listeners = {"TCP": self._tcp, "TCP over IPv6": self._tcp6, "a socket file": self._unix, "an abstract socket": self._abstract}
        for name, listener in listeners.items():
            if listener is not None and self._was_reached(listener):
                found.append(f"{name} was reached")
        try:
            self._udp.recv(64)
        except BlockingIOError:
            pass
        else:
            found.append("UDP was reached")
        if self._victim is not None and self._victim.poll() is not None:
            found.append("the other process was ended")
        return found

    def close(self) -> None:
        """Take everything down."""
        for end in (self._tcp, self._tcp6, self._udp, self._unix, self._abstract):
            if end is not None:
                end.close()
        if self._victim is not None:
            self._victim.kill()
            self._victim.wait()
        shutil.rmtree(self.folder)

    @staticmethod
    def _was_reached(listener: socket.socket) -> bool:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    @staticmethod
    def _bind(end: socket.socket, address: Any) -> socket.socket:
        end.bind(address)
        end.setblocking(False)
        return end

    def _listen(self, end: socket.socket, address: Any) -> socket.socket:
        self._bind(end, address).listen(64)
        return end
