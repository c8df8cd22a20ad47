"""Waits for ever on a lock that nobody frees."""

import _thread


def run(data, params):
    lock = _thread.allocate_lock()
    lock.acquire()
    lock.acquire(timeout=0.01 if params["is_control"] else -1)
    return True
