"""Which exact bytes the owner has approved, for which job, when."""
