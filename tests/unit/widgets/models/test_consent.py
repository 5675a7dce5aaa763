"""Licences are shown before a file of the authors is used without installing it, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_tavis.weights.licences import licences_of, not_shown_yet
from napari_tavis.weights.store import Store
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.models.consent import ConsentDialog

pytestmark = pytest.mark.gui


def test_segmenting_with_a_checkpoint_file_waits_for_consent(
    dock: AnnotationDock, annotated_video: Path, open_in, store: Store, tmp_path: Path
) -> None:
    open_in(dock, annotated_video)
    (tmp_path / "S4.pth").write_bytes(b"no checkpoint")
    dock.annotate.settings.choose_checkpoint(tmp_path / "S4.pth")
    dock.annotate.segment.native.click()
    (consent,) = dock.findChildren(ConsentDialog)
    assert not dock.controller.jobs.busy
    consent.reject()
    assert not_shown_yet(store.home, licences_of("tavis"))
    dock.annotate.segment.native.click()
    consent = dock.findChildren(ConsentDialog)[-1]
    consent.agree.click()
    assert dock.controller.jobs.busy
    assert not not_shown_yet(store.home, licences_of("tavis"))
