"""The number format and the image size of a model to install."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox, QFormLayout

from napari_tavis.weights.installing import DEFAULT_DTYPE, DTYPES
from napari_tavis.widgets.models.work import InstallOptions

_FORMAT = (
    "How numbers are kept on the disk. float16 takes half the space and loses nothing that "
    "matters; float32 loses nothing at all; bfloat16 is for weights too large for float16."
)
_SIZE = (
    "Pixels per side at which the model sees frames: its own is that of its file where the file "
    "says it, else 224. Choose 1024 for a checkpoint that was trained at 1024."
)
_SIZES = (224, 1024)


class OptionRows:
    """Asks for the number format and the image size.

    Parameters
    ----------
    form : QFormLayout
        Where the rows are added.
    """

    def __init__(self, form: QFormLayout) -> None:
        self.dtype = QComboBox()
        for dtype in DTYPES:
            self.dtype.addItem(dtype)
        self.dtype.setCurrentText(DEFAULT_DTYPE)
        self.dtype.setToolTip(_FORMAT)
        self.image_size = QComboBox()
        self.image_size.addItem("the model's own", None)
        for size in _SIZES:
            self.image_size.addItem(f"{size} pixels", size)
        self.image_size.setToolTip(_SIZE)
        form.addRow("number format", self.dtype)
        form.addRow("image size", self.image_size)

    def read(self) -> InstallOptions:
        """Give what is chosen."""
        return InstallOptions(self.dtype.currentText(), self.image_size.currentData())
