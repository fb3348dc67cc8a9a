"""Colours that mean something wherever they stand (Okabe and Ito's), and those of series that mean nothing else.

https://jfly.uni-koeln.de/color/. What a colour means here it means in every view, figure and page; a test sees to it
that no series borrows one. The table is in the user guide.
"""

RIGHT = "#009E73"
WRONG = "#D55E00"
BASELINE = "#0072B2"
WHAT_IF = "#CC79A7"
REFERENCE = "#8a8a8a"

QUANTITY = "#56B4E9"
"""The ground of text that stands on more or less of something."""

MEANINGS = {
    "right": RIGHT,
    "wrong": WRONG,
    "baseline, or before": BASELINE,
    "what-if, or after": WHAT_IF,
    "reference line, or random": REFERENCE,
}
"""What each of them stands for."""
THIS_ONE = "#7B61FF"
"""The one question looked at, among curves of many."""
SERIES = ("#E69F00", "#56B4E9", "#9467BD", "#8C6D31", "#17A2A2", "#A3A500", "#6F6F6F")
"""For series that mean nothing else, in order; dashes and markers tell them apart as well. Apart from each other, and
from the colours that mean something, on light and on dark ground."""
