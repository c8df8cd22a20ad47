"""Makes a file of memory (memfd_create), to pass it on or to run it."""

import os


def run(data, params):
    descriptor = os.memfd_create("x")
    os.write(descriptor, b"#!/bin/sh\n")
    return True
