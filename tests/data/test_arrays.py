import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import koubai.data
from koubai.core.errors import DataError, UnknownName
from koubai.data import Arrays

X = np.random.default_rng(0).normal(size=(20, 3))
T = np.arange(20) % 4


def test_a_test_part_is_drawn_so_that_sorted_arrays_are_mixed():
    x, t = np.arange(300)[:, None], np.repeat([0, 1, 2], 100)
    drawn = koubai.data.arrays(x, t).load()
    assert (len(drawn.x_train), len(drawn.x_test)) == (210, 90)
    assert sorted(np.concatenate([drawn.x_train, drawn.x_test])[:, 0].tolist()) == list(range(300))
    for values, labels in ((drawn.x_train, drawn.t_train), (drawn.x_test, drawn.t_test)):
        np.testing.assert_array_equal(values[:, 0] // 100, labels)
        assert set(labels[:30]) == {0, 1, 2}
    other = koubai.data.arrays(x, t, split_seed=1).load()
    assert (other.x_train != drawn.x_train).any()


def test_a_test_part_that_is_given_stays_in_its_order():
    given = koubai.data.arrays(X, T, X[:5], T[:5]).load()
    np.testing.assert_array_equal(given.x_train, X.astype(np.float32))
    np.testing.assert_array_equal(given.t_test, T[:5])
    assert given.classes == 4
    named = koubai.data.arrays(X, T, class_names=tuple("abcdef"), test_share=0.5, scale="standard").load()
    assert (named.classes, named.class_names, len(named.x_test)) == (6, tuple("abcdef"), 10)
    np.testing.assert_allclose(named.x_train.std(axis=0), 1, rtol=1e-5)


def test_the_caller_may_go_on_writing_into_its_own_arrays():
    x, t = X.astype(np.float32), T.copy()
    dataset = koubai.data.arrays(x, t).load()
    before = dataset.x_train.copy()
    x[:] = 0
    t[:] = 0
    np.testing.assert_array_equal(dataset.x_train, before)
    with pytest.raises(ValueError, match="read-only"):
        dataset.x_train[0] = 1


def test_sources_are_equal_when_their_content_is():
    first = koubai.data.arrays(X, T)
    assert first == koubai.data.arrays(X.tolist(), T.tolist())
    assert hash(first) == hash(koubai.data.arrays(X, T))
    others = (koubai.data.arrays(X + 1, T), koubai.data.arrays(X, T[::-1]), replace(first, train=3))
    assert len({first, *others}) == 4


@pytest.mark.parametrize(
    ("t", "classes", "names", "expected"),
    [
        (np.array(list("bca")), 3, ("a", "b", "c"), [1, 2, 0]),
        (np.array([True, False, True]), 2, (), [1, 0, 1]),
        (np.array([7, 0, 3], np.uint8), 8, (), [7, 0, 3]),
        (np.array([0.5, 1.5, 2.5]), None, (), [[0.5], [1.5], [2.5]]),
        (np.array([[1.0, 0.0]] * 3), None, (), [[1, 0]] * 3),
        (np.array([3, 1, 2]), 3, ("1", "2", "3"), [2, 0, 1]),
        (np.array([3, 1, 1]), 4, (), [3, 1, 1]),
        (np.array([1, -1, 1]), 2, ("-1", "1"), [1, 0, 1]),
        (np.array([0.0, 1.0, 0.0]), 2, (), [0, 1, 0]),
        (np.array([[0.0], [1.0], [1.0]]), 2, (), [0, 1, 1]),
        (np.array([[0], [1], [1]]), 2, (), [0, 1, 1]),
        (np.array([0.0, 2.0, 1.0]), None, (), [[0], [2], [1]]),
        (np.array([1.0, 1.0, 1.0]), None, (), [[1]] * 3),
    ],
    ids=[
        *("names", "truth", "bytes", "values", "several values", "from 1", "from 1 with a gap", "signs"),
        *("0. and 1.", "a column of 0. and 1.", "a column", "three whole values", "one value"),
    ],
)
def test_targets_are_classes_or_values_by_their_kind(t, classes, names, expected):
    dataset = koubai.data.arrays(X[:3], t, X[:0], t[:0]).load()
    assert (dataset.classes, dataset.class_names) == (classes, names)
    assert dataset.t_train.tolist() == expected
    assert dataset.t_train.dtype == (np.float32 if classes is None else np.int64)


def test_a_task_says_what_was_not_guessed():
    def taken(t, task):
        dataset = koubai.data.arrays(X[:3], t, X[:3], t, task=task).load()
        return dataset.classes, dataset.t_train.tolist()

    assert taken([0.0, 1.0, 1.0], "values") == (None, [[0], [1], [1]])
    assert taken([3, 1, 2], "values") == (None, [[3], [1], [2]])
    assert taken([2.0, 0.0, 1.0], "classes") == (3, [2, 0, 1])
    assert taken([3, 1, 2], "classes") == (4, [3, 1, 2])
    with pytest.raises(DataError, match=r"t: row 2 is not a class(?s:.*)1\.5"):
        taken([2.0, 1.5, 1.0], "classes")
    with pytest.raises(DataError, match=r"t: row 1 is not a number(?s:.*)'a'"):
        taken(["a", "b", "c"], "values")
    with pytest.raises(UnknownName, match="did you mean 'classes'"):
        taken([1, 2, 3], "clases")


def test_a_row_that_cannot_be_is_told_as_it_was_given():
    floats = np.arange(20.0)
    floats[13] = 0.5
    for more, told in (((), "t: row 14"), ((X, floats), "t: row 14"), ((X[:2], floats[12:14]), "t: row 14")):
        with pytest.raises(DataError, match=rf"{told} is not a class(?s:.*)0\.5"):
            koubai.data.arrays(X, floats, *more, task="classes")
    with pytest.raises(DataError, match=r"t_test: row 2 is not a class(?s:.*)0\.5"):
        koubai.data.arrays(X, np.floor(floats), X[:2], floats[12:14], task="classes")
    with pytest.raises(DataError, match=r"row 1 is not a number(?s:.*)'first'"):
        koubai.data.arrays(X, ["first", *"bcdefghijklmnopqrst"], task="values")
    with pytest.raises(DataError, match="no training samples"):
        koubai.data.arrays(X[:0], floats[:0], X, np.floor(floats), task="classes").load()


def test_bytes_are_pixels():
    pixels = np.array([[0, 51, 255]] * 4, np.uint8)
    dataset = koubai.data.arrays(pixels, [0, 1, 0, 1], scale="unit").load()
    np.testing.assert_allclose(dataset.x_train, [[0, 0.2, 1]] * 3, rtol=1e-6)


def holed(value: float) -> np.ndarray:
    x = X.copy()
    x[12, 1] = value
    return x


WRONG = {
    "NaN": ((holed(np.nan), T), r"x: 1 of 60 values are not finite(?s:.*)nan at \(12, 1\)"),
    "too large for float32": ((holed(1e39), T), r"not finite in float32(?s:.*)1e\+39"),
    "NaN target": ((X, np.where(T == 1, np.nan, 0.5)), r"t: 5 of 20 values(?s:.*)nan at \(1,\)"),
    "objects": ((np.array([{}] * 20), T), "x: not an array of real numbers(?s:.*)object"),
    "complex": ((X * 1j, T), "x: not an array of real numbers"),
    "one number": ((3.0, T), "x: not an array"),
    "no samples": ((X[:0], T[:0]), "arrays: no training samples"),
    "lengths": ((X, T[:19]), "x and t differ in number(?s:.*)20 and 19"),
    "one target": ((X, 3), "x and t differ in number(?s:.*)a single number"),
    "negative label": ((X, T - 1), r"not a class(?s:.*)0 \.\. 2(?s:.*)-1 \.\. 2"),
    "enormous label": ((X, T + 10**9), "not a class(?s:.*)as floats"),
    "one-hot integers": ((X, np.eye(4, dtype=int)[T]), "neither classes nor values"),
    "half a test part": ((X, T, X), "go together"),
    "other kind in the test part": ((X, T, X, T + 0.5), "the same in both parts"),
    "other shape in the test part": ((X, T, X[:, :2], T), "samples of another shape"),
    "more classes than names": ((X, T), "not a class"),
}


@pytest.mark.parametrize(("arrays", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_no_data_is_one_clear_error(arrays, sentence, request):
    names = ("a", "b") if "names" in request.node.callspec.id else ()
    with pytest.raises(DataError, match=sentence):
        koubai.data.arrays(*arrays, class_names=names).load()


@pytest.mark.parametrize("test_share", [1, -0.1])
def test_a_share_that_is_none_is_an_error(test_share):
    with pytest.raises(DataError, match="test_share is a share"):
        koubai.data.arrays(X, T, test_share=test_share)


def test_a_digest_alone_is_enough_where_the_arrays_are_in_memory_and_an_error_elsewhere():
    source = koubai.data.arrays(X, T, scale="standard")
    from_a_file = Arrays(source.sha256, scale="standard")
    assert from_a_file == source
    assert from_a_file.load() is source.load()
    with pytest.raises(DataError, match=r"not in this process(?s:.*)koubai\.data\.arrays"):
        Arrays("0" * 64).load()


def test_a_pickled_source_takes_its_arrays_along(tmp_path):
    source = koubai.data.arrays(X, T)
    (tmp_path / "source").write_bytes(pickle.dumps(source))
    script = (
        "import pickle, sys, pathlib, dataclasses\n"
        "source = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "print(source.load().sha256, len(dataclasses.replace(source, train=3).load().x_train))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "source"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [source.load().sha256, "3"]
