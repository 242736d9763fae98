"""NaN or infinity in the data.

What it is: inputs or targets that are no numbers: an empty cell of a table, a constant feature divided by its
    deviation of 0, the logarithm of 0.
Why it hurts: a single one makes the loss of its batch NaN, and with the next update every weight.
How it shows: the samples themselves; every value is asked.
Confused with: a learning rate that is too high, an exploding gradient, a loss that takes the logarithm of 0:
    there the data are finite, and what is computed of them is not.
Sick recipe: a table with a constant column, standardized by (x - mean) / std.
Healthy look-alike: a network that fills the gaps itself before its first layer.
Remedies: look for the samples and the features; fill or drop them, and drop constant features.
References: Goodfellow, Bengio, Courville 2016, sec. 11.5.
"""

from __future__ import annotations

import numpy as np

from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis, Sign
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.visit.finding import Measure


@DIAGNOSES.register
class DataNotFinite(Diagnosis):
    """Inputs or targets that are NaN or infinite, and a run that suffers from it."""

    code = "K028"
    aliases = ("nan in the data", "nan inputs", "missing values", "nan in data", "データの欠損", "欠損値")
    depth = 0
    points_at = ("model", "loss", "backward")
    explains = (
        "not_finite",
        "exploding_gradient",
        "vanishing_gradient",
        "learning_rate_too_high",
        "learning_rate_too_low",
        "not_learning",
        "under_fitting",
        "dead_units",
        "saturated_units",
        "labels_wrong",
        "label_noise",
    )

    def sign(self, visit: Consultation) -> Sign | None:
        """Any input or target that is not finite, unless the training step itself makes it so."""
        data, origin = visit.patient.data, visit.patient.origin
        made = origin is not None and origin.ordinary and origin.part == "value"
        if data.mean is None or made:
            return None
        features = int((~np.isfinite(data.mean)).sum())
        ends = [end for end in (data.target_low, data.target_high) if end is not None]
        targets = any(not np.isfinite(end).all() for end in ends)
        if not features and not targets:
            return None
        first = int(np.flatnonzero(~np.isfinite(data.mean))[0]) if features else 0
        details = {
            "fault": "" if features else "targets",
            "features": features,
            "all": len(data.mean),
            "first": first,
        }
        measures = (Measure("nonfinite_features", float(features), 0.0),)
        return Sign(measures, None, 0, "severe", certain=True, details=details)

    def harm(self, visit: Consultation, sign: Sign) -> bool:
        """Worse than simple learners, or a loss that is not finite either."""
        return visit.harmed or not np.isfinite(visit.patient.losses).all()
