"""The process that `tidegate probe --central` starts: hosts do not load NumPy, and a reviewer's file does what it likes."""

from __future__ import annotations

import sys

import msgspec

from sandbox.reviewer.attack import Inputs, run

sys.exit(run(msgspec.json.decode(sys.argv[1], type=Inputs)))
