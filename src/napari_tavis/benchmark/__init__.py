"""What a model costs on this machine: operations, seconds and memory, part by part."""

from napari_tavis.benchmark.measure import BenchmarkError, Options, measure
from napari_tavis.benchmark.report import Report, format_report

__all__ = ["BenchmarkError", "Options", "Report", "format_report", "measure"]
