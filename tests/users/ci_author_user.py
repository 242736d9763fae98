"""An author of CI: exit codes, SARIF, recipes checked, a test that fails with the finding."""

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
if "--zero" in sys.argv:
    for p in model.parameters():
        nn.init.zeros_(p)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
t = torch.randint(0, 3, (600,))
x = torch.eye(4)[t] * 2 + torch.randn(600, 4)
for step in range(100):
    rows = torch.randint(0, 600, (50,))
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x[rows]), t[rows]).backward()
    optimizer.step()
"""
Path("train.py").write_text(SCRIPT, encoding="utf-8")
Path("recipe.toml").write_text('data = "digits"\nnetwork = { type = "mlp", hiden = [8] }\n', encoding="utf-8")
Path("test_train.py").write_text(
    "import runpy, sys\n\n\ndef test_it_learns(watched):\n    sys.argv = ['train.py', '--zero']\n"
    "    runpy.run_path('train.py', run_name='__main__')\n",
    encoding="utf-8",
)


def run(*words):
    """Run a module's command without a terminal; return its exit code and what it printed."""
    environment = os.environ | {"KOUBAI_LANG": "en", "NO_COLOR": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *words],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, done.stderr


# A sound program passes; a sick one ends with 3, and code hosts show it at its line.
code, out, _ = run("koubai", "doctor", "train.py", "--json")
assert (code, json.loads(out)["verdict"]) == (0, "healthy")
code, out, _ = run("koubai", "doctor", "train.py", "--sarif", "--", "--zero")
assert code == 3
result = json.loads(out)["runs"][0]["results"][0]
assert (result["ruleId"], result["level"]) == ("K006", "error")
place = result["locations"][0]["physicalLocation"]
assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("train.py", 7)

# A recipe with a slip is refused with its line, before anything is trained.
code, _, err = run("koubai", "check", "--static", "recipe.toml")
assert code == 2
assert "line 2" in err
assert "'hidden'" in err

# A test fails with the finding, its file and its line.
code, out, err = run("pytest", "-p", "koubai.pytest_plugin", "-p", "no:cacheprovider", "test_train.py")
assert code == 1, err
assert "train.py:7: K006" in out
