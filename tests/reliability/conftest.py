"""The window's fixtures, for the tests here that need one."""

from tests.app.conftest import session, trace_path, window

__all__ = ["session", "trace_path", "window"]
