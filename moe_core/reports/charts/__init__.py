"""The described figures as SVG, one file a kind of figure: inside a page, or alone for a paper."""
