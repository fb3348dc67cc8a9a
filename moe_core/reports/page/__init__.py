"""The parts of the HTML report: its style sheet, its tables and its figures."""
