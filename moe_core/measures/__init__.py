"""What is measured of a trace: scopes, metrics, tables, filters and profiles; never torch."""
