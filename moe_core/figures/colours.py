"""Colours that mean something wherever they stand (Okabe and Ito's), and those of series that mean nothing else.

https://jfly.uni-koeln.de/color/
"""

RIGHT = "#009E73"
WRONG = "#D55E00"
BASELINE = "#0072B2"
WHAT_IF = "#CC79A7"
REFERENCE = "#8a8a8a"

QUANTITY = "#56B4E9"
"""The ground of text that stands on more or less of something."""

SERIES = (WHAT_IF, "#E69F00", "#56B4E9", RIGHT)
"""For series of an experiment, in order; where there are more, dashes and markers tell them apart as well."""
