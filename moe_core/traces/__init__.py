"""The trace file: its specification, layout, writer, reader, checks and library."""
