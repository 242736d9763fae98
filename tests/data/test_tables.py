"""Tables: what a column is taken for, what is refused, and that the scheme stays with the network."""

import sys

import numpy as np
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import koubai as kb
from koubai.core.errors import ConfigError, DataError, EngineError, KoubaiError, ShapeError, UnknownName
from koubai.data.frames import is_frame
from koubai.data.preparation import Preparation
from koubai.data.scheme import TableScheme

ROWS = 60
COLUMNS = {
    "age": [20 + i % 30 for i in range(ROWS)],
    "town": [("Nara", "Kyoto", "Osaka")[i % 3] for i in range(ROWS)],
    "member": [i % 2 == 0 for i in range(ROWS)],
    "price": [100.0 * (i % 3) + i % 30 for i in range(ROWS)],
}


def arrow(**changes):
    return pyarrow.table({**COLUMNS, **changes})


def libraries():
    yield "arrow", arrow
    for name in ("pandas", "polars"):
        try:
            module = __import__(name)
        except ImportError:
            continue
        yield name, lambda module=module, **changes: module.DataFrame({**COLUMNS, **changes})
    yield "in the manner of datasets", lambda **changes: Held(arrow(**changes))
    try:
        import datasets
    except ImportError:
        return
    yield "datasets", lambda **changes: datasets.Dataset.from_dict({**COLUMNS, **changes})


class Held:
    """What koubai asks of a `datasets.Dataset`: its names, and its rows in a format."""

    def __init__(self, table, kind=None):
        self.table, self.kind = table, kind
        self.features, self.column_names = (
            dict(zip(table.column_names, table.schema, strict=True)),
            table.column_names,
        )

    def with_format(self, kind):
        return Held(self.table, kind)

    def __len__(self):
        return self.table.num_rows

    def __getitem__(self, rows):
        return {"arrow": self.table}[self.kind].take(list(range(self.table.num_rows))[rows])


@pytest.mark.parametrize("frame", [pytest.param(made, id=name) for name, made in libraries()])
def test_columns_become_inputs_the_same_from_every_library(frame):
    assert is_frame(frame())
    dataset = kb.data.table(frame(), "price").load()
    assert dataset.scheme.names == ("age", "town=Kyoto", "town=Nara", "town=Osaka", "member")
    assert dataset.sha256 == kb.data.table(arrow(), "price").load().sha256
    rows = np.concatenate([dataset.x_train, dataset.x_test]).tolist()
    prices = np.concatenate([dataset.t_train, dataset.t_test])[:, 0].tolist()
    expected = [
        ([age, *(town == name for name in ("Kyoto", "Nara", "Osaka")), member], price)
        for age, town, member, price in zip(*COLUMNS.values(), strict=True)
    ]
    assert sorted(zip(rows, prices, strict=True)) == sorted(expected)


@pytest.mark.parametrize(
    ("values", "classes", "names"),
    [
        (["b", "a"] * 30, 2, ("a", "b")),
        ([True, False] * 30, 2, ("false", "true")),
        ([1, 2, 3] * 20, 3, ("1", "2", "3")),
        ([-1, 1] * 30, 2, ("-1", "1")),
        ([0.0, 1.0] * 30, 2, ("0", "1")),
        ([2, 10] * 30, 2, ("2", "10")),
        ([0.5, 1.0] * 30, None, ()),
        (list(range(60)), None, ()),
    ],
)
def test_labels_as_they_come(values, classes, names):
    dataset = kb.data.table(arrow(goal=values), "goal").load()
    assert (dataset.classes, dataset.class_names) == (classes, names)
    if classes:
        shares = [np.bincount(part) / len(part) for part in (dataset.t_train, dataset.t_test)]
        np.testing.assert_allclose(*shares, atol=0.02)  # both parts hold the classes' shares


def test_what_whole_numbers_are_can_be_said():
    assert kb.data.table(arrow(), "age", task="classes").load().classes == 30
    assert kb.data.table(arrow(goal=[1, 2] * 30), "goal", task="values").load().classes is None
    with pytest.raises(DataError, match=r"column 'price': row 1 is not a class") as caught:
        kb.data.table(arrow(price=[0.5] * ROWS), "price", task="classes")
    assert caught.value.got == 0.5


def test_columns_may_be_left_away_and_the_target_may_stand_beside():
    names = kb.data.table(arrow(), "price", drop=("town",)).load().scheme.names
    assert names == ("age", "member")
    beside = kb.data.table(arrow().drop_columns("price"), np.array(COLUMNS["price"])).load()
    assert beside.sha256 == kb.data.table(arrow(), "price").load().sha256


def with_gaps():
    return arrow(
        age=[None if i == 6 else 20 + i for i in range(ROWS)],
        town=[None if i in (3, 4) else "Nara" for i in range(ROWS)],
    )


def test_what_is_missing_is_refused_with_column_and_row_or_filled():
    with pytest.raises(DataError, match="column 'age': row 7 is empty") as caught:
        kb.data.table(with_gaps(), "price")
    assert caught.value.got == "1 of 60 rows are empty there"
    dataset = kb.data.table(with_gaps(), "price", missing="median").load()
    assert dataset.scheme.names == ("age", "town=Nara", "town=?", "member")
    filled = dataset.scheme.columns[0].fill
    ages = np.asarray(dataset.x_train)[:, 0]
    assert abs(np.median(ages) - filled) <= 1
    assert filled in np.concatenate([ages, np.asarray(dataset.x_test)[:, 0]])
    assert np.asarray(dataset.x_train)[:, 2].sum() + np.asarray(dataset.x_test)[:, 2].sum() == 2
    with pytest.raises(DataError, match="column 'price': row 1 is empty"):
        kb.data.table(arrow(price=[None, *COLUMNS["price"][1:]]), "price", missing="median")


REFUSED = [
    (lambda: kb.data.table(arrow(), "prise"), "no column 'prise'", "did you mean 'price'?"),
    (lambda: kb.data.table(arrow(), "price", drop=("twon",)), "no column 'twon'", "did you mean 'town'?"),
    (
        lambda: kb.data.table(pyarrow.table({"id": [f"u{i}" for i in range(300)], "t": [1.5] * 300}), "t"),
        "column 'id' has 300 different texts",
        "leave it out: drop=('id',)",
    ),
    (
        lambda: kb.data.table(arrow(age=[float("inf"), *COLUMNS["age"][1:]]), "price"),
        "column 'age': too large or infinite in row 1",
        None,
    ),
    (
        lambda: kb.data.table(arrow(when=pyarrow.array([0] * ROWS, pyarrow.timestamp("s"))), "price"),
        "column 'when' is neither numbers nor texts",
        "turn it into numbers, or leave it out: koubai.data.table(..., drop=['when']), in the shell "
        """--set 'data.drop=["when"]'""",
    ),
    (lambda: kb.data.table(arrow(gone=[None] * ROWS), "price", missing="median"), "column 'gone'", None),
    (lambda: kb.data.table(pyarrow.table({"t": [1.5, 2.5]}), "t"), "no columns besides its target", None),
    (lambda: kb.data.table(arrow().slice(0, 0), "price"), "no rows", None),
    (lambda: kb.data.table(arrow(), "town", task="values"), "column 'town': row 1 is not a number", None),
    (lambda: kb.data.table(arrow().drop_columns("price"), [1.5, 2.5]), "differ in length", None),
]


@pytest.mark.parametrize(("make", "said", "hint"), REFUSED)
def test_what_is_wrong_names_the_column(make, said, hint):
    with pytest.raises(DataError) as caught:
        make()
    assert said in caught.value.message
    assert hint is None or caught.value.hint == hint


def test_a_column_of_dates_can_be_dropped_stands_beside_others_and_hides_no_wrong_name():
    dates = arrow(when=pyarrow.array([0] * ROWS, pyarrow.timestamp("s")))
    source = kb.data.table(dates, "price", drop=["when"])
    run = kb.fit(kb.Mlp(hidden=(4,), classes=1), source, steps=3, progress=False)
    assert np.array_equal(run.predict(dates), run.predict(arrow()))
    with pytest.raises(DataError, match="no column 'prise'"):
        kb.data.table(dates, "prise")
    with pytest.raises(ShapeError) as caught:
        kb.fit(kb.Mlp(hidden=(4,)), source, steps=3, progress=False)
    assert "classes=1" in caught.value.hint


def test_words_of_settings_are_checked():
    for setting in ({"task": "class"}, {"missing": "mean"}):
        with pytest.raises(UnknownName):
            kb.data.table(arrow(), "price", **setting)
        with pytest.raises(UnknownName):
            kb.data.table_file("a.csv", "price", **setting)


def trained(**settings):
    source = kb.data.table(arrow(), "price", scale="standard", target_scale="standard")
    net = kb.Sequential(kb.Linear(16), kb.ReLU(), kb.Linear(1))
    return kb.fit(net, source, optimizer="adam", learning_rate=0.02, steps=600, progress=False, **settings)


def test_a_network_predicts_for_tables_and_so_does_its_file(tmp_path):
    run = trained()
    assert run.score(arrow(), COLUMNS["price"]) > 0.98
    mixed = arrow().select(["member", "town", "age"])  # by name, in any order
    assert np.array_equal(run.predict(mixed), run.predict(arrow()))
    run.save(tmp_path / "net")
    loaded = kb.load(tmp_path / "net")
    np.testing.assert_allclose(loaded.predict(mixed), run.predict(mixed), rtol=1e-5, atol=1e-3)
    assert loaded.preparation.scheme == run.preparation.scheme
    for change, said in (
        ({"town": ["Tokyo"] * ROWS}, "column 'town': a new text in row 1"),
        ({"age": ["old"] * ROWS}, "column 'age': row 1 is not a number"),
        ({"age": [None] * ROWS}, "column 'age': row 1 is empty"),
    ):
        with pytest.raises(DataError, match=said):
            loaded.predict(arrow(**change))
    with pytest.raises(DataError, match="no column 'age'"):
        loaded.predict(arrow().drop_columns("age"))


def test_a_scheme_comes_back_from_json_bit_for_bit_and_must_fit():
    scheme = kb.data.table(with_gaps(), "price", missing="median").load().scheme
    assert TableScheme.read(scheme.plain()) == scheme
    text = Preparation(scheme=scheme).to_json()
    assert Preparation.from_json(text, (4,), (1,)).scheme == scheme
    with pytest.raises(ValueError, match="other columns"):
        Preparation.from_json(text, (5,), (1,))
    with pytest.raises(ValueError, match="no preparation"):
        Preparation.from_json(text.replace('"columns"', '"colums"'), (4,), (1,))


def test_fit_takes_a_table_with_its_target_and_a_pair_of_table_and_column():
    net = kb.Mlp((4,), classes=3)
    run = kb.fit(net, arrow(), target="town", steps=2, progress=False)
    assert run.predict_classes(arrow())[0] in ("Nara", "Kyoto", "Osaka")
    without = arrow().drop_columns("town")
    pair = kb.fit(net, (without, COLUMNS["town"]), sample_weight=[1.0] * ROWS, steps=2, progress=False)
    assert pair.preparation.scheme.names == run.preparation.scheme.names
    assert pair.session.dataset.w_train is not None
    with pytest.raises(ConfigError, match="expected data, got Table"):
        kb.fit(net, arrow(), progress=False)


# -------------------------------------------------------------------------------------------------- files


def csv(path, text):
    path.write_text(text, encoding="utf-8")
    return kb.data.table_file(str(path), "goal")


def test_a_file_is_read_as_the_same_table_in_memory(tmp_path):
    header = ",".join(COLUMNS)
    lines = [",".join(map(str, row)) for row in zip(*COLUMNS.values(), strict=True)]
    for name, text in (
        ("a.csv", "\n".join([header, *lines])),
        ("b.tsv", "\n".join([header, *lines]).replace(",", "\t") + "\n"),
        ("c.csv", "\ufeff" + "\r\n".join([header, *lines]).replace(",", ";") + "\r\n\r\n"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    parquet.write_table(arrow(), tmp_path / "d.parquet")
    expected = kb.data.table(arrow(), "price").load().sha256
    for name in ("a.csv", "b.tsv", "c.csv", "d.parquet"):
        dataset = kb.data.table_file(str(tmp_path / name), "price").load()
        assert dataset.sha256 == expected, name
        assert dataset.files[0].sha256


def test_empty_cells_are_missing(tmp_path):
    text = "x,goal\n1,a\n,b\nNA,a\n4,b\n5,a\n6,b\n7,a\n8,b\n"
    with pytest.raises(DataError, match="column 'x': row 2 is empty"):
        csv(tmp_path / "t.csv", text).load()
    source = kb.data.table_file(str(tmp_path / "t.csv"), "goal", missing="median")
    assert source.load().scheme.names == ("x",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x,goal\n1,a\n2\n", "line 3 does not have as many cells"),
        ("x,x\n1,2\n", "two columns are called 'x'"),
        ("x,goal\n", "the table has no rows"),
        ("", "the table has no rows"),
        ('x,goal\n1,"a\n' + "b" * 200_000, "the file is not a table"),
    ],
)
def test_a_file_that_is_no_table_says_where(tmp_path, text, said):
    with pytest.raises(DataError, match=said) as caught:
        csv(tmp_path / "t.csv", text).load()
    assert str(tmp_path / "t.csv") in caught.value.where


def test_other_files_are_refused(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_bytes(b"x,goal\n1,\xff\n")
    with pytest.raises(DataError, match="not UTF-8 text") as caught:
        kb.data.table_file(str(tmp_path / "t.csv"), "goal").load()
    assert caught.value.got == "line 2"
    (tmp_path / "t.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match="the file is not a table"):
        kb.data.table_file(str(tmp_path / "t.parquet"), "goal").load()
    (tmp_path / "t.xlsx").write_bytes(b"")
    with pytest.raises(DataError, match="not a table"):
        kb.data.table_file(str(tmp_path / "t.xlsx"), "goal").load()
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(EngineError, match="need pyarrow"):
        kb.data.table_file(str(tmp_path / "t.parquet"), "goal").read(None)


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
WORDS = st.sampled_from(
    ["1", "-2.5", "nan", "inf", "1e999", "true", "no", "", "?", "a", '"', "x,y", "\r", "\n", ";"]
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.lists(CELL | WORDS, max_size=4), max_size=8), target=CELL | st.just("goal"))
def test_whatever_stands_in_a_file_is_read_or_refused(tmp_path_factory, rows, target):
    path = tmp_path_factory.mktemp("tables") / "t.csv"
    path.write_text("x,goal\n" + "\n".join(",".join(row) for row in rows), encoding="utf-8", newline="")
    for missing in ("refuse", "median"):
        try:
            dataset = kb.data.table_file(str(path), target, missing=missing, test_share=0).load()
        except KoubaiError:  # any other error fails the test
            continue
        assert dataset.x_train.shape == (len(dataset.t_train), len(dataset.scheme.names))
        assert np.isfinite(dataset.x_train).all()


def test_labels_of_datasets_are_their_names_and_what_is_no_table_is_told():
    datasets = pytest.importorskip("datasets")
    labels = datasets.ClassLabel(names=["Kyoto", "Nara", "Osaka"])
    numbers = [labels.str2int(town) for town in COLUMNS["town"]]
    kinds = datasets.Features(
        {"age": datasets.Value("int64"), "town": labels, "price": datasets.Value("float32")}
    )
    rows = {"age": COLUMNS["age"], "town": numbers, "price": COLUMNS["price"]}
    held = datasets.Dataset.from_dict(rows, features=kinds)
    named = pyarrow.table({**rows, "town": COLUMNS["town"]})
    for target in ("price", "town"):
        expected = kb.data.table(named, target).load()
        found = kb.data.table(held, target).load()
        assert (found.class_names, found.scheme) == (expected.class_names, expected.scheme)
        assert np.array_equal(found.x_train, expected.x_train)
    assert len(kb.data.table(held.shuffle(seed=0).select(range(20)), "town").load().t_train) == 14
    with pytest.raises(DataError, match=r"several tables by name(?s:.*)'train', 'test'"):
        kb.data.table(datasets.DatasetDict({"train": held, "test": held}), "price")
    with pytest.raises(DataError, match="one after the other"):
        kb.data.table(held.to_iterable_dataset(), "price")
