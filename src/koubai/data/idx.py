"""IDX: the format of MNIST and its kin, plain or gzipped."""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np

from koubai.core.errors import DataError
from koubai.core.memory import require_memory
from koubai.core.params import Array, Shape
from koubai.data.files import Unpacked
from koubai.words.phrase import phrase

UNSIGNED_BYTE = 0x08
MAX_BYTES = 1 << 30


def read_idx(path: Path, sample: Shape, max_bytes: int = MAX_BYTES) -> tuple[Array, str]:
    """Return the array of an IDX file of unsigned bytes, and the SHA-256 of its unpacked bytes.

    Two zero bytes, a type (8: unsigned byte), the number of dimensions d; d big-endian 32-bit sizes; then
    the elements in C order and nothing behind them. (LeCun, Cortes, Burges 1998, page of the MNIST database.)

    Args:
        path: the file.
        sample: shape that one sample must have: () for labels, (28, 28) for images.
        max_bytes: a file that declares more is refused unread.

    Raises:
        DataError: the file is anything else.
    """
    where = str(path)
    with Unpacked(path) as file:
        head = file.take(4)
        wanted = bytes([0, 0, UNSIGNED_BYTE, 1 + len(sample)])
        if head != wanted:
            raise DataError(
                "not_an_idx_file_of_images" if sample else "not_an_idx_file_of_labels",
                where=where,
                expected=phrase("first_bytes", bytes=wanted.hex(" ")),
                got=head.hex(" ") or phrase("an_empty_file"),
                hint=phrase("are_images_and_labels_swapped"),
            )
        sizes = file.take(4 * head[3])
        if len(sizes) != 4 * head[3]:
            raise DataError("file_ends_inside_its_header", where=where)
        shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
        if shape[1:] != sample:
            raise DataError("samples_have_another_shape", where=where, expected=sample, got=shape[1:])
        declared = prod(shape)
        most = min(max_bytes, file.most)
        if declared > most:
            raise DataError(
                "header_declares_more_than_file_holds",
                where=where,
                expected=phrase("at_most_bytes", count=most),
                got=phrase("dimensions_in_bytes", shape=" x ".join(map(str, shape)), count=declared),
                hint=phrase("fetch_or_copy_again"),
            )
        require_memory({"data": declared}, where)
        values = file.take(declared)
        extra = file.take(1)  # also makes gzip check its sum over the whole file
        if len(values) != declared or extra:
            raise DataError(
                "size_does_not_match_dimensions",
                where=where,
                expected=phrase("dimensions_in_bytes", shape=" x ".join(map(str, shape)), count=declared),
                got=phrase("more_than_that") if extra else phrase("bytes_counted", count=len(values)),
                hint=phrase("fetch_or_copy_again"),
            )
        return np.frombuffer(values, np.uint8).reshape(shape), file.sha256
