import gzip
import hashlib
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koubai.core.errors import DataError
from koubai.data.idx import read_idx
from support.data_files import idx, mutated

SAMPLE = (4, 5)
IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, *SAMPLE)
VALID = idx(IMAGES)
HEADER = 4 + 3 * 4
HUGE = struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, *SAMPLE)


def read(tmp_path, content: bytes, sample=SAMPLE, **options):
    path = tmp_path / "file"
    path.write_bytes(content)
    return read_idx(path, sample, **options)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_gives_its_array_and_the_digest_of_its_unpacked_bytes(tmp_path, pack):
    array, digest = read(tmp_path, pack(VALID))
    np.testing.assert_array_equal(array, IMAGES)
    assert array.dtype == np.uint8
    assert digest == hashlib.sha256(VALID).hexdigest()


def test_a_gzip_file_may_have_several_members_and_end_in_padding(tmp_path):
    content = gzip.compress(VALID[:9]) + gzip.compress(VALID[9:]) + bytes(1 << 17)
    array, digest = read(tmp_path, content)
    np.testing.assert_array_equal(array, IMAGES)
    assert digest == hashlib.sha256(VALID).hexdigest()


def test_labels_have_one_dimension_and_a_set_may_be_empty(tmp_path):
    labels = np.array([3, 0, 9], np.uint8)
    np.testing.assert_array_equal(read(tmp_path, idx(labels), ())[0], labels)
    assert read(tmp_path, idx(np.zeros((0, *SAMPLE), np.uint8)))[0].shape == (0, *SAMPLE)


HOSTILE = {
    "empty": (b"", "not an IDX file of images(?s:.*)an empty file"),
    "text": (b"<html>not found</html>", "not an IDX file of images(?s:.*)00 00 08 03(?s:.*)3c 68 74 6d"),
    "labels": (idx(np.zeros(5, np.uint8)), "not an IDX file of images(?s:.*)00 00 08 01(?s:.*)swapped"),
    "floats": (VALID[:2] + b"\x0d" + VALID[3:], "not an IDX file of images(?s:.*)00 00 0d 03"),
    "half a header": (VALID[:10], "ends inside its header"),
    "other pictures": (idx(np.zeros((3, 5, 4), np.uint8)), r"another shape(?s:.*)\(4, 5\)(?s:.*)\(5, 4\)"),
    "one byte short": (VALID[:-1], "does not match the dimensions(?s:.*)= 60 bytes(?s:.*)59 bytes"),
    "one byte more": (VALID + b"\0", "does not match the dimensions(?s:.*)more"),
    "four thousand million pictures": (HUGE + bytes(100), "declares more(?s:.*)= 85,899,345,900 bytes"),
    "packed, one byte short": (gzip.compress(VALID[:-1]), "does not match the dimensions(?s:.*)59 bytes"),
    "packed, one byte more": (gzip.compress(VALID + b"\0"), "does not match(?s:.*)more"),
    "packed, cut": (gzip.compress(VALID)[:-12], "damaged(?s:.*)EOFError"),
    "packed, its sum cut": (gzip.compress(VALID)[:-6], "damaged(?s:.*)EOFError"),
    "packed, its sum wrong": (gzip.compress(VALID)[:-8] + bytes(8), "damaged(?s:.*)CRC"),
    "packed, bytes behind it": (gzip.compress(VALID) + b"more", "damaged(?s:.*)gzip"),
    "packed, huge": (gzip.compress(HUGE), "declares more"),
}


@pytest.mark.parametrize(("content", "sentence"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_gives_one_clear_error_that_names_it(tmp_path, content, sentence):
    with pytest.raises(DataError, match=sentence) as caught:
        read(tmp_path, content)
    assert str(tmp_path / "file") in str(caught.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match="FileNotFoundError"):
        read_idx(tmp_path / "nothing", SAMPLE)


@pytest.mark.parametrize("declared", [3, 2**32 - 1, 50_000])
def test_memory_follows_what_is_there_not_what_is_declared(tmp_path, declared):
    # 60 MB of zeros behind a header; gzip makes 60 kB of them.
    bomb = gzip.compress(struct.pack(">BBBB3I", 0, 0, 8, 3, declared, *SAMPLE) + bytes(60 << 20))
    assert len(bomb) < 100_000
    path = tmp_path / "bomb"
    path.write_bytes(bomb)
    tracemalloc.start()
    with pytest.raises(DataError):
        read_idx(path, SAMPLE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_a_limit_holds_even_for_honest_files(tmp_path):
    with pytest.raises(DataError, match="<= 59 bytes"):
        read(tmp_path, VALID, max_bytes=59)


@pytest.mark.parametrize("valid", [VALID, gzip.compress(VALID, mtime=0)], ids=["plain", "gzip"])
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_files_give_a_data_error_or_a_true_array(tmp_path, valid, data):
    try:
        array, _ = read(tmp_path, data.draw(mutated(valid)))
    except DataError:
        return
    assert array.dtype == np.uint8
    assert array.shape[1:] == SAMPLE
