"""The dock widget's form: which video to segment, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from magicgui.widgets import (
    ComboBox,
    Container,
    FileEdit,
    FloatSpinBox,
    Label,
    LineEdit,
    PushButton,
)
from magicgui.widgets.bases import Widget
from qtpy.QtWidgets import QComboBox, QSizePolicy

from napari_tavis.core.errors import TavisError
from napari_tavis.core.vocabulary import parse_vocabulary
from napari_tavis.engine import TOY_MODEL, EngineOptions
from napari_tavis.widgets.reader import VIDEO_SUFFIXES

_FROM_FILE = "file"
_SHRINK = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
_MODELS = "Models …"
_DEMONSTRATION = "A demonstration: it knows drawn toy scenes only."


class SettingsForm:
    """Which video to segment, with which model, and how.

    `models` names what the engine has, the toy first.
    """

    def __init__(self, models: Callable[[], Sequence[str]]) -> None:
        self._installed = models
        patterns = " ".join(f"*{suffix}" for suffix in VIDEO_SUFFIXES)
        self.video = FileEdit(
            label="video",
            filter=f"Videos ({patterns})",
            nullable=True,
            value=None,
            tooltip="The video to annotate. Or drop it into the viewer.",
        )
        self.model = ComboBox(
            label="model",
            choices=self._models,
            tooltip=(
                "The network that proposes masks: the bundled toy, a model installed with "
                "Models …, or a checkpoint file."
            ),
        )
        self.models = PushButton(text=_MODELS)
        self.demonstration = Label(label=" ", value=_DEMONSTRATION)
        self.demonstration.native.setWordWrap(True)
        self.demonstration.native.setMinimumWidth(120)
        self.checkpoint = FileEdit(
            label="file",
            filter="Checkpoints (*.safetensors *.pth)",
            nullable=True,
            value=None,
            visible=False,
            tooltip="A TAViS checkpoint: .safetensors, as the train command writes it, or .pth.",
        )
        self.device = ComboBox(
            label="device",
            choices=["auto", "cuda", "mps", "cpu"],
            tooltip="Where the network runs. auto takes a GPU where there is one.",
        )
        self.fps = FloatSpinBox(
            label="frames / s",
            value=1.0,
            min=0.1,
            max=30.0,
            step=0.5,
            tooltip="Sampled frames per second of video. AVSBench has 1.",
        )
        self.vocabulary = LineEdit(
            label="classes",
            tooltip=(
                "The class names in play, separated by commas, such as: dog, guitar, rain. "
                "Left empty, the model's own: AVSBench's 70, or the toy's."
            ),
        )
        self.vocabulary.native.setPlaceholderText("the model's own")
        self.models.native.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.video_row: Container[Widget] = Container(widgets=[self.video])
        model_row: Container[Widget] = Container(
            widgets=[self.model, self.models], layout="horizontal", labels=False, label="model"
        )
        model_row.margins = (0, 0, 0, 0)
        self.details: Container[Widget] = Container(
            widgets=[
                model_row,
                self.demonstration,
                self.checkpoint,
                self.device,
                self.fps,
                self.vocabulary,
            ]
        )
        self.video_row.margins = self.details.margins = (0, 0, 0, 0)
        _let_shrink(self.model, self.device)
        self.model.changed.connect(self._show_model)

    def read(self) -> EngineOptions:
        """Read the form.

        Raises
        ------
        TavisError
            If no checkpoint file is chosen yet, or the vocabulary cannot be read.
        """
        model: str | Path = self.model.value
        if model == _FROM_FILE:
            chosen = path_of(self.checkpoint)
            if chosen is None:
                raise TavisError("Choose a checkpoint file, or choose the toy model.")
            model = chosen
        words = self.vocabulary.value.strip()
        return EngineOptions(
            model=model,
            device=self.device.value,
            fps=self.fps.value,
            vocabulary=parse_vocabulary(words) if words else (),
        )

    def summary(self) -> str:
        """Describe in a few words which model sees how many frames."""
        path = path_of(self.checkpoint)
        model = str(self.model.value)
        if model == TOY_MODEL:
            model = "toy model (demonstration)"
        if self.model.value == _FROM_FILE:
            model = "no checkpoint yet" if path is None else path.name
        return f"{model} · {self.fps.value:g} frames/s"

    def choose_model(self, name: str) -> None:
        """Take an installed model."""
        self.refresh_models()
        self.model.value = name

    def choose_checkpoint(self, path: Path) -> None:
        """Take a checkpoint file instead of the toy model."""
        self.model.value = _FROM_FILE
        self.checkpoint.value = path

    def refresh_models(self) -> None:
        """Offer the models that are installed now; what is chosen stays chosen if it is there."""
        self.model.reset_choices()

    def show_download(self, done: int = 0, total: int = 0, _what: str = "") -> None:
        """Show how far the work on models is; a total of 0 means that none runs."""
        share = f"{done / total:.0%}" if total else ""
        self.models.text = f"{share} …" if share else _MODELS

    def _models(self, _box: object) -> list[tuple[str, str]]:
        """Give what can be chosen as the model, as it is shown and as it is called."""
        titles = {TOY_MODEL: "Toy (demonstration)"}
        models = [(titles.get(name, name), name) for name in self._installed()]
        return [*models, ("Checkpoint file …", _FROM_FILE)]

    def _show_model(self, model: str) -> None:
        self.demonstration.visible = model == TOY_MODEL
        self.checkpoint.visible = model == _FROM_FILE


def path_of(field: FileEdit) -> Path | None:
    """Give the one path that a field names, or None while it names none."""
    value = field.value
    if value is None or isinstance(value, tuple) or not str(value).strip(". "):
        return None
    return Path(value)


def _let_shrink(*boxes: ComboBox) -> None:
    """Let combo boxes be narrower than their longest choice."""
    for box in boxes:
        box.native.setSizeAdjustPolicy(_SHRINK)
        box.native.setMinimumContentsLength(10)
