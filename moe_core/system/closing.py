"""What is closed at the end of its `with` block."""

from typing import Self


class Closing:
    """A subclass says in `close` what it lets go of; to repeat that is harmless."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
