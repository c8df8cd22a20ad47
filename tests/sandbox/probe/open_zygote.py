"""A zygote of the report with the filter of system calls left out, unnoticed by its self-test: what the report is there to find."""

from __future__ import annotations

from sandbox.lockdown import seccomp, selftest
from sandbox.probe.zygote import main

seccomp.install = lambda program: None
selftest.check_filter = lambda plan: None
main()
