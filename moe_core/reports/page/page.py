"""What every page has: its head with the style and the policy, sections, paragraphs and tables."""

from collections.abc import Iterable, Sequence

from moe_core.reports.svg.markup import Markup, element
from moe_core.reports.svg.sheet import STYLE

# Even if some text became markup, the page may run no script and fetch nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def whole_page(title: str, *body: str | Iterable[str]) -> str:
    """The page that needs nothing else; `body` is what stands in it, texts of others escaped."""
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", f"{title} · moescope"),
        element("style", Markup(STYLE.read_text(encoding="utf-8"))),
    )
    page = element("html", head, element("body", element("main", *body)), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def section(heading: str, *children: Markup) -> Markup:
    """A part of the page below its heading."""
    return element("section", element("h2", heading), *children)


def paragraph(text: str, *, class_: str | None = None) -> Markup:
    """Running text in which no line breaks between a number and its percent sign."""
    return element("p", text.replace(" %", "\u00a0%"), class_=class_)


def wide(content: Markup) -> Markup:
    """A chart or a table in a box that scrolls sideways where the screen is narrower than it can be read."""
    return element("div", content, class_="wide")


def table(header: Sequence[Sequence[Markup]], rows: Sequence[Sequence[Markup]]) -> Markup:
    """Rows of heads, and rows of cells."""
    top = element("thead", *(element("tr", *heads) for heads in header)) if header else Markup("")
    return wide(element("table", top, element("tbody", *(element("tr", *cells) for cells in rows))))


def text_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, n_left: int = 1) -> Markup:
    """A table of texts; the first `n_left` columns are names, the others numbers."""
    kinds = ["left" if column < n_left else None for column in range(len(heads))]
    cells = [[cell(text, kind) for text, kind in zip(row, kinds, strict=True)] for row in rows]
    return table([[head(text, kind) for text, kind in zip(heads, kinds, strict=True)]], cells)


def head(text: str, kind: str | None = None, *, colspan: int | None = None) -> Markup:
    """The head of a column, or of several."""
    return element("th", text, class_=kind, colspan=colspan, scope="colgroup" if colspan else "col")


def cell(text: str, kind: str | None = None, *, style: str | None = None) -> Markup:
    """One cell."""
    return element("td", text, class_=kind, style=style)
