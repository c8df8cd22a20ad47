"""The simulation study: are the imputations right? `make study` runs it and writes the table of `algorithms/README.md`."""
