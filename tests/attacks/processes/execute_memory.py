"""Runs a program from memory (memfd_create, execveat)."""

import ctypes
import os
import platform


def run(data, params):
    program = b"#!/bin/sh\n"
    if params["is_control"]:
        with open("/bin/true", "rb") as file:
            program = file.read()
    descriptor = os.memfd_create("x")
    os.write(descriptor, program)
    pid = os.fork()
    if pid == 0:
        number = 322 if platform.machine() == "x86_64" else 281
        arguments = (ctypes.c_char_p * 2)(b"true", None)
        ctypes.CDLL(None).syscall(number, descriptor, b"", arguments, None, 0x1000)
        os._exit(1)
    return os.waitpid(pid, 0)[1] == 0
