import json
import sys

import pytest

from koubai.doctor.diagnoses import DIAGNOSES
from koubai.study.glossary import terms

SICK = """\
data = { type = "circles", factor = 0.5 }
loss = "binary_cross_entropy"
optimizer = { type = "adam", learning_rate = 0.01 }
steps = 150
network = { type = "sequential", layers = [{ type = "mlp", hidden = [16], classes = 1 }, "softmax"] }
"""


@pytest.fixture
def sick(tmp_path):
    path = tmp_path / "sick.toml"
    path.write_text(SICK)
    return path


def test_a_sick_recipe_exits_with_3_and_says_what_to_do(koubai, sick):
    koubai("doctor", "sick.toml", "--plain")
    assert koubai.code == 3
    assert "K022 Output layer and loss do not match [severe]" in koubai.out
    assert "What to do now" in koubai.out


def test_the_threshold_of_failing_is_the_readers(koubai, sick, tmp_path):
    assert koubai("doctor", "sick.toml", "--fail-on", "severe").code == 3
    frozen = 'frozen = ["0.1.bias"]\n' + SICK.replace('"softmax"', '"sigmoid"').replace("150", "400")
    (tmp_path / "frozen.toml").write_text(frozen)
    assert koubai("doctor", "frozen.toml").code == 0
    assert koubai("doctor", "frozen.toml", "--fail-on", "info").code == 3


def test_a_healthy_recipe_exits_with_0(koubai, tmp_path):
    healthy = SICK.replace('"softmax"', '"sigmoid"').replace("150", "400")
    (tmp_path / "well.toml").write_text(healthy)
    koubai("doctor", "well.toml", "--lang", "ja")
    assert koubai.code == 0
    assert "健康です" in koubai.out


def test_json_holds_findings_and_proof(koubai, sick):
    koubai("doctor", "sick.toml", "--prove", "--seeds", "6", "--json")
    facts = json.loads(koubai.out)
    assert facts["findings"][0]["code"] == "K022"
    assert facts["proof"]["verdict"] == "proven"


def test_sarif_names_the_file(koubai, sick):
    koubai("doctor", "sick.toml", "--sarif")
    log = json.loads(koubai.out)
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "sick.toml"


def test_the_folder_of_a_run_is_examined_without_training_it_again(koubai, sick):
    assert koubai("train", "sick.toml", "--out", "run").code == 0
    koubai("doctor", "run", "--budget", "0", "--json")
    assert koubai.code == 3
    assert json.loads(koubai.out)["findings"][0]["name"] == "output_loss_mismatch"


def test_what_is_not_there_is_an_error(koubai):
    koubai("doctor", "nowhere.toml")
    assert koubai.code == 2
    assert "nowhere.toml" in koubai.err


def test_rollback_survives_a_run_that_breaks_off(koubai, tmp_path):
    (tmp_path / "nan.toml").write_text(
        'data = { type = "regression", low = 0.0, high = 10.0 }\nloss = "mean_squared_error"\n'
        'optimizer = { type = "sgd", learning_rate = 0.5 }\nsteps = 200\n'
        'network = { type = "linear", out_features = 1 }\n'
    )
    koubai("doctor", "nan.toml", "--rollback", "--budget", "0", "--plain")
    assert "Rolled back to step" in koubai.err
    assert "K001" not in koubai.out, "NaN is a symptom here, at most named beside its root"
    assert "nan" not in koubai.out.replace("NaN or infinity", "").lower(), "evidence is in numbers"


@pytest.mark.long
def test_the_bench_prints_scores_as_json(koubai, tmp_path):
    (tmp_path / "cases.toml").write_text(
        '[[case]]\nid = "one"\naccept = ["output layer"]\nseeds = 1\n[case.recipe]\n'
        + SICK
        + "[case.fixed]\n"
        + SICK.splitlines()[-1].replace('"softmax"', '"sigmoid"')
        + "\n"
    )
    koubai("doctor", "bench", "--cases", "cases.toml", "--json")
    facts = json.loads(koubai.out)
    for name in (
        "healthy_alarm_rate",
        "detection",
        "top1",
        "top2",
        "layer_within_one",
        "remedy_beats_placebo",
    ):
        assert set(facts[name]) == {"value", "low", "high", "n"}
    assert set(facts["overhead"]) == {"value", "low", "high", "n"}
    assert facts["top1"]["value"] == 1.0
    assert {row["case"] for row in facts["cases"]} == {"one", "one fixed"}


def test_a_mistyped_part_of_the_bench_or_name_of_a_diagnosis_is_told_the_nearest(koubai):
    assert koubai("doctor", "bench", "tunee").code == 2
    assert "'tune'" in koubai.err
    assert koubai("explain", "K99").code == 2
    assert "K009 Learning rate too high (koubai explain learning_rate_too_high)" in koubai.err


def test_a_finding_ends_with_how_to_prove_its_remedy(koubai, sick):
    koubai("doctor", "sick.toml", "--budget", "0")
    assert "koubai doctor sick.toml --prove" in koubai.err


def test_explain_by_code_name_and_japanese_name(koubai):
    for name in ("K003", "vanishing_gradient", "勾配消失"):
        koubai("explain", name)
        assert koubai.code == 0
        assert any(line == "K003 Vanishing gradient" for line in koubai.out.splitlines())
    koubai("explain", "K003", "--lang", "ja")
    assert koubai.out.startswith("K003 勾配消失")


def test_explain_lists_all_and_names_the_nearest(koubai):
    koubai("explain", "--json")
    rows = json.loads(koubai.out)
    assert {row["name"] for row in rows if row["code"]} == set(DIAGNOSES)
    assert {row["name"] for row in rows if not row["code"]} == set(terms())
    koubai("explain", "vanishing_gradiant")
    assert koubai.code == 2
    assert "vanishing_gradient" in koubai.err


UNRESET = """
import torch
from torch import nn
net = nn.Sequential(nn.Linear(12, 32), nn.Tanh(), nn.Linear(32, 5))
opt = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
x = torch.randn(768, 12)
t = (x[:, :4] @ torch.randn(4, 5)).argmax(1)
for step in range(300):
    i = torch.randint(512, (64,))
    loss = nn.functional.cross_entropy(net(x[i]), t[i])
    loss.backward()
    opt.step()
print("test accuracy", (net(x[512:]).argmax(1) == t[512:]).float().mean().item())
"""


@pytest.mark.slow
def test_a_script_of_ones_own_gets_its_proof_or_hears_why_not(koubai, tmp_path):
    (tmp_path / "unreset.py").write_text(UNRESET)
    koubai("doctor", "unreset.py", "--prove", "--seeds", "6", "--json")
    proof = json.loads(koubai.out)["proof"]
    assert (proof["verdict"], proof["remedy"]) == ("proven", "reset_gradients")
    assert proof["metric"] == "test accuracy"
    assert min(proof["skills"]["remedy"]) > max(proof["skills"]["unchanged"])
    (tmp_path / "well.py").write_text(
        UNRESET.replace("    loss.backward", "    opt.zero_grad(); loss.backward")
    )
    koubai("doctor", "well.py", "--prove", "--plain")
    assert koubai.code == 0
    assert "No proof: nothing was found" in koubai.out


def test_a_module_of_a_package_with_relative_imports_is_run(koubai, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    package = tmp_path / "training"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "parts.py").write_text(
        "from torch import nn\n\n\ndef net():\n"
        "    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))\n"
    )
    (package / "run.py").write_text(
        """import torch
from torch import nn

from .parts import net

assert __name__ == "__main__"
torch.manual_seed(0)
model = net()
for p in model.parameters():
    nn.init.zeros_(p)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
t = torch.randint(0, 3, (300,))
x = torch.eye(4)[t] * 2 + torch.randn(300, 4)
for step in range(60):
    rows = torch.randint(0, 300, (50,))
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x[rows]), t[rows]).backward()
    optimizer.step()
"""
    )
    monkeypatch.chdir(tmp_path)
    try:
        assert koubai("--json", "doctor", "-m", "training.run").code == 3
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "training"]:
            del sys.modules[name]
    assert json.loads(koubai.out)["findings"][0]["code"] == "K006"
