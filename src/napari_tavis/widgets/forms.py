"""The dock widget's forms: what to segment and how, and where to export."""

from __future__ import annotations

from pathlib import Path

from magicgui.types import FileDialogMode
from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    FileEdit,
    FloatSpinBox,
    Label,
    LineEdit,
    SpinBox,
)
from magicgui.widgets.bases import Widget
from qtpy.QtWidgets import QComboBox

from napari_tavis.errors import TavisError
from napari_tavis.vocabulary import parse_vocabulary
from napari_tavis.widgets.reader import VIDEO_SUFFIXES
from napari_tavis.widgets.work import TOY_MODEL, ExportOptions, SegmentOptions

_FROM_FILE = "file"
_SHRINK = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
_DEMONSTRATION = "A demonstration: it knows drawn toy scenes only."
_SUBSETS = {
    "s4": "s4: one source, masks",
    "ms3": "ms3: several, masks",
    "v1s": "v1s: one source, classes",
    "v1m": "v1m: several, classes",
    "v2": "v2: any, 10 s, classes",
}
_BINARY_MASKS = (
    "What the binary masks of s4 and ms3 show: the scene mask (the objects where you edited "
    "these alone), or all objects."
)


class SettingsForm(Container[Widget]):
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
        _let_shrink(self.model, self.device)
        self.model.changed.connect(self._show_model)

    def read(self) -> SegmentOptions:
        """Read the form.

        Raises
        ------
        TavisError
            If a checkpoint file is to be chosen yet, or the vocabulary cannot be read.
        """
        model: str | Path = TOY_MODEL
        if self.model.value == _FROM_FILE:
            chosen = path_of(self.checkpoint)
            if chosen is None:
                raise TavisError("Choose a checkpoint file, or take the toy model.")
            model = chosen
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


class ExportForm(Container[Widget]):
    """Where to export to, and as what."""

    def __init__(self) -> None:
        self.root = FileEdit(
            label="dataset",
            mode=FileDialogMode.EXISTING_DIRECTORY,
            nullable=True,
            value=None,
            tooltip="The dataset's folder: a new one, or an AVSBench dataset to add to.",
        )
        self.subset = ComboBox(
            label="subset",
            choices=[(text, key) for key, text in _SUBSETS.items()],
            value="v1m",
            tooltip=(
                "Which part of AVSBench the clip is written as: of one sounding source or of "
                "several, 5 s (v2: 10 s) long, with binary masks or with classes."
            ),
        )
        self.split = ComboBox(
            label="split",
            choices=["train", "val", "test"],
            tooltip="Training, validation or test part of the dataset.",
        )
        self.start = SpinBox(
            label="from second",
            value=0,
            min=0,
            max=86_400,
            tooltip="Where the 5 s (v2: 10 s) that are exported start in the video.",
        )
        self.clip_name = LineEdit(
            label="name",
            tooltip="Name of the clip in the dataset. Left empty, one made from the video's.",
        )
        self.clip_name.native.setPlaceholderText("the video's name")
        self.masks = ComboBox(
            label="masks",
            choices=[("the scene mask", "scene"), ("the objects' masks", "objects")],
            tooltip=_BINARY_MASKS,
        )
        self.overwrite = CheckBox(
            text="replace a clip of the same name",
            tooltip="Otherwise nothing in the dataset is ever overwritten.",
        )
        super().__init__(
            widgets=[
                self.root,
                self.subset,
                self.split,
                self.start,
                self.clip_name,
                self.masks,
                self.overwrite,
            ]
        )
        self.margins = (0, 0, 0, 0)
        _let_shrink(self.subset, self.split, self.masks)
        self.subset.changed.connect(self._show_subset)
        self._show_subset(self.subset.value)

    def read(self) -> ExportOptions:
        """Read the form.

        Raises
        ------
        TavisError
            If the dataset's folder is to be chosen yet.
        """
        root = path_of(self.root)
        if root is None:
            raise TavisError("Choose the dataset's folder first.")
        return ExportOptions(
            root=root,
            subset=self.subset.value,
            split=self.split.value,
            start=float(self.start.value),
            name=self.clip_name.value.strip(),
            masks=self.masks.value,
            overwrite=self.overwrite.value,
        )

    def _show_subset(self, subset: str) -> None:
        binary = subset in ("s4", "ms3")
        self.masks.enabled = binary
        reason = "Subsets with classes are always made of the objects' masks."
        self.masks.tooltip = _BINARY_MASKS if binary else f"{_BINARY_MASKS}\n{reason}"


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
