"""How many threads "auto" is: counted here from layers by hand, not by the network's own sums."""

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config

import koubai as kb
from koubai.core import cores
from koubai.core.errors import SettingError
from koubai.engines import threads as rule
from koubai.engines.engine import Job
from koubai.engines.ranks import Ranks
from koubai.network.network import Network


def job(network, shape, batch, **more):
    x, t = np.zeros((1, *shape), "float32"), np.zeros(1, np.int64)
    return Job(Network(network, shape), kb.SoftmaxCrossEntropy(), kb.SGD(), x, t, batch, **more)


def wide(
    batch, **more
):  # 784 x 1000 and 1000 x 10: 794,000 products a sample, a parameter more for each output
    return job(kb.Mlp(hidden=(1000,), classes=10), (784,), batch, **more)


@pytest.mark.parametrize("shape", [(2,), (64,), (784,)])
def test_a_small_network_has_one_thread_whatever_the_machine_has(shape):
    assert rule.useful_threads(job(kb.Mlp(hidden=(40, 20), classes=10), shape, 100), "native") == 1


@pytest.mark.parametrize("backend", ["onednn", "blas"])
def test_threads_with_a_gradient_each_need_rows_enough_for_their_parameters(backend, monkeypatch):
    """795,010 parameters: 250 of them in products a thread are 198,752,500; a row has 3 x 794,000."""
    monkeypatch.setenv("KOUBAI_KERNELS", backend)
    per_row, per_thread = 3 * 794_000, 250 * 795_010
    enough = -(-2 * per_thread // per_row)
    assert (rule.useful_threads(wide(enough - 1), "native"), rule.useful_threads(wide(enough), "native")) == (
        1,
        2,
    )
    assert rule.useful_threads(wide(10 * enough), "native") == 10 * enough * per_row // per_thread


def test_convolutions_share_few_weights_and_shards_keep_sixteen_rows():
    """A window of 3 x 3 over 64 channels, 64 filters, 32 x 32 places: 37,748,736 products a row."""
    network = kb.Sequential(kb.Conv2d(64, 3, padding=1), kb.Flatten(), kb.Linear(2))
    rows = [1, 2, 3, 31, 32, 48, 64]
    found = [rule.useful_threads(job(network, (64, 32, 32), n), "native") for n in rows]
    assert found == [1, 2, 2, 2, 2, 3, 4]


def test_threads_that_share_products_need_work_alone():
    """3,010,000 products and some more parameters, in a team of oneDNN or in PyTorch: 50,000,000 a thread."""
    large = job(kb.Mlp(hidden=(3000,), classes=10), (1000,), 12)
    engines = ["torch", "native"] if rule.find_backend().name == "onednn" else ["torch"]
    for engine in engines:
        assert rule.useful_threads(large, engine) == 3 * 3_030_000 * 12 // 50_000_000
    assert rule.useful_threads(large, "reference") == 1


def test_ranks_divide_the_rows_first():
    class Four(Ranks):
        size = 4

    assert (
        rule.useful_threads(wide(800), "torch")
        == 4 * rule.useful_threads(wide(800, ranks=Four()), "torch") + 2
    )


def test_the_budget_is_that_of_openmp_and_never_more_than_the_cores(monkeypatch):
    monkeypatch.setattr(rule, "usable_cores", lambda: 6)
    for said, budget in {"": 6, "4": 4, "3,2": 3, "64": 6, "0": 1, "many": 6}.items():
        monkeypatch.setenv("OMP_NUM_THREADS", said)
        assert rule.thread_budget() == budget, said


def test_in_joblib_a_run_takes_its_share(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(rule, "usable_cores", lambda: 6)
    with parallel_config(backend="threading"):
        assert Parallel(2)(delayed(rule.thread_budget)() for _ in range(2)) == [1, 1]
    assert Parallel(1)(delayed(rule.thread_budget)() for _ in range(1)) == [6]
    assert rule.thread_budget() == 6


def test_processes_of_joblib_share_the_cores(monkeypatch):
    """joblib tells each of its processes how many threads are its share, and a run takes no more."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    share = max(1, cores.usable_cores() // 2)
    with parallel_config(backend="loky"):
        assert Parallel(2)(delayed(rule.thread_budget)() for _ in range(2)) == [share, share]
    with parallel_config(backend="loky", inner_max_num_threads=1):
        assert Parallel(2)(delayed(rule.thread_budget)() for _ in range(2)) == [1, 1]


def test_a_number_is_taken_as_it_is_and_words_are_refused():
    assert rule.threads_for(wide(1), "native", 5) == 5
    with pytest.raises(SettingError, match="'auto'"):
        rule.threads_for(wide(1), "native", "many")


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": "nonsense\n"}, None),
        ({}, None),
    ],
)
def test_a_container_bounds_the_cores(tmp_path, files, quota):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="ascii")
    assert cores.quota(tmp_path) == quota
