"""Where the heads of a heat map's layers and experts stand."""

from PySide6.QtCore import QPoint, QPointF

from app.widgets.plots.grid.grid_layout import GridLayout


def row_head(layout: GridLayout, layer: int) -> QPoint:
    """The middle of a layer's head."""
    return QPointF(layout.row_heads.center().x(), layout.cell_rectangle(layer, 0).center().y()).toPoint()


def column_head(layout: GridLayout, expert: int) -> QPoint:
    """The middle of an expert's head."""
    return QPointF(layout.cell_rectangle(0, expert).center().x(), layout.column_heads.center().y()).toPoint()
