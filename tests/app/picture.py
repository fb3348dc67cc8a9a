"""What a widget shows, as a picture whose pixels are the widget's own points, whatever the scale of the screen."""

from PySide6.QtCore import QRect
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget


def picture_of(widget: QWidget) -> QImage:
    """The widget as it is now."""
    picture = QImage(widget.size(), QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(0)
    QWidget.render(widget, picture)  # a graphics view has another one of that name
    return picture


def colours_in(picture: QImage, room: QRect) -> set[str]:
    """The colours of a part of a picture, as #rrggbb."""
    across, down = range(room.left(), room.right() + 1), range(room.top(), room.bottom() + 1)
    return {picture.pixelColor(x, y).name() for x in across for y in down}
