"""Two halves of a view: beside each other, or where they would be narrow pages of one tab bar."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QTabWidget, QWidget

from app.widgets.parts import in_column


class Halves(QWidget):
    """`show_half` brings one to the front where only one is seen."""

    def __init__(
        self, halves: tuple[QWidget, QWidget], titles: tuple[str, str], *, narrow: int, shares: tuple[int, int] = (1, 1)
    ) -> None:
        """`titles` are those of the pages, into which less than `narrow` pixels are made; `shares` of the room are for
        either half where both are seen.
        """
        super().__init__()
        self._halves, self._titles, self._narrow = halves, titles, narrow
        self._splitter, self._pages = QSplitter(Qt.Orientation.Horizontal), QTabWidget()
        self._splitter.setChildrenCollapsible(False)
        for place, (half, share) in enumerate(zip(halves, shares, strict=True)):
            self._splitter.addWidget(half)
            self._splitter.setStretchFactor(place, share)
        self._sizes = [1000 * share for share in shares]
        self._splitter.setSizes(self._sizes)
        self._pages.setDocumentMode(True)
        self._pages.setAccessibleName(" or ".join(titles))
        self._pages.hide()
        in_column(self, self._splitter, self._pages)

    @property
    def is_paged(self) -> bool:
        """Whether only one of them is seen at a time."""
        return self._pages.count() > 0

    def show_half(self, place: int) -> None:
        """Bring the first or the second one to the front."""
        self._pages.setCurrentIndex(place)

    def _fit(self) -> None:
        is_paged = self.width() < self._narrow
        if is_paged == self.is_paged:
            return
        if is_paged:
            self._sizes = self._splitter.sizes()
            for half, title in zip(self._halves, self._titles, strict=True):
                self._pages.addTab(half, title)
        else:
            for place, half in enumerate(self._halves):
                self._splitter.insertWidget(place, half)
                half.show()
            self._splitter.setSizes(self._sizes)
        self._pages.setVisible(is_paged)
        self._splitter.setVisible(not is_paged)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        """The width of the wider one: they stand beside each other only where both fit."""
        parts = [half.minimumSizeHint() for half in self._halves]
        bar = self._pages.tabBar().sizeHint().height() if self.is_paged else 0
        return QSize(max(part.width() for part in parts), max(part.height() for part in parts) + bar)
