"""Commands that first ask the user something, in the dock's object panel or a dialog."""

from __future__ import annotations

from napari_tavis.widgets.commands import Command

COMMANDS = (
    Command(
        "add_object",
        "New object",
        "N",
        lambda controller: controller.asked.emit("add_object"),
        "Type the class of an object that the model did not find, and paint it yourself.",
    ),
    Command(
        "rename",
        "Give the object another class",
        "Shift+N",
        lambda controller: controller.asked.emit("rename"),
        "Type another class in the object's row.",
    ),
    Command(
        "merge",
        "Merge another object into this one",
        "Shift+M",
        lambda controller: controller.asked.emit("merge"),
        "Choose the object whose masks join the chosen one's.",
    ),
    Command(
        "show_models",
        "Show the models",
        None,
        lambda controller: controller.asked.emit("show_models"),
        "See the installed models; download, import and remove some.",
    ),
    Command(
        "improve_model",
        "Improve the model",
        None,
        lambda controller: controller.asked.emit("improve_model"),
        "Teach a model with the clips that were corrected and accepted.",
    ),
    Command(
        "show_keys",
        "Show all keys",
        "H",
        lambda controller: controller.asked.emit("show_keys"),
        "List the keys of the plugin, and those of napari that painting needs.",
    ),
)
"""What the dock answers; see `AnnotationController.asked`."""
