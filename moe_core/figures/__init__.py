"""Frozen descriptions of figures: the window draws them with pyqtgraph, `reports.charts` writes them as SVG."""
