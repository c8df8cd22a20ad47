"""How code runs and what may leave: wire, lockdown, gate, worker, rounds, and the author's commands."""
