"""Text from strangers, safe to show: tooltips and messages without markup."""

import html

from PySide6.QtGui import Qt


def as_tooltip(text: str) -> str:
    """Plain text as a tooltip that shows just that: Qt would take what looks like markup for markup."""
    return f'<p style="white-space: pre-wrap">{html.escape(text)}</p>' if text else ""


def as_message(text: str) -> str:
    """Plain text for a message box, which takes what looks like markup for markup unless it is told otherwise."""
    return as_tooltip(text) if Qt.mightBeRichText(text) else text
