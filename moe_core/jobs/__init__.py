"""Long work as generators of events whose return value is the result; closing the generator cancels it."""
