"""Programs as cases of the benchmark: read, sealed, run as processes, labeled by outcome, scored."""

import json
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from threading import Event

import pytest

from koubai.core.errors import ConfigError, DataError
from koubai_benchmarks.doctor import program_command
from koubai_benchmarks.doctor.program import Program, hash_of, read_programs
from koubai_benchmarks.doctor.program_command import bench_programs
from koubai_benchmarks.doctor.program_record import Record
from koubai_benchmarks.doctor.program_run import (
    CostRow,
    ProgramRow,
    Said,
    last_number,
    run_process,
    run_program,
)
from koubai_benchmarks.doctor.program_score import calibration_of, cost, is_worse, labeled, report, score

HERE = Path(__file__).parent / "programs"
ROW = ProgramRow("sick", "", 0, False, 0.5, 0, "findings", (), (), (), (), 0, None, "", 4.0, 8.0)
SICK = Program(Path("sick.py"), "sick", "", True, True, ("learning_rate_too_low",), fixes=True)
WELL = Program(Path("well.py"), "well", "", False)
TWIN = replace(ROW, fixed=True, metric=0.9, verdict="healthy")


def said(name, confidence=0.5, relief=None):
    return Said(name, "warn", confidence, relief)


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(HERE, tmp_path / "set")
    return tmp_path / "set"


def test_headers_are_read(folder):
    line, rate = read_programs(folder)
    assert (line.id, line.faulty, line.higher, line.accept, line.runs()) == (
        "a_line",
        False,
        False,
        (),
        (False,),
    )
    assert (rate.faulty, rate.higher, rate.accept) == (True, True, ("learning_rate_too_low",))
    assert rate.wrong == "a rate of 1e-6, at which nothing moves"
    assert rate.arguments(3, fixed=True) == ["--seed", "3", "--fixed"]
    assert line.arguments(3, fixed=False) == []


def test_remarks_and_lines_that_go_on_belong_to_no_name(tmp_path):
    header = (
        "# truth: faulty\n# accept: dead_units (the best),\n#   K009 or oscillation\n# metric: lower (mse)\n"
    )
    (tmp_path / "a.py").write_text(header + 'FIXED = "--fixed"\n')
    (program,) = read_programs(tmp_path)
    assert program.accept == ("dead_units", "learning_rate_too_high", "oscillation")
    assert not program.higher
    (tmp_path / "a.py").write_text(
        header.replace("dead_units (the best),", "none").replace("K009 or", "#") + "--fixed"
    )
    with pytest.raises(ConfigError, match="no diagnosis is called"):
        read_programs(tmp_path)


def test_all_mistakes_of_all_headers_are_told_at_once(tmp_path):
    (tmp_path / "a.py").write_text("# truth: ill\n# metric: higher\n")
    (tmp_path / "b.py").write_text("# truth: faulty\n# accept: gremlins\n")
    with pytest.raises(ConfigError) as error:
        read_programs(tmp_path)
    for part in ("faulty or healthy", "'metric' is missing", "fixed twin", "gremlins", "4 problems"):
        assert part in str(error.value)
    with pytest.raises(DataError, match="no program"):
        read_programs(tmp_path / "none")


def test_the_hash_of_a_set_is_that_of_its_sorted_files_and_a_seal_is_held_against_them(folder):
    programs = read_programs(folder)
    digests = sorted(sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.py"))
    assert hash_of(programs) == sha256("".join(f"{one}\n" for one in digests).encode()).hexdigest()
    names = sorted(path.name for path in folder.glob("*.py"))
    lines = [f"{sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SEAL").write_text("".join(lines))
    assert hash_of(read_programs(folder)) == hash_of(programs)
    (folder / "a_line.py").write_text((folder / "a_line.py").read_text() + "\n")
    (folder / "added.py").write_text("# truth: healthy\n# metric: lower\n")
    with pytest.raises(DataError, match=r"a_line\.py, added\.py"):
        read_programs(folder)


def test_a_process_tells_its_code_its_prints_and_its_cpu_time(tmp_path):
    (tmp_path / "a.py").write_text("import sys\nsum(range(10**6))\nprint('x 1')\nsys.exit(4)\n")
    ended = run_process([str(tmp_path / "a.py")], 60)
    assert (ended.code, ended.out) == (4, "x 1\n")
    assert ended.cpu > 0
    assert last_number("loss 0.5\nepoch 2 (3 s): err 1e-3\nbye\n") == pytest.approx(1e-3)


def test_a_process_is_ended_with_its_children_at_the_limit_or_when_told_to_stop(tmp_path):
    sleeping = "import time; time.sleep(60)"
    child = f"import subprocess, sys\np = subprocess.Popen([sys.executable, '-c', {sleeping!r}])\n"
    child += f"print(p.pid, flush=True)\n{sleeping}\n"
    (tmp_path / "a.py").write_text(child)
    ended = run_process([str(tmp_path / "a.py")], 1.5)
    assert ended.code is None
    status = Path(f"/proc/{ended.out.strip()}/status")
    assert not status.exists() or "Z (zombie)" in status.read_text()
    stop = Event()
    stop.set()
    assert run_process([str(tmp_path / "a.py")], 60, stop).code is None


def test_a_program_whose_prints_differ_under_the_doctor_is_broken_but_not_for_its_clock(
    tmp_path, monkeypatch
):
    """The doctor is played by a program that prints what it was told to on standard error."""
    script = tmp_path / "a.py"
    script.write_text("import time\nprint('metric 1')\nprint('took', time.perf_counter_ns())\n")
    program = Program(script, "a", "", False)
    for line, code, broken in (("metric 1", 3, ""), ("metric 2", 3, "prints"), ("metric 1", 5, "code")):
        answer = f"import sys\nprint('{line}', file=sys.stderr)\n"
        answer += f'print(\'{{"verdict": "healthy"}}\')\nsys.exit({code})'
        monkeypatch.setattr(
            "koubai_benchmarks.doctor.program_run.doctor_command", lambda *_, a=answer: ["-c", a]
        )
        assert run_program(program, 0, fixed=False).broken == broken
    monkeypatch.setattr(
        "koubai_benchmarks.doctor.program_run.doctor_command", lambda *_: ["-c", "print('{')"]
    )
    assert run_program(program, 0, fixed=False).broken == "answer"


def test_a_faulty_program_is_one_that_ends_clearly_worse_than_its_twin():
    assert [run.label for run in labeled([ROW, TWIN], [SICK])] == ["faulty", "healthy"]
    assert [run.label for run in labeled([replace(ROW, metric=0.88), TWIN], [SICK])] == ["lucky", "healthy"]
    assert [run.label for run in labeled([ROW, replace(TWIN, code=1, metric=None)], [SICK])] == [
        "lucky",
        "failed",
    ]
    assert labeled([ROW], [SICK]) == [], "without its twin nothing is known"
    assert is_worse(0.3, 0.2, higher=False)
    assert not is_worse(0.2, 0.3, higher=False)


def test_names_alarms_and_silence_are_scored():
    well = replace(ROW, program="well", verdict="not_judged")
    rows = [replace(ROW, found=(said("dead_units"), said("learning_rate_too_low"))), TWIN, well]
    shares = {name: (share.hits, share.n) for name, share in score(labeled(rows, [SICK, WELL])).items()}
    assert shares == {
        "alarms": (0, 2),
        "detected": (1, 1),
        "right_first": (0, 1),
        "right_named": (0, 1),
        "right_two": (1, 1),
        "called_healthy": (0, 1),
        "not_judged_faulty": (0, 1),
        "not_judged_healthy": (1, 2),
        "harmful": (1, 3),
        "broken": (0, 3),
    }
    quiet = score(
        labeled([replace(ROW, verdict="healthy", broken="prints"), TWIN], [replace(SICK, accept=())])
    )
    assert (quiet["called_healthy"].hits, quiet["broken"].hits, quiet["right_named"].n) == (1, 1, 0)


@pytest.mark.parametrize(
    ("found", "harmful"),
    [
        (said("learning_rate_too_low"), False),
        (said("dead_units"), True),
        (said("dead_units", relief=0.1), True),
        (said("dead_units", relief=0.8), False),
        (said("not_learning"), False),
    ],
)
def test_advice_is_harmful_where_a_wrong_name_was_shown_to_help_nowhere(found, harmful):
    run, _ = labeled([replace(ROW, found=(found,)), TWIN], [SICK])
    assert run.harmful == harmful


def test_confidence_is_held_against_what_was_right_and_cost_against_programs_long_enough():
    rows = [
        replace(ROW, found=(said("learning_rate_too_low", 0.95),)),
        replace(TWIN, found=(said("dead_units", 0.95),)),
    ]
    (one,) = calibration_of(labeled(rows, [SICK]))
    assert (one.low, one.right.hits, one.right.n) == (0.9, 1, 2)
    costs = [
        CostRow("a", "", 0, *cpu) for cpu in ((1.0, 9.0), (2.0, 3.0), (4.0, 8.0), (5.0, 5.0), (5.0, None))
    ]
    assert cost(costs) == {"median": 1.5, "worst": 2.0, "n": 3}
    json.dumps(report([SICK], rows, costs), allow_nan=False)


def test_an_interrupted_bench_goes_on_with_the_runs_that_are_missing(folder, tmp_path, monkeypatch, capsys):
    asked = []

    def run(program, seed, *, fixed, budget, stop):
        asked.append((program.id, fixed))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return replace(ROW, program=program.id, hash=program.hash, fixed=fixed, metric=float(fixed))

    monkeypatch.setattr(program_command, "run_program", run)
    out = tmp_path / "rows.jsonl"
    with pytest.raises(KeyboardInterrupt):
        bench_programs(folder, out=out, names_only=True)
    assert len(out.read_text().splitlines()) == 2
    out.write_text(out.read_text() + '{"koubai": "brok')
    before = list(asked)
    bench_programs(folder, out=out, names_only=True)
    assert len(asked) == 4
    assert asked[3] == asked[2]
    assert asked[:3] == before
    capsys.readouterr()
    assert len(Record(out, None).verdicts) == 3
    assert not Record(out, 0.0).verdicts, "another budget is another bench"
    monkeypatch.setattr("koubai_benchmarks.doctor.program_record.source_hash", lambda: "another")
    assert not Record(out, None).verdicts, "another koubai is another bench"


def test_the_tables_fit_a_narrow_terminal(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    name = "aa/17_a_name_of_a_program_as_long_as_they_come"
    program = replace(SICK, id=name, accept=("learning_rate_too_high", "data_not_normalized"))
    rows = [
        replace(ROW, program=name, found=(said("output_loss_mismatch"), said("representations_alike"))),
        replace(TWIN, program=name),
    ]
    program_command._print(
        report([program], rows, [CostRow(name, "", 0, 2.0, 3.0)]), labeled(rows, [program])
    )
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("output_loss_mismatch" in line for line in lines)


@pytest.mark.long
def test_the_bench_runs_programs_under_the_real_doctor(folder, tmp_path, capsys):
    (folder / "a_line.py").unlink()
    bench_programs(folder, out=tmp_path / "rows.jsonl", names_only=True)
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    sick, twin = sorted(rows, key=lambda row: row["fixed"])
    assert [f["name"] for f in sick["found"]] == ["learning_rate_too_low"]
    assert (twin["verdict"], twin["broken"], sick["broken"]) == ("healthy", "", "")
    assert sick["metric"] < twin["metric"]
