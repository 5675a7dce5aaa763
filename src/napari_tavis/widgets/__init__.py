"""The napari plugin: everything that knows napari or Qt.

`controller` keeps the open video, its session and its layers together; `workbench` adds what is
done with them, and knows no panel. `commands` is the one table of what can be done: buttons, menus
and keys are made of it. `dock` and its pages show all that. What napari does not promise is in
`napari_compat`.
"""
