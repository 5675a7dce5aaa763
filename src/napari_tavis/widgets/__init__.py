"""The napari plugin: everything that knows napari or Qt.

`session_labels` and `object_layers` show a session as napari layers, `jobs` runs work off the
GUI thread, `controller` ties them together, and `dock` with its forms shows it.
"""
