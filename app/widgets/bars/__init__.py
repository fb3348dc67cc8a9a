"""Lists of labelled bars, and the chart of a token's experts."""
