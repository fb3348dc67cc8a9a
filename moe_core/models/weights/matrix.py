"""One matrix of one expert inside a weight file: which numbers it is made of, read in slices as float32.

Axes: I neurons of the expert, H hidden size; R rows and C columns as stored.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import ModelError
from moe_core.models.loading.safetensors_headers import DTYPE_BYTES, TensorHeader

Float32Array = NDArray[np.float32]

_NUMPY = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}  # numpy has no bfloat16: its bits are read


@dataclass(frozen=True)
class ExpertMatrix:
    """`n_rows` rows from element `first` of the tensor on, of which only the `columns` belong to the matrix.

    `neurons_are_rows`: a row holds what one neuron reads or writes; else a column does.
    """

    tensor: TensorHeader
    first: int
    n_rows: int
    stored_columns: int
    columns: slice
    neurons_are_rows: bool

    @property
    def n_columns(self) -> int:
        """Columns of the matrix, C."""
        return len(range(self.stored_columns)[self.columns])

    @property
    def shape(self) -> tuple[int, int]:
        """Neurons I and hidden size H, however they are stored."""
        R, C = self.n_rows, self.n_columns
        return (R, C) if self.neurons_are_rows else (C, R)

    def rows(self, start: int, stop: int) -> Float32Array:
        """Some rows as stored [stop - start, C]."""
        width = self.stored_columns
        values = read_values(self.tensor, self.first + start * width, (stop - start) * width)
        return values.reshape(-1, width)[:, self.columns]

    def neurons(self) -> Float32Array:
        """The whole matrix, a row for every neuron [I, H]."""
        whole = self.rows(0, self.n_rows)
        return whole if self.neurons_are_rows else whole.T


def read_values(tensor: TensorHeader, first: int = 0, n: int | None = None) -> Float32Array:
    """`n` numbers of a tensor from element `first` on, in the order of the file; all of them when None."""
    kind = _NUMPY.get(tensor.dtype)
    if kind is None:
        raise ModelError(f"The weights are quantised ({tensor.dtype} in {tensor.file.name}), which is not supported.")
    count = tensor.n_elements - first if n is None else n
    with tensor.file.open("rb") as stream:
        stream.seek(tensor.start + first * DTYPE_BYTES[tensor.dtype])
        read = np.fromfile(stream, kind, count)
    if len(read) < count:
        raise ModelError(f"The weight file {tensor.file.name} has become shorter: copy it again.")
    if tensor.dtype == "BF16":  # the upper half of a float32
        return (read.astype(np.uint32) << 16).view(np.float32)
    return read.astype(np.float32, copy=False)
