"""The filter of system calls: an assembler from a plan's rules to BPF (pure), and its installation.

Assembled by hand rather than with libseccomp: no library to find at run time, and the rules need checks of arguments anyway. Every block
of the program loads what it looks at and ends in a verdict, so blocks are independent and their order changes speed, not meaning.
"""

from __future__ import annotations

import ctypes
import struct
from functools import cache
from typing import Final

from sandbox.lockdown.kernel import call
from sandbox.lockdown.plan import Allow, Check, InRange, Rule
from sandbox.lockdown.syscalls import Architecture, number

KILL_PROCESS: Final = 0x80000000
ERRNO: Final = 0x00050000
ALLOW: Final = 0x7FFF0000

LOAD_WORD: Final = 0x20
JUMP_EQUAL: Final = 0x15
JUMP_AT_LEAST: Final = 0x35
JUMP_ANY_BIT: Final = 0x45
RETURN: Final = 0x06

INSTRUCTION: Final = struct.Struct("<HBBI")
_OFFSET_NUMBER: Final = 0
_OFFSET_ARCHITECTURE: Final = 4
_OFFSET_ARGUMENTS: Final = 16
_ARGUMENT_BYTES: Final = 8

_SET_MODE_FILTER: Final = 1
_ALL_THREADS: Final = 1


@cache
def assemble(rules: tuple[Rule, ...], architecture: Architecture) -> bytes:
    """The program for `rules`: kill on a foreign architecture, the x32 table, and every call that no rule names."""
    program = [
        _instruction(LOAD_WORD, _OFFSET_ARCHITECTURE),
        _instruction(JUMP_EQUAL, architecture.audit, 1, 0),
        _instruction(RETURN, KILL_PROCESS),
        _instruction(LOAD_WORD, _OFFSET_NUMBER),
    ]
    if architecture.x32_bit:
        program += [_instruction(JUMP_AT_LEAST, architecture.x32_bit, 0, 1), _instruction(RETURN, KILL_PROCESS)]
    for rule in rules:
        body = _body(rule)
        program += [_instruction(JUMP_EQUAL, number(rule.name, architecture), 0, len(body)), *body]
    program.append(_instruction(RETURN, KILL_PROCESS))
    return b"".join(program)


def install(program: bytes) -> None:
    """Put `program` on every thread of this process, for good. Needs no_new_privs. Raises :class:`OSError` when a thread cannot follow."""
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a 16-bit length, padding, the address of the instructions.
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program) // INSTRUCTION.size, ctypes.addressof(buffer)))
    thread = call("seccomp", _SET_MODE_FILTER, _ALL_THREADS, header)
    if thread != 0:
        raise OSError("a thread could not take the filter")


def _body(rule: Rule) -> list[bytes]:
    """What happens when the call is the rule's: the checks, then the verdict."""
    if not isinstance(rule, Allow):
        return [_instruction(RETURN, ERRNO | rule.error)]
    refuse = _instruction(RETURN, ERRNO | rule.otherwise)
    return [step for check in rule.checks for step in _checked(check, refuse)] + [_instruction(RETURN, ALLOW)]


def _checked(check: Check, refuse: bytes) -> list[bytes]:
    load = _instruction(LOAD_WORD, _OFFSET_ARGUMENTS + _ARGUMENT_BYTES * check.argument)
    if isinstance(check, InRange):
        return [
            load,
            _instruction(JUMP_AT_LEAST, check.low, 1, 0),
            refuse,
            _instruction(JUMP_AT_LEAST, check.high + 1, 0, 1),
            refuse,
        ]
    return [load, _instruction(JUMP_ANY_BIT, check.mask, 0, 1), refuse]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return INSTRUCTION.pack(code, if_true, if_false, value)
