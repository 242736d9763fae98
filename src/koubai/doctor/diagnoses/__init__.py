"""Diagnoses, one file each; importing this package registers them."""

from koubai.core.registry import discover, export
from koubai.doctor.diagnoses.diagnosis import DIAGNOSES, Diagnosis

discover(__name__, __path__)
__all__ = ["DIAGNOSES", "Diagnosis", *export(DIAGNOSES, globals())]
