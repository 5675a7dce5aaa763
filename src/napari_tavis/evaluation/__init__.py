"""How good a model is: scores on AVSBench trees, and a report of them."""

from napari_tavis.evaluation.errors import EvaluationError
from napari_tavis.evaluation.evaluator import EvaluationOptions, evaluate
from napari_tavis.evaluation.report import write_report
from napari_tavis.evaluation.scores import Scores, Source

__all__ = ["EvaluationError", "EvaluationOptions", "Scores", "Source", "evaluate", "write_report"]
