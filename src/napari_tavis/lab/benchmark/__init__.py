"""What a model costs on this machine: operations, seconds and memory, part by part."""

from napari_tavis.lab.benchmark.measure import Options, measure
from napari_tavis.lab.benchmark.report import Report, format_report

__all__ = ["Options", "Report", "format_report", "measure"]
