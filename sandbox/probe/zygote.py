"""The zygote of the report: the production loop, plan and order of lockdown, with roles that do deeds.

``python -I -B -m sandbox.probe.zygote DESCRIPTOR``, run by a supervisor that :mod:`sandbox.probe.runner` starts for the report alone.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from typing import Final

import sandbox.zygote as production
from sandbox.control import Control
from sandbox.nursery import Nursery, Roles
from sandbox.probe import inside

PRELOADED: Final = (ctypes, json, os, signal, socket, struct, subprocess, threading)
"""For a reviewer's file: a locked child can open no module, so what is not here could not be tried."""


def main() -> None:
    """Serve the supervisor on the descriptor that the command line names."""
    production.load_late_parts()
    roles = Roles(gate=inside.gate, worker=inside.worker, start_threads=production.start_threads)
    Nursery(Control(socket.socket(fileno=int(sys.argv[1]))), roles).serve()


if __name__ == "__main__":
    main()
