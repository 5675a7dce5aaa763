"""The dock widget's forms: what to segment and how, and where to export."""

from __future__ import annotations

from pathlib import Path

from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    FileEdit,
    FloatSpinBox,
    Label,
    LineEdit,
)
from magicgui.widgets.bases import ValueWidget

from napari_tavis.errors import TavisError
from napari_tavis.vocabulary import parse_vocabulary
from napari_tavis.widgets.reader import VIDEO_SUFFIXES
from napari_tavis.widgets.work import TOY_MODEL, ExportOptions, SegmentOptions

_FROM_FILE = "file"
_DEMONSTRATION = "A demonstration: it knows drawn toy scenes only."
_SUBSETS = {
    "s4": "s4: one source, 5 s, binary masks",
    "ms3": "ms3: several sources, 5 s, binary masks",
    "v1s": "v1s: one source, 5 s, classes",
    "v1m": "v1m: several sources, 5 s, classes",
    "v2": "v2: any number of sources, 10 s, classes",
}


class SettingsForm(Container[ValueWidget]):
    """Which video to segment, with which model, and how."""

    def __init__(self) -> None:
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
            choices=[("Toy (demonstration)", TOY_MODEL), ("Checkpoint file …", _FROM_FILE)],
            tooltip="The network that proposes masks: the bundled toy, or a checkpoint file.",
        )
        self.demonstration = Label(label=" ", value=_DEMONSTRATION)
        self.checkpoint = FileEdit(
            label="file",
            filter="Checkpoints (*.safetensors)",
            nullable=True,
            value=None,
            visible=False,
            tooltip="A TAViS checkpoint (.safetensors), as the train command writes it.",
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
        super().__init__(
            widgets=[
                self.video,
                self.model,
                self.demonstration,
                self.checkpoint,
                self.device,
                self.fps,
                self.vocabulary,
            ]
        )
        self.margins = (0, 0, 0, 0)
        self.model.changed.connect(self._show_model)

    def options(self) -> SegmentOptions:
        """Read the form.

        Raises
        ------
        TavisError
            If a checkpoint file is to be chosen yet, or the vocabulary cannot be read.
        """
        model: str | Path = TOY_MODEL
        if self.model.value == _FROM_FILE:
            if self.checkpoint.value is None:
                raise TavisError("Choose a checkpoint file, or take the toy model.")
            model = Path(self.checkpoint.value)
        words = self.vocabulary.value.strip()
        return SegmentOptions(
            model=model,
            device=self.device.value,
            fps=self.fps.value,
            vocabulary=parse_vocabulary(words) if words else (),
        )

    def choose_checkpoint(self, path: Path) -> None:
        """Take a checkpoint file instead of the toy model."""
        self.model.value = _FROM_FILE
        self.checkpoint.value = path

    def _show_model(self, model: str) -> None:
        self.demonstration.visible = model == TOY_MODEL
        self.checkpoint.visible = model == _FROM_FILE


class ExportForm(Container[ValueWidget]):
    """Where to export to, and as what."""

    def __init__(self) -> None:
        self.root = FileEdit(
            label="dataset",
            mode="d",
            nullable=True,
            value=None,
            tooltip="The dataset's folder: a new one, or an AVSBench dataset to add to.",
        )
        self.subset = ComboBox(
            label="subset",
            choices=[(text, key) for key, text in _SUBSETS.items()],
            value="v1m",
            tooltip="Which part of AVSBench the clip is written as.",
        )
        self.split = ComboBox(
            label="split",
            choices=["train", "val", "test"],
            tooltip="Training, validation or test part of the dataset.",
        )
        self.name = LineEdit(
            label="name",
            tooltip="Name of the clip in the dataset. Left empty, the video's name.",
        )
        self.name.native.setPlaceholderText("the video's name")
        self.masks = ComboBox(
            label="masks",
            choices=[("the objects' masks", "objects"), ("the scene mask", "scene")],
            tooltip="What the binary masks of s4 and ms3 show: all objects, or the scene mask.",
        )
        self.overwrite = CheckBox(
            text="replace a clip of the same name",
            label=" ",
            tooltip="Otherwise nothing in the dataset is ever overwritten.",
        )
        super().__init__(
            widgets=[self.root, self.subset, self.split, self.name, self.masks, self.overwrite]
        )
        self.margins = (0, 0, 0, 0)
        self.subset.changed.connect(self._show_subset)
        self._show_subset(self.subset.value)

    def options(self) -> ExportOptions:
        """Read the form.

        Raises
        ------
        TavisError
            If the dataset's folder is to be chosen yet.
        """
        if self.root.value is None or not str(self.root.value).strip(". "):
            raise TavisError("Choose the dataset's folder first.")
        return ExportOptions(
            root=Path(self.root.value),
            subset=self.subset.value,
            split=self.split.value,
            name=self.name.value.strip(),
            masks=self.masks.value,
            overwrite=self.overwrite.value,
        )

    def _show_subset(self, subset: str) -> None:
        binary = subset in ("s4", "ms3")
        self.masks.enabled = binary
        self.masks.tooltip = (
            "What the binary masks show: all objects, or the scene mask."
            if binary
            else "Subsets with classes are always made of the objects' masks."
        )
