"""The script that takes the pictures of the guide runs by hand alone; what it asks of the window must be there."""

import re
from pathlib import Path

from app.window.main_window import MainWindow

SCRIPT = Path(__file__).parents[2] / "docs" / "take_screenshots.py"


def test_the_script_asks_the_window_for_what_it_has(window: MainWindow) -> None:
    """Every name behind `window.`, and there are many."""
    asked = set(re.findall(r"(?<![.\w])window\.(\w+)", SCRIPT.read_text(encoding="utf-8")))
    assert len(asked) > 8
    assert [name for name in sorted(asked) if not hasattr(window, name)] == []
