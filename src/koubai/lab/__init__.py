"""The lab: experiments declared, repeated over seeds, compared honestly.

import koubai as kb
from koubai.lab import Arm, Claim, Experiment, run

base = kb.Recipe(kb.Mlp(hidden=(40, 20)), kb.data.digits(), steps=300)
arms = (Arm("sgd"), Arm("adam", {"optimizer": kb.Adam(0.01)}))
result = run(Experiment("mine", base, arms, claims=(Claim("adam", "sgd"),)))
[verdict.say() for verdict in result.verdicts]
"""

from koubai.lab.catalog import catalog_entries, catalog_experiment
from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.declare.experiment import Arm, Axis, Claim, Experiment, Observations, Text, grid
from koubai.lab.declare.experiment_file import read_experiment
from koubai.lab.start import run

__all__ = [
    "Arm",
    "Axis",
    "Claim",
    "Experiment",
    "ExperimentResult",
    "Observations",
    "Text",
    "catalog_entries",
    "catalog_experiment",
    "grid",
    "read_experiment",
    "run",
]
