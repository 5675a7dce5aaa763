from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.proposals import Proposals
from napari_tavis.core.vocabulary import class_color, class_index
from napari_tavis.widgets.object_layers import ObjectLayers

DOG, DRUM, SCENE = 1, 2, 3


@pytest.fixture
def session(toy_video: Path, proposals: Proposals, tmp_path: Path) -> AnnotationSession:
    return AnnotationSession.create(toy_video, proposals, path=tmp_path / "clip.tavis")


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def layers(viewer: ViewerModel, session: AnnotationSession) -> ObjectLayers:
    layers = ObjectLayers(viewer.layers)
    layers.show_all(session)
    return layers


def test_each_object_has_a_layer_in_its_class_colour(
    viewer: ViewerModel, layers: ObjectLayers
) -> None:
    assert [layer.name for layer in viewer.layers] == ["scene: all that sounds", "drum", "dog"]
    for object_id, name in ((DOG, "dog"), (DRUM, "drum")):
        color = np.array(class_color(class_index(name))) / 255
        layer = layers.layer(object_id)
        np.testing.assert_allclose(layer.get_color(1)[:3], color, atol=1e-6)
        np.testing.assert_allclose(layer.get_color(5)[:3], color, atol=1e-6)
        assert layer.editable
        assert layer.selected_label == 1


def test_the_scene_mask_is_a_hidden_outline(layers: ObjectLayers) -> None:
    layer = layers.layer(SCENE)
    assert not layer.visible
    assert layer.contour > 0


def test_a_layer_is_known_by_itself_and_not_by_its_name(
    viewer: ViewerModel, layers: ObjectLayers
) -> None:
    dog, drum = layers.layer(DOG), layers.layer(DRUM)
    dog.name, drum.name = "drum", "dog"
    assert layers.object_of(dog) == DOG
    assert layers.object_of(drum) == DRUM
    assert layers.object_of(viewer.add_labels(np.zeros((3, 4), dtype=int))) is None


def test_flush_tells_what_was_painted(layers: ObjectLayers, session: AnnotationSession) -> None:
    told = []
    layers.painted.connect(lambda: told.append(True))
    layers.layer(DRUM).paint((60, 100, 100), 1)
    assert told == [True]
    assert layers.flush() == {DRUM: [60]}
    assert session.mask(DRUM, 60).any()


def test_a_deleted_layer_keeps_its_object(
    viewer: ViewerModel, layers: ObjectLayers, session: AnnotationSession
) -> None:
    hidden: list[int] = []
    layers.hidden.connect(hidden.append)
    layers.layer(DOG).paint((60, 100, 100), 1)
    viewer.layers.remove(layers.layer(DOG))
    assert hidden == [DOG]
    assert layers.layer(DOG) is None
    assert session.mask(DOG, 60)[100, 100]
    layers.show(session, DOG)
    assert layers.layer(DOG) in viewer.layers


def test_clearing_takes_away_its_own_layers_only(viewer: ViewerModel, layers: ObjectLayers) -> None:
    other = viewer.add_labels(np.zeros((3, 4), dtype=int), name="dog")
    hidden: list[int] = []
    layers.hidden.connect(hidden.append)
    layers.clear()
    assert list(viewer.layers) == [other]
    assert hidden == []


def test_the_active_layer_is_told(viewer: ViewerModel, layers: ObjectLayers) -> None:
    told: list[int] = []
    layers.selected.connect(told.append)
    viewer.layers.selection.active = layers.layer(DRUM)
    assert set(told) == {DRUM}


def test_a_new_class_changes_name_and_colour(
    layers: ObjectLayers, session: AnnotationSession
) -> None:
    session.rename(DOG, "cat")
    layers.refresh(session, [DOG])
    layer = layers.layer(DOG)
    assert layer.name == "cat"
    color = np.array(class_color(class_index("cat"))) / 255
    np.testing.assert_allclose(layer.get_color(1)[:3], color, atol=1e-6)
