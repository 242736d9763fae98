"""Curves for other programs: CSV, Parquet, TensorBoard."""

from koubai.report.export.formats import FORMATS, export

__all__ = ["FORMATS", "export"]
