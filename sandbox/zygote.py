"""The zygote: the program that gates and workers are forked from. ``python -I -B -m sandbox.zygote DESCRIPTOR``, run by the supervisor.

It imports everything that a locked child will use, because a locked child can open no file, and it never sees a row. It is the only module
that imports gate and worker, so that a host reaches NumPy not even indirectly.
"""

from __future__ import annotations

import codecs
import contextlib
import decimal
import hashlib
import hmac
import io
import socket
import sys
import time
import traceback
import unicodedata
import zipfile
from typing import Final

import numpy as np
import orjson
import pandas as pd
import RestrictedPython
import RestrictedPython.Guards
import scipy.linalg
import scipy.optimize
import scipy.special

import sandbox.gate.serve
import sandbox.worker.serve
from sandbox.control import Control
from sandbox.gate.draws import RowDraws
from sandbox.gate.text import ENCODING_NAMES
from sandbox.nursery import Nursery, Roles

PRELOADED: Final = (decimal, hmac, traceback, unicodedata, RestrictedPython, RestrictedPython.Guards, scipy.optimize, scipy.special)
"""Imported for the children: they use these, or a library does at its first use."""

_BLAS_ORDER: Final = 400
"""A product of this order is large enough for OpenBLAS to start its threads."""


def start_threads() -> None:
    """Have BLAS start its threads, both NumPy's and SciPy's copy."""
    square = np.ones((_BLAS_ORDER, _BLAS_ORDER))
    np.dot(square, square)
    scipy.linalg.blas.dgemm(1.0, square, square)


def load_late_parts() -> None:
    """Run once what libraries import or open only when it is first used."""
    text = b'1,2.5,"3"\nNA,3,x\n'
    for column in (0, 2):
        with contextlib.suppress(ValueError):  # the last column holds a word, so that what an error needs is loaded as well
            pd.read_csv(io.BytesIO(text), header=None, usecols=[column], dtype=np.float64, na_values=["NA"], keep_default_na=False)
    numbers = np.arange(6.0).reshape(2, 3)
    for use in (np.mean, np.std, np.var, np.median, repr, str):
        use(numbers)
    repr(numbers.dtype)
    np.random.Generator(np.random.Philox(key=1)).standard_normal(2)
    RowDraws(bytes(16)).normal(1, 1, np.arange(2))
    orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)
    scipy.linalg.cho_solve(scipy.linalg.cho_factor(np.eye(2)), np.ones(2))
    with zipfile.ZipFile(io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("warm", b"up")
    hmac.digest(b"key", hashlib.sha256(text).digest(), "sha256")
    time.localtime()
    for encoding in ("ascii", "cp437", "latin-1", "utf-8-sig", "idna", *ENCODING_NAMES):
        "x".encode(encoding).decode(encoding)
        codecs.getincrementaldecoder(encoding)
    unicodedata.normalize("NFC", "x")


def main() -> None:
    """Serve the supervisor on the descriptor that the command line names."""
    load_late_parts()
    roles = Roles(gate=sandbox.gate.serve.serve, worker=sandbox.worker.serve.serve, start_threads=start_threads)
    Nursery(Control(socket.socket(fileno=int(sys.argv[1]))), roles).serve()


if __name__ == "__main__":
    main()
