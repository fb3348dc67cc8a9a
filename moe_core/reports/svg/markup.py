"""Elements of HTML and SVG whose texts cannot become markup: whatever is not `Markup` already is escaped."""

from collections.abc import Iterable
from html import escape
from unicodedata import category

Attribute = str | float | int | None


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def element(tag: str, *children: str | Iterable[str], **attributes: Attribute) -> Markup:
    """One element. `class_` stands for class, `stroke_width` for stroke-width; attributes of None are left out."""
    names = ((name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items() if value is not None)
    opening = "".join(f' {name}="{escape(_text(value))}"' for name, value in names)
    return Markup(f"<{tag}{opening}>{join(children)}</{tag}>")


def join(children: Iterable[str | Iterable[str]]) -> Markup:
    """The children one after another, texts escaped."""
    return Markup("".join(_escaped(child) if isinstance(child, str) else join(child) for child in children))


def _escaped(text: str) -> str:
    return text if isinstance(text, Markup) else escape(_printable(text))


def _printable(text: str) -> str:
    """XML allows no control characters, and no encoding lone surrogates or codes without a character."""
    return "".join(letter if letter in "\n\t" or category(letter) not in ("Cc", "Cs", "Cn") else "�" for letter in text)


def _text(value: str | float | int) -> str:
    """Coordinates with at most two decimals, which is a fiftieth of a pixel."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return _printable(value) if isinstance(value, str) else str(value)
