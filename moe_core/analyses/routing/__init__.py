"""Analyses of which experts the tokens of a trace chose, in menu order; a new one is a file and a line."""

from typing import Any

from moe_core.analyses.analysis import Analysis

ROUTING: tuple[Analysis[Any], ...] = ()
