"""Half precision widened as numpy does it."""

import numpy as np
import pytest

from moe_core.numbers import half_precision
from moe_core.numbers.half_precision import widened

EVERY = np.arange(2**16, dtype=np.uint16).view(np.float16)


def test_every_number_of_half_precision_is_itself() -> None:
    """To the last bit: all that are not negative at once, and all others too, each sign of zero and what is none."""
    plain = EVERY[:0x7C00]
    for values in (plain, EVERY, plain.reshape(64, -1)[:, ::3], plain.reshape(2, 8, -1)[:, 1:3]):
        found = widened(values)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found.view(np.uint32), values.astype(np.float32).view(np.uint32))


def test_where_tiny_numbers_count_as_0_numpy_widens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library may have told the processor so."""
    monkeypatch.setattr(half_precision, "_SCALE", np.float32(1.0))  # what is moved is wrong then, and is not used
    np.testing.assert_array_equal(widened(EVERY[:100]), EVERY[:100].astype(np.float32))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.uint8])
def test_other_types_are_converted(dtype: type) -> None:
    """And the array is one of its own."""
    values = np.arange(6).astype(dtype).reshape(2, 3)
    found = widened(values)
    found += 1
    np.testing.assert_array_equal(values, np.arange(6).reshape(2, 3))
    assert found.dtype == np.float32
    assert widened(values[:0]).shape == (0, 3)
