"""The table of formats is whole: whoever adds one finds here what is missing."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest

from napari_tavis.cli import annotation as commands
from napari_tavis.datasets.avsbench.layout import SUBSETS
from napari_tavis.exchange.exporting import FORMATS
from napari_tavis.exchange.format import Choice, ExportRequest, Format, FormatName
from napari_tavis.exchange.selection import MaskSource


def test_every_format_can_be_chosen_in_the_window_and_on_the_command_line() -> None:
    names = {format.name for format in FORMATS.values()}
    assert names == set(get_args(FormatName)) == set(get_args(commands.Format))
    assert [format.subset for format in FORMATS.values() if format.subset] == list(SUBSETS)
    assert set(SUBSETS) == set(get_args(commands.Subset))


def test_choices_are_fields_of_a_request() -> None:
    assert set(get_args(Choice)) <= {field.name for field in fields(ExportRequest)}


@pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
def test_a_format_says_what_may_be_chosen(format: Format) -> None:
    assert format.title
    assert format.choices <= set(get_args(Choice))
    assert set(format.mask_sources) <= set(get_args(MaskSource))
    assert ("subset" in format.choices) == (format.subset is not None)
