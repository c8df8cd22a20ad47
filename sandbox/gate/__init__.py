"""The trusted child that owns the rows and decides what leaves."""
