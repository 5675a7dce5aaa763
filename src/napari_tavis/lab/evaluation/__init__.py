"""How good a model is: scores on AVSBench trees, and a report of them."""

from napari_tavis.core.errors import EvaluationError
from napari_tavis.lab.evaluation.evaluator import EvaluationOptions, evaluate
from napari_tavis.lab.evaluation.report import write_report
from napari_tavis.lab.evaluation.scores import Scores, Source

__all__ = ["EvaluationError", "EvaluationOptions", "Scores", "Source", "evaluate", "write_report"]
