"""Proofs of this machine's isolation: made when the owner asks, kept, and named in the record of every start."""
