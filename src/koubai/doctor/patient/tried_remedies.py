"""Remedies of the catalog that can be tried on a program from outside, and by which change."""

from __future__ import annotations

from koubai.doctor.patient.clinic import Change

REMEDIES: dict[str, Change] = {
    "lower_learning_rate": Change("learning_rate", 0.1),
    "lower_learning_rate_hundredfold": Change("learning_rate", 0.01),
    "lower_learning_rate_thousandfold": Change("learning_rate", 0.001),
    "raise_learning_rate": Change("learning_rate", 10.0),
    "raise_learning_rate_hundredfold": Change("learning_rate", 100.0),
    "raise_learning_rate_thousandfold": Change("learning_rate", 1000.0),
    "keep_learning_rate": Change("no_schedule"),
    "stop_clipping": Change("no_clip"),
    "use_adam": Change("adam", 1e-3),
    "clip_gradients": Change("clip", 1.0),
    "suitable_init": Change("init_suitable"),
    "standardize_inputs": Change("standardize_inputs"),
}

BY_NAME: dict[str, Change] = {
    "gradients_not_reset": Change("reset_gradients"),
    "trained_in_test_mode": Change("train_mode"),
    "over_regularized": Change("no_decay"),
}
"""Changes that treat a diagnosis and are no remedy of the catalog: only a program can be mended so."""


def remedy_of(change: Change) -> str | None:
    """Return the remedy that is this change; None if the catalog has none."""
    return next((name for name, made in REMEDIES.items() if made == change), None)


def highest_rate() -> float:
    """Return the highest rate that is tried, in multiples of the run's."""
    return max(change.value or 1.0 for change in REMEDIES.values() if change.name == "learning_rate")
