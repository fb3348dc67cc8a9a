"""Analyses of what experts do with the prompts of a trace, in menu order; a new one is a file and a line."""

from typing import Any

from moe_core.analyses.analysis import Analysis

DYNAMIC: tuple[Analysis[Any], ...] = ()
