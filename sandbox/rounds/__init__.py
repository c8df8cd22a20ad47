"""The round engine: drives a job over participants, wherever they are."""
