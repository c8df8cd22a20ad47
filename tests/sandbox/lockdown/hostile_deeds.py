"""What a hostile child may try, each as a function without arguments that returns when it got through.

The same deeds run in a plain process, where they must succeed, and in locked children, where they must not.
"""

from __future__ import annotations

import _thread
import ctypes
import errno
import mmap
import os
import platform
import signal
import socket
import sys
import tempfile
import time

LIBC = ctypes.CDLL(None, use_errno=True)
IS_X86 = platform.machine() == "x86_64"
PARENT = os.getppid()
SELF = os.getpid()


def raw(number: int, *arguments: object) -> int:
    """A system call by number; an invalid argument means that the call was carried out."""
    result = LIBC.syscall(number, *arguments)
    code = ctypes.get_errno()
    if result < 0 and code in (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EBADF):
        raise OSError(code, os.strerror(code))
    return result


def open_a_file() -> None:
    os.close(os.open(sys.executable, os.O_RDONLY))


def write_a_file() -> None:
    path = f"/dev/shm/tidegate-deed-{SELF}"  # noqa: S108
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    os.unlink(path)


def stat_a_file() -> None:
    os.stat("/")


def list_a_folder() -> None:
    os.listdir("/")


def open_openat2() -> None:
    raw(437, -100, b"/dev/null", b"\0" * 24, 24)


def make_tcp_socket() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()


def make_udp_socket() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()


def make_unix_socket() -> None:
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).close()


def make_socketpair() -> None:
    for end in socket.socketpair():
        end.close()


def make_pipe() -> None:
    for end in os.pipe():
        os.close(end)


def fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def start_thread() -> None:
    _thread.start_new_thread(int, ())


def execute() -> None:
    os.execv("/bin/true", ["true"])  # noqa: S606


def signal_the_parent() -> None:
    os.kill(PARENT, 0)


def stop_itself() -> None:
    os.kill(SELF, signal.SIGCONT)


def write_standard_output() -> None:
    os.write(1, b"")


def read_standard_input() -> None:
    os.read(0, 0)


def read_another_descriptor() -> None:
    os.read(FOREIGN, 0)


def duplicate_the_channel() -> None:
    os.close(os.dup(1))


def map_writable_and_executable() -> None:
    mmap.mmap(-1, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


def make_a_map_executable() -> None:
    memory = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    raw(10 if IS_X86 else 226, ctypes.c_long(address), ctypes.c_long(4096), 5)


def map_shared_memory() -> None:
    mmap.mmap(-1, 4096, mmap.MAP_SHARED)


def map_growing_memory() -> None:
    mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | 0x100)


def make_a_memfd() -> None:
    os.close(os.memfd_create("x"))


def become_dumpable() -> None:
    raw(157 if IS_X86 else 167, 4, 1, 0, 0, 0)


def raise_a_limit() -> None:
    limit = (ctypes.c_ulong * 2)(16, 16)
    raw(302 if IS_X86 else 261, 0, 7, limit, None)


def become_traced() -> None:
    raw(101 if IS_X86 else 117, 0, 0, 0, 0)


def read_memory_of_a_process() -> None:
    raw(310 if IS_X86 else 270, SELF, None, 0, None, 0, 0)


def open_a_pidfd() -> None:
    os.close(os.pidfd_open(SELF))


def set_up_io_uring() -> None:
    raw(425, 1, None)


def load_bpf() -> None:
    raw(321 if IS_X86 else 280, 99, None, 0)


def change_directory() -> None:
    os.chdir("/")


def sleep() -> None:
    time.sleep(0.001)


def take_600_mb() -> None:
    mmap.mmap(-1, 600 << 20, mmap.MAP_PRIVATE)


def take_600_mb_in_small_pieces() -> None:
    pieces = []
    for _ in range(600 << 4):
        pieces.append(bytes(1 << 16))


FOREIGN = 5
"""A descriptor that is open in the plain child, and that a gate may read if it were open."""

DEEDS = {
    name: deed
    for name, deed in list(globals().items())
    if callable(deed) and getattr(deed, "__module__", "") == __name__ and name not in ("raw",)
}


def outcome(name: str) -> str:
    """What became of a deed: `done`, `errno N`, or the kind of error."""
    try:
        DEEDS[name]()
    except OSError as error:
        return f"errno {error.errno}"
    except (MemoryError, RuntimeError) as error:
        return type(error).__name__
    return "done"


def main() -> None:
    """One deed in a plain process: prints its outcome."""
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), FOREIGN)
    sys.stdout.write(outcome(sys.argv[1]))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
