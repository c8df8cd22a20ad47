"""Files and folders: by every way in, among them the calls that Landlock does not cover."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Final

from sandbox.probe.deed import FOREIGN, HOST, PROGRAM, Group

FILES: Final = Group("files")
NOWHERE: Final = b"/tidegate-no-such-folder/file"
"""A path that the kernel would look up, and not find."""
HERE: Final = -100  # AT_FDCWD


@FILES.deed("read a file", required=True)
def _read_a_file() -> None:
    os.close(os.open(sys.executable, os.O_RDONLY))


@FILES.deed("write a file", required=True)
def _write_a_file() -> None:
    path = os.path.join(tempfile.gettempdir(), f"tidegate-probe-{PROGRAM}")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    os.unlink(path)


@FILES.deed("list a folder", required=True)
def _list_a_folder() -> None:
    os.listdir("/")


@FILES.deed("ask whether a file is there", required=True)
def _stat_a_file() -> None:
    os.stat("/")


@FILES.deed("change the working directory", required=True)
def _change_directory() -> None:
    os.chdir("/")


@FILES.deed("read a descriptor it was not given", required=True)
def _read_another_descriptor() -> None:
    os.read(FOREIGN, 0)


@FILES.deed("find any inherited descriptor", required=True)
def _find_a_descriptor() -> None:
    for descriptor in range(4, 256):
        try:
            os.read(descriptor, 0)
        except OSError:
            continue
        return
    raise OSError(9, "none is open")


@FILES.deed("read standard input", required=True)
def _read_standard_input() -> None:
    os.read(0, 0)


@FILES.deed("write standard output", required=True)
def _write_standard_output() -> None:
    os.write(1, b"")


@FILES.deed("duplicate a descriptor", required=True)
def _duplicate_a_descriptor() -> None:
    os.close(os.dup(1))


@FILES.deed("read its own entry in /proc", required=True)
def _read_proc_self() -> None:
    os.close(os.open("/proc/self/status", os.O_RDONLY))


@FILES.deed("read the environment of its host in /proc")
def _read_environment_of_host() -> None:
    os.close(os.open(f"/proc/{HOST}/environ", os.O_RDONLY))


@FILES.deed("open its own memory in /proc for writing")
def _open_proc_mem() -> None:
    os.close(os.open("/proc/self/mem", os.O_RDWR))


FILES.call("open_openat2", "open a file by openat2", (437, 437), HERE, b"/dev/null", b"\0" * 24, 24)
FILES.call("open_the_old_way", "open a file by open", (2, -1), b"/dev/null", 0)
FILES.call("create_the_old_way", "create a file by creat", (85, -1), NOWHERE, 0)
FILES.call("read_a_link", "read a link", (267, 78), HERE, NOWHERE, b"\0" * 8, 8)
FILES.call("check_access", "ask for the rights to a file", (269, 48), HERE, NOWHERE, 0)
FILES.call("stat_extended", "ask whether a file is there by statx", (332, 291), HERE, NOWHERE, 0, 0, b"\0" * 256)
FILES.call("stat_a_file_system", "ask about a file system", (137, 43), NOWHERE, b"\0" * 256)
FILES.call("change_times", "set the times of a file (Landlock lets it)", (280, 88), HERE, NOWHERE, None, 0)
FILES.call("change_mode", "set the rights of a file", (268, 53), HERE, NOWHERE, 0)
FILES.call("change_owner", "set the owner of a file", (260, 54), HERE, NOWHERE, -1, -1, 0)
FILES.call("truncate", "cut a file", (76, 45), NOWHERE, 0)
FILES.call("delete", "delete a file", (263, 35), HERE, NOWHERE, 0)
FILES.call("rename", "rename a file", (316, 276), HERE, NOWHERE, HERE, NOWHERE, 0)
FILES.call("make_a_link", "link a file", (265, 37), HERE, NOWHERE, HERE, NOWHERE, 0)
FILES.call("make_a_symbolic_link", "make a symbolic link", (266, 36), b"x", HERE, NOWHERE)
FILES.call("make_a_folder", "make a folder", (258, 34), HERE, NOWHERE, 0)
FILES.call("make_a_node", "make a named pipe", (259, 33), HERE, NOWHERE, 0o10600, 0)
FILES.call("get_a_file_handle", "take a handle of a file", (303, 264), HERE, NOWHERE, b"\0" * 8, b"\0" * 4, 0)
FILES.call("read_a_folder", "read the entries of a folder", (217, 61), FOREIGN, b"\0" * 64, 64)
FILES.call("control_a_file", "ioctl", (16, 29), FOREIGN, 0x5401, b"\0" * 64)
FILES.call("flags_of_a_file", "fcntl", (72, 25), FOREIGN, 1, 0)
FILES.call("copy_between_files", "copy between descriptors", (40, 71), FOREIGN, FOREIGN, None, 0)
FILES.call("watch_files", "watch files", (294, 26), 0)
FILES.call("change_root", "change the root", (161, 51), NOWHERE)
FILES.call("mount", "mount", (165, 40), None, NOWHERE, None, 0, None)
