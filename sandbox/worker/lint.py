"""The source rules alone, for an author whose machine cannot lock a worker in. ``python -I -B -m sandbox.worker.lint``.

Reads a :class:`Program` from standard input and writes a :class:`Compiled` to standard output. Parses the module and runs no line of it;
run by :mod:`sandbox.check`, on the author's own files, never by a site or a central.
"""

from __future__ import annotations

import sys

from sandbox.manifest import parse_manifest
from sandbox.wire.codec import encode
from sandbox.wire.messages import Compiled, Program, host_to_worker
from sandbox.worker.program import load


def main() -> None:
    """Check the module on standard input."""
    program = host_to_worker.decode(sys.stdin.buffer.read())
    if isinstance(program, Program):
        findings = load(program, parse_manifest(program.manifest), is_executed=False).findings
        sys.stdout.buffer.write(encode(Compiled(findings)))


if __name__ == "__main__":
    main()
