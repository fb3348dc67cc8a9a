"""Texts from strangers in tables that a spreadsheet may open: they are texts there, and never formulas."""

_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def as_cell(text: str) -> str:
    """The text, with an apostrophe before one that a spreadsheet would calculate; numbers are left as they are.

    A formula may start a program, or send what stands in other cells to somebody.
    """
    if not text.startswith(_FORMULA_SIGNS) or _is_number(text):
        return text
    return f"'{text}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
