import csv
import math

import pytest

from koubai.core.errors import KoubaiError, UnknownName
from koubai.probes.history import History
from koubai.report.export import export
from koubai.report.export.rows import COLUMNS, Curves, curves_of


@pytest.fixture
def runs():
    made = []
    for seed in (0, 1):
        history = History()
        history.add_series("", "loss", [1, 2, 3], [2.25, 0.1, float("nan")])
        history.add_series("1.weight", "gradient_norm", [1], [1e-300 * (seed + 1)])
        made.append(Curves('=cmd|"a,b"\n勾配', seed, history))
    return made


def expected(runs):
    return [
        (run.arm, run.seed, step, path, quantity, value)
        for run in runs
        for path, quantity, numbers in (
            ("", "loss", [(1, 2.25), (2, 0.1), (3, math.nan)]),
            ("1.weight", "gradient_norm", [(1, 1e-300 * (run.seed + 1))]),
        )
        for step, value in numbers
    ]


def same(a, b):
    return a[:5] == b[:5] and (a[5] == b[5] or (math.isnan(a[5]) and math.isnan(b[5])))


def test_csv_gives_back_every_number_exactly(runs, tmp_path):
    path = export(runs, tmp_path / "curves.csv", "csv")
    with path.open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    assert tuple(header) == COLUMNS
    found = [(arm, int(seed), int(step), p, q, float(value)) for arm, seed, step, p, q, value in lines]
    quoted = [(f"'{arm}", *rest) for arm, *rest in expected(runs)]  # the arm's name begins as a formula does
    assert all(same(a, b) for a, b in zip(found, quoted, strict=True))


@pytest.mark.parametrize("name", ["=1", "+a", "-a", "-1+1", "@a", "\t=1", "\n=1", "\uff1d1", "-0x1"])
def test_no_cell_of_a_csv_file_begins_a_formula(name, tmp_path):
    history = History()
    history.add(1, name, name, -2.5)
    with export([Curves(name, 0, history)], tmp_path / "a.csv", "csv").open(
        encoding="utf-8", newline=""
    ) as file:
        _, line = csv.reader(file)
    assert line == [f"'{name}", "0", "1", f"'{name}", f"'{name}", "-2.5"]


def test_no_name_breaks_a_line_of_a_csv_file(tmp_path):
    history = History()
    history.add(1, "", "loss", 1.0)
    path = export([Curves("a\r=1\x1b", 0, history)], tmp_path / "a.csv", "csv")
    assert path.read_bytes().split(b"\n")[1] == rb"a\x0d=1\x1b,0,1,,loss,1.0"


@pytest.mark.parametrize("name", ["-0.1", "+1e-3", "-7", "0.1", "1e-05", "adam", ""])
def test_names_that_are_numbers_stay_numbers(name, tmp_path):
    history = History()
    history.add(1, "", "loss", -math.inf)
    with export([Curves(name, 0, history)], tmp_path / "a.csv", "csv").open(
        encoding="utf-8", newline=""
    ) as file:
        _, line = csv.reader(file)
    assert line == [name, "0", "1", "", "loss", "-inf"]


def test_parquet_gives_back_every_number_exactly(runs, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(export(runs, tmp_path / "curves.parquet", "parquet"))
    assert tuple(table.column_names) == COLUMNS
    found = list(zip(*(table.column(name).to_pylist() for name in COLUMNS), strict=True))
    assert all(same(a, b) for a, b in zip(found, expected(runs), strict=True))
    assert parquet.read_table(export([], tmp_path / "none.parquet", "parquet")).num_rows == 0


def test_tensorboard_files_hold_every_number_once_even_when_written_twice(runs, tmp_path):
    pytest.importorskip("tensorboardX")
    for _ in range(2):
        export(runs, tmp_path / "tb", "tensorboard")
    files = sorted((tmp_path / "tb").rglob("*tfevents*"))
    assert len(files) == 2
    for run, file in zip(runs, files, strict=True):
        assert file.parent.name == f"seed-{run.seed}"
        found = sorted(scalars(file.read_bytes()))
        wanted = [
            ("gradient_norm/1.weight", 1, 0.0),
            ("loss", 1, 2.25),
            ("loss", 2, 0.1),
            ("loss", 3, math.nan),
        ]
        assert [row[:2] for row in found] == [row[:2] for row in wanted]
        assert [row[2] for row in found] == pytest.approx([row[2] for row in wanted], nan_ok=True)


def scalars(data):
    """Read TFRecords as their format says: length, its checksum, the event, its checksum."""
    from tensorboardX.proto.event_pb2 import Event

    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 8], "little")
        event = Event.FromString(data[at + 12 : at + 12 + length])
        at += 16 + length
        for value in event.summary.value:
            yield value.tag, event.step, value.simple_value


def test_an_experiments_curves_name_arm_and_seed(grid_result, tmp_path):
    path = export(curves_of(grid_result.runs), tmp_path / "curves.csv", "csv")
    with path.open(encoding="utf-8", newline="") as file:
        found = {(row["arm"], row["seed"]) for row in csv.DictReader(file)}
    assert found == {(run.arm, str(run.seed)) for run in grid_result.runs}


def test_a_wrong_format_names_the_nearest(runs, tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'parquet'"):
        export(runs, tmp_path / "x", "parket")


def test_a_place_that_cannot_be_written_is_a_clear_error(runs, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(KoubaiError, match="could not be written"):
        export(runs, tmp_path / "file" / "curves.csv", "csv")
