"""The benchmark's mechanism: workers, rounds, rows. No test here says how fast anything is."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from koubai.cli.commands.bench import bench
from koubai.core.errors import UnknownName
from koubai.engines.choose import why_not_onednn
from koubai.layers import BatchNorm, Linear, ReLU, Sequential
from koubai.optim import Adam
from koubai.words import set_language
from koubai_benchmarks import environment
from koubai_benchmarks.doctor.torch_modules import module_of
from koubai_benchmarks.speed import machine
from koubai_benchmarks.speed import report as report_module
from koubai_benchmarks.speed.command import show
from koubai_benchmarks.speed.conductor import Settings, Timing, time_workload
from koubai_benchmarks.speed.floor import floor_of
from koubai_benchmarks.speed.machine import Machine
from koubai_benchmarks.speed.peers import peers
from koubai_benchmarks.speed.peers.peer import Peer
from koubai_benchmarks.speed.rows import WorkloadRow, compare
from koubai_benchmarks.speed.workload import WORKLOADS, Workload
from support.host import host
from support.marks import long

TINY = Workload(
    "tiny", "4-3-2", Sequential(Linear(3), BatchNorm(), ReLU(), Linear(2)), (4,), 2, 5, Adam(), samples=20
)
QUICK = Settings(threads=1, rounds=2, seconds=0.01, patience=60)


def _has_avx512():
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.exists() else []
    return {"avx512bw", "avx512vl", "avx512dq"} <= set(flags)


@pytest.mark.parametrize("resident", [*long(True), False])
def test_engines_take_turns_in_processes_of_their_own(resident):
    heard = []
    contenders = [peers()[name] for name in ("reference", "torch-eager")]
    timings = time_workload(replace(TINY, resident=resident), contenders, QUICK, heard.append)
    assert [timing.engine for timing in timings] == ["reference", "torch-eager"]
    for timing in timings:
        assert timing.absent is None
        assert len(timing.ms) == 2
        assert min(timing.ms) > 0
        assert timing.peak_mb > 10
    assert "tiny: round 2 of 2" in heard


def test_who_cannot_play_is_named_with_the_reason():
    missing = Peer("missing", "no_such_package", lambda workload, threads: None)
    refusing = Peer("refusing", "koubai", lambda workload, threads: None, lambda workload: "does not like it")
    unknown = Peer("unknown to the worker", "koubai", lambda workload, threads: None)
    timings = time_workload(TINY, [missing, refusing, unknown], QUICK, lambda line: None)
    assert [timing.ms for timing in timings] == [[], [], []]
    assert timings[0].absent == "no_such_package is not installed"
    assert timings[1].absent == "does not like it"
    assert "unknown to the worker" in timings[2].absent


def test_impatience_ends_a_worker():
    timings = time_workload(TINY, [peers()["torch-eager"]], replace(QUICK, patience=0.05), lambda line: None)
    assert timings[0].absent == "no answer in 0.05 s"


def test_rows_compare_by_the_minimum_with_eager_and_with_the_best_peer():
    timings = [
        Timing("native", ours=True, ms=[0.5, 0.7, 0.9], peak_mb=50),
        Timing("torch-eager", ms=[3.0, 2.0]),
        Timing("torch-eager-nhwc", ms=[1.5, 9.0]),
        Timing("torch-eager-malloc", ms=[1.2]),
        Timing("jax-scan", ms=[1.0]),
        Timing("keras-jax", absent="not installed"),
    ]
    rows = {row.engine: row for row in compare("w", "float32", timings, flops=1_000_000, peak=4.0)}
    assert list(rows) == [timing.engine for timing in timings if timing.ms]
    native = rows["native"]
    assert (native.ms_min, native.ms_median) == (0.5, 0.7)
    assert native.ratio_to_torch_eager == pytest.approx(3)
    assert native.ratio_to_best_peer == pytest.approx(2)
    assert native.gflops == pytest.approx(2)
    assert native.share_of_peak == pytest.approx(0.5)
    assert rows["torch-eager"].ratio_to_best_peer == pytest.approx(0.5)
    assert compare("w", "float32", timings[:1])[0].ratio_to_torch_eager is None


def test_the_floor_of_a_small_network_by_hand():
    floor = floor_of(TINY)
    multiply_adds = [4 * 3, 3 * 2]
    assert floor.flops == 2 * 5 * (3 * multiply_adds[1] + 2 * multiply_adds[0])
    weights = 4 * 3 + 3 + 3 + 3 + 3 * 2 + 2
    kept = 3 + 3 + 2  # linear, batch norm, linear; the ReLU works in place
    assert floor.bytes == 4 * (weights * 2 * 3 + 5 * 4 + 2 * 5 * kept)
    computing, moving = floor.milliseconds(Machine(1, {"float32": 2.0}, {}, 1.0), "float32")
    assert computing == pytest.approx(floor.flops / 2e9 * 1e3)
    assert moving == pytest.approx(floor.bytes / 1e9 * 1e3)


def test_floors_of_the_course_networks_are_the_known_ones():
    millions = {name: floor_of(workload).flops / 1e6 for name, workload in WORKLOADS.items()}
    assert millions["mlp"] == pytest.approx(13.1, abs=0.05)
    assert millions["simple"] == pytest.approx(433, abs=1)
    assert millions["alexnet"] == pytest.approx(32 * 2 * (3 * 1135.256096 - 105.4152), rel=1e-9)
    assert WORKLOADS["alexnet"].network.parameter_count == 62_378_344


@pytest.mark.parametrize("name", ["tensorflow-xla", "keras-tensorflow-xla"])
def test_xla_is_tried_with_dense_layers_only(name, monkeypatch):
    monkeypatch.setattr("koubai_benchmarks.speed.peers.keras_fit.find_spec", bool)
    refused = {workload for workload in WORKLOADS if peers()[name].refuses(WORKLOADS[workload])}
    assert {"mlp", "deepmlp"} == WORKLOADS.keys() - refused


@pytest.mark.parametrize("name", ["mlp", "deepmlp", "simple", "deep"])
def test_the_peer_trains_the_same_network(name):
    workload = WORKLOADS[name]
    network = workload.network
    weights = network.initialize(0)
    x = np.random.default_rng(0).normal(size=(3, *workload.in_shape)).astype(np.float32)
    with torch.no_grad():
        theirs = module_of(network.root, weights.params).eval()(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(network.bind(weights).forward(x), theirs, rtol=1e-3, atol=1e-5)


def test_the_command_writes_every_row_and_says_who_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(report_module.WORKLOADS, "tiny", TINY)
    monkeypatch.setattr(
        report_module,
        "measure_machine",
        lambda threads: Machine(threads, {"float32": 100.0}, {"float32": "a test"}, 10.0),
    )
    file = tmp_path / "bench.json"
    bench(
        file,
        workloads="tiny",
        engines="reference, torch-eager, torch-eager-nhwc",
        rounds=1,
        threads=1,
        seconds=0.01,
    )
    found = json.loads(file.read_text())
    assert [row["engine"] for row in found["rows"]] == ["reference", "torch-eager"]
    assert found["rows"][0].keys() == {
        *(
            "workload",
            "engine",
            "precision",
            "ms_min",
            "ms_median",
            "ratio_to_torch_eager",
            "ratio_to_best_peer",
        ),
        *("gflops", "share_of_peak", "peak_mb", "transforms"),
    }
    assert found["absent"] == [
        {"workload": "tiny", "engine": "torch-eager-nhwc", "why": "one layout only: no images"}
    ]
    assert found["versions"]["torch"] == torch.__version__
    assert found["kernels"].keys() == {"reference", "torch-eager"}
    assert "oneDNN" in found["kernels"]["torch-eager"]
    assert found["doubtful"] == []
    printed = capsys.readouterr().out
    assert "torch-eager-nhwc in tiny: one layout only" in printed
    assert "GFLOP/s" in printed


def test_no_process_has_what_holds_a_library_back(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    found = machine.with_threads(3, {"MORE": "1"})
    assert "OPENBLAS_CORETYPE" not in found
    assert (found["OMP_NUM_THREADS"], found["MORE"]) == ("3", "1")
    assert "OPENBLAS_CORETYPE" in report_module.unset()


def test_the_peak_is_the_best_of_all_libraries(monkeypatch):
    theirs, ours, numpys = (lambda: None), (lambda: None), (lambda: None)
    monkeypatch.setattr(machine, "_numpy_product", lambda: numpys)
    monkeypatch.setattr(machine, "_torch_products", lambda threads: {"float32": {"theirs": theirs}})
    more = {"float32": {"ours": ours}, "bfloat16": {"ours": ours}}
    monkeypatch.setattr(machine, "_onednn_products", lambda threads: more)
    monkeypatch.setattr(machine, "_gflops", {numpys: 1.0, theirs: 3.0, ours: 2.0}.get)
    monkeypatch.setattr(machine, "_bandwidth", lambda threads: 10.0)
    found = machine._measure(1)
    assert found.gflops == {"float32": 3.0, "bfloat16": 2.0}
    assert found.library == {"float32": "theirs", "bfloat16": "ours"}


def test_the_products_of_onednn_are_measured_where_it_runs(monkeypatch):
    monkeypatch.setattr(machine, "_SIZE", 64)
    found = machine._onednn_products(1)
    assert ("float32" in found) == (why_not_onednn() is None)
    for by_name in found.values():
        for product in by_name.values():
            product()


def rows(share, ms=1234.5, transforms=False):
    numbers = (ms, ms + 4.6, 15.43, 12.11, 230.0, share, 1234.5)
    return [WorkloadRow("w", "torch-eager-nhwc-malloc", "float32", *numbers, transforms)]


def test_a_share_above_the_peak_is_told_as_an_error(capsys):
    one = Machine(1, {"float32": 100.0}, {"float32": "a test"}, 10.0)
    for share, transforms, told in ((1.02, False, True), (0.98, False, False), (1.18, True, False)):
        found = report_module.Report(one, QUICK, rows(share, transforms=transforms))
        assert bool(found.doubtful) is told
        show(found)
        printed = " ".join(capsys.readouterr().out.split())
        assert ("error of this benchmark" in printed) is told
        assert ("fewer multiplications than are counted" in printed) is transforms


@pytest.mark.skipif(
    why_not_onednn() is not None or not _has_avx512(), reason="oneDNN has Winograd with AVX-512 only"
)
@pytest.mark.long
def test_an_engine_says_whether_it_multiplies_less_than_is_counted():
    peer = peers()["native"]
    for workload, transforms in ((TINY, False), (WORKLOADS["deep"], True)):
        peer.prepare(workload, 1)
        assert peer.transforms() is transforms


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("width", ["80", "70"])
def test_no_number_is_broken_on_a_narrow_terminal(capsys, monkeypatch, width, lang):
    monkeypatch.setenv("COLUMNS", width)
    set_language(lang)
    try:
        for ms, shown in ((1234.5, ["1234", "1239"]), (38765.4, ["38,765", "38,770"])):
            show(report_module.Report(Machine(1, {}, {}, 10.0), QUICK, rows(0.42, ms)))
            line = next(line for line in capsys.readouterr().out.splitlines() if shown[0] in line)
            assert line.split()[1:] == [*shown, "15.43", "12.11", "230.0", "42%", "1,234"]
            assert width == "70" or line.startswith(" torch-eager-nhwc-malloc ")
    finally:
        set_language(None)


def test_typos_get_the_nearest_name():
    with pytest.raises(UnknownName, match="mlp"):
        report_module.run_benchmark(["mpl"], [], QUICK, lambda line: None)
    with pytest.raises(UnknownName, match="torch-eager"):
        report_module.choose(["torch-eagre"])


def test_scikit_learn_flushes_denormals_as_koubai_does():
    script = (
        "import numpy as np\n"
        "from koubai_benchmarks.speed.peers import peers\n"
        "from koubai_benchmarks.speed.workload import WORKLOADS\n"
        "small = np.full(4, 1e-40, np.float32)\n"
        "bits = lambda: (small * np.float32(0.5)).view(np.int32).max()\n"
        "before = bits() > 0\n"
        "peers()['sklearn-mlp'].prepare(WORKLOADS['mlp'], 1)\n"
        "print(before, bits() == 0)"
    )
    done = host(script, PYTHONPATH=environment()["PYTHONPATH"])
    assert done.stdout.split() == ["True", "True"], done.stderr
