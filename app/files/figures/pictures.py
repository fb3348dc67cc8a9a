"""PDF and PNG as pictures of an SVG drawing, by Qt; with a window, and without one for the command line."""

import os
from typing import Any

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF, QSizeF
from PySide6.QtGui import (
    QFont,
    QFontDatabase,
    QFontInfo,
    QGuiApplication,
    QImage,
    QImageWriter,
    QPageSize,
    QPainter,
    QPdfWriter,
)
from PySide6.QtSvg import QSvgRenderer

WIDTH_MM, DPI = 180, 300
"""Of what the command line draws."""
_POINT_DPI = 1200
"""Dots of a PDF writer, which has no others: as fine as printers are."""


def image_of_svg(svg: bytes, width_mm: int, dpi: int) -> QImage:
    """The drawing as pixels; raises OSError where there is no memory for so many."""
    renderer = _renderer(svg)
    width, size = round(width_mm * dpi / 25.4), renderer.viewBoxF().size()
    height = max(1, round(width * size.height() / size.width()))
    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    if image.isNull():
        raise OSError(f"{width_mm} mm at {dpi} dpi are too many pixels.")
    dots_per_metre = round(dpi / 0.0254)
    image.setDotsPerMeterX(dots_per_metre)
    image.setDotsPerMeterY(dots_per_metre)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    return image


def png_of_image(image: QImage) -> bytes:
    """The file of an image."""
    content, buffer = _buffer()
    if not QImageWriter(buffer, b"png").write(image):
        raise OSError("The image cannot be written.")
    return bytes(content.data())


def pdf_of_svg(svg: bytes, width_mm: int, title: str) -> bytes:
    """One page of the drawing's size, text as text."""
    renderer = _renderer(svg)
    size = renderer.viewBoxF().size()
    page = QSizeF(width_mm, width_mm * size.height() / size.width())
    content, buffer = _buffer()
    writer = QPdfWriter(buffer)
    writer.setTitle(title)
    writer.setCreator("moescope")
    writer.setResolution(_POINT_DPI)
    writer.setPageSize(QPageSize(page, QPageSize.Unit.Millimeter, "", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF())
    painter = QPainter(writer)
    renderer.render(painter, QRectF(0, 0, writer.width(), writer.height()))
    painter.end()
    return bytes(content.data())


def pdf(svg: str, title: str) -> bytes:
    """A PDF for the command line."""
    _held = _application()
    return pdf_of_svg(svg.encode("utf-8"), WIDTH_MM, title)


def png(svg: str, title: str) -> bytes:
    """A PNG for the command line."""
    _held = _application()
    return png_of_image(image_of_svg(svg.encode("utf-8"), WIDTH_MM, DPI))


def _application() -> Any:
    """Qt draws no text without one; with no display it needs none."""
    if (running := QGuiApplication.instance()) is not None:
        return running
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    return QGuiApplication(["moescope"])


def _renderer(svg: bytes) -> QSvgRenderer:
    """Qt takes a list of fonts for the name of one: it gets the one that is there."""
    from moe_core.reports.svg.sheet import MONO, SANS

    sans, mono = QFont(), QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    for font, names in ((sans, SANS), (mono, MONO)):
        font.setFamilies([*names.split(", ")[:-1], font.family()])
        svg = svg.replace(names.encode(), QFontInfo(font).family().encode("utf-8"))
    return QSvgRenderer(QByteArray(svg))


def _buffer() -> tuple[QByteArray, QBuffer]:
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    return content, buffer
