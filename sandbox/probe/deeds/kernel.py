"""The kernel itself: privileges, limits, namespaces, and the interfaces through which kernels have been attacked."""

from __future__ import annotations

import ctypes
import os
import resource
from typing import Final

from sandbox.probe.deed import FOREIGN, IS_X86, Group, raw

KERNEL: Final = Group("kernel")
_CLONE_NEWUSER: Final = 0x10000000


@KERNEL.deed("raise a limit", required=True)
def _raise_a_limit() -> None:
    limit = (ctypes.c_ulong * 2)(16, 16)
    raw(302 if IS_X86 else 261, 0, resource.RLIMIT_NOFILE, limit, None)


@KERNEL.deed("become dumpable", required=True)
def _become_dumpable() -> None:
    raw(157 if IS_X86 else 167, 4, 1, 0, 0, 0)


@KERNEL.deed("become root")
def _become_root() -> None:
    os.setuid(0)


KERNEL.call("enter_a_user_namespace", "enter a namespace of its own", (272, 97), _CLONE_NEWUSER)
KERNEL.call("enter_another_namespace", "enter another's namespace", (308, 268), FOREIGN, 0)
KERNEL.call("set_up_io_uring", "set up io_uring", (425, 425), 1, None)
KERNEL.call("load_bpf", "load a BPF program", (321, 280), 99, None, 0)
KERNEL.call("count_performance", "open a performance counter", (298, 241), None, 0, -1, -1, 0)
KERNEL.call("handle_page_faults", "handle page faults itself", (323, 282), 1)
KERNEL.call("use_keyrings", "use the kernel's keys", (250, 219), 0, -3, 0)
KERNEL.call("change_its_filter", "install another filter of system calls", (317, 277), 99, 0, None, required=True)
KERNEL.call("ask_for_landlock", "use Landlock", (444, 444), None, 0, 1)
KERNEL.call("change_personality", "change its execution domain", (135, 92), 0xFFFFFFFF)
KERNEL.call("load_a_module", "load a kernel module", (175, 105), None, 0, None)
KERNEL.call("set_the_clock", "set the clock", (227, 112), 0, None)
KERNEL.call("name_of_the_machine", "ask for the name of the machine", (63, 160), ctypes.create_string_buffer(512), required=True)
KERNEL.call("load_of_the_machine", "ask for the load of the machine", (99, 179), ctypes.create_string_buffer(512), required=True)
KERNEL.call("open_an_event", "make an event descriptor", (290, 19), 0, 0, required=True)
KERNEL.call("open_epoll", "make an epoll descriptor", (291, 20), 0, required=True)
