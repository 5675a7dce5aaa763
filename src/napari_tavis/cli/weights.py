"""The commands about installed models: ``weights list``, ``import``, ``download`` and so on.

The packages are imported where they are used: ``--help`` must not wait for torch.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_tavis.cli.console import say, terminal_task
from napari_tavis.core.boundary import require_writable
from napari_tavis.core.tasks import Cancelled

if TYPE_CHECKING:
    from napari_tavis.weights.licences import Licence
    from napari_tavis.weights.store import ModelCard, Store

_Dtype = Annotated[
    Literal["float16", "bfloat16", "float32"],
    typer.Option(help="Number format of the weights on disk."),
]
_ImageSize = Annotated[
    int | None,
    typer.Option(min=32, help="Pixels per side the model was trained at: 224 (default) or 1024."),
]
_Replace = Annotated[
    bool, typer.Option("--replace", help="Replace an installed model of this name.")
]
_Yes = Annotated[bool, typer.Option("--yes", help="Agree to the licences without being asked.")]

weights = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Install official models, list them, remove them.",
)


@weights.command("list")
def list_models(
    json_out: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read all files and check them.")
    ] = False,
) -> None:
    """Show the installed models, and what can be downloaded.

    Each model comes with its size, source, SHA-256 and licence; its name can be given as --model
    to the other commands.
    """
    from napari_tavis.core.errors import TavisError
    from napari_tavis.weights import overview
    from napari_tavis.weights.store import Store

    store = Store()
    cards = store.cards()
    problems = overview.problems(store, cards)
    with terminal_task() as task:
        for card in cards if verify else ():
            if problem := store.verify(card, task):
                problems[card.name] = problem
    if json_out:
        print(json.dumps([_as_json(store, card, problems) for card in cards], indent=2))
    else:
        for card in cards:
            _print_card(store, card)
        if not cards:
            print("No model is installed but the bundled toy.")
        offers = overview.offers(store)
        if offers:
            print("\nAvailable with: napari-tavis weights download NAME")
        for offer in offers:
            by_hand = "" if offer.source.url else f" (by hand, from {offer.source.page})"
            partial = overview.progress_in_words(offer.unfinished)
            arrived = f" ({partial} downloaded)" if partial else ""
            print(f"  {offer.source.name:22} {offer.source.title}{by_hand}{arrived}")
    for name, problem in problems.items():
        say(f"warning: {name} is damaged, {problem}: remove it and install it again.")
    if verify and problems:
        raise TavisError(f"Damaged: {', '.join(problems)}.")


@weights.command("import")
def import_model(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="A checkpoint of TAViS; or SAM 2's and ImageBind's, to train from. An installed "
            "part may be given by its name.",
        ),
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the model; by default that of the file.")
    ] = None,
    dtype: _Dtype = "float16",
    image_size: _ImageSize = None,
    replace: _Replace = False,
    yes: _Yes = False,
) -> None:
    """Install a model from files that you already have.

    For example:

        napari-tavis weights import S4.pth --name tavis_s4
        napari-tavis weights import sam2_hiera_large.pt imagebind_huge.pth --name start
    """
    from napari_tavis.weights.installing import import_files
    from napari_tavis.weights.licences import LICENCES
    from napari_tavis.weights.store import Store, suggest_name

    store = Store()
    if name is None:
        name = suggest_name(files, [card.name for card in store.cards()])
    store.check_name(name, replace)
    show_licences(LICENCES.values(), yes)
    with terminal_task() as task:
        card = import_files(
            store,
            files,
            name,
            dtype=dtype,
            image_size=image_size,
            replace=replace,
            task=task,
        )
    _report(card)


@weights.command("download")
def download(
    source_name: Annotated[
        str, typer.Argument(metavar="NAME", help="Such as tavis_s4; see: weights list.")
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the model; by default that of the source.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Another address of the same file, such as a mirror.")
    ] = None,
    dtype: _Dtype = "float16",
    image_size: _ImageSize = None,
    replace: _Replace = False,
    accept_changed: Annotated[
        bool, typer.Option("--accept-changed", help="Accept the file even if its checksum is new.")
    ] = False,
    yes: _Yes = False,
) -> None:
    """Download official weights and install them.

    A download that was cancelled or cut off resumes where it stopped.

    For example:

        napari-tavis weights download tavis_s4
    """
    from dataclasses import replace as changed

    from napari_tavis.weights.installing import download_model
    from napari_tavis.weights.licences import licences_of
    from napari_tavis.weights.sources import find_source
    from napari_tavis.weights.store import Store

    store, source = Store(), find_source(source_name)
    if url is not None:
        source = changed(source, url=url)
    store.check_name(source.name if name is None else name, replace)
    if source.url:
        show_licences(licences_of(source.kind), yes)
    with terminal_task() as task:
        card = download_model(
            store,
            source,
            name,
            dtype=dtype,
            image_size=image_size,
            replace=replace,
            accept_changed=accept_changed,
            task=task,
        )
    _report(card)


@weights.command("remove")
def remove(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Installed models.")],
) -> None:
    """Remove installed models from the disk."""
    from napari_tavis.weights.files import in_words
    from napari_tavis.weights.store import Store

    store = Store()
    for name in names:
        store.card(name)
    for name in names:
        print(f"{name} removed, {in_words(store.remove(name))} freed")


@weights.command("where")
def where(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="An installed model.")
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option("--set", help="Keep models here from now on.", file_okay=False),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Undo --set.")] = False,
) -> None:
    """Print the directory of the models, or the file of one; or move the directory.

    The environment variable NAPARI_TAVIS_HOME overrides what was set. Models that are already
    installed stay where they are.
    """
    from napari_tavis.core.errors import WeightsError
    from napari_tavis.core.home import set_home
    from napari_tavis.weights.store import Store

    if directory is not None:
        require_writable(directory)
    if directory is not None or reset:
        try:
            set_home(directory)
        except OSError as error:
            raise WeightsError(f"The setting cannot be saved: {error.strerror}.") from error
    store = Store()
    print(store.models if name is None else store.path(store.card(name).name))


def show_licences(licences: Iterable[Licence], yes: bool = False) -> None:
    """Show licences that the user has not seen; a person at a terminal is asked to agree.

    `yes` says that the user has agreed already. Raises `Cancelled` if the user does not agree.
    """
    from napari_tavis.core.errors import WeightsError
    from napari_tavis.core.home import home
    from napari_tavis.weights.licences import not_shown_yet, note_shown

    new = not_shown_yet(home(), licences)
    if not new:
        return
    say("These weights come under their authors' licences:")
    for licence in new:
        say(f"  {licence.describe()}")
    if not yes and sys.stdin.isatty() and not typer.confirm("Do you agree?", err=True):
        raise Cancelled
    try:
        note_shown(home(), new)
    except WeightsError as error:
        say(f"warning: they will be shown again: {error}")


def _report(card: ModelCard) -> None:
    """Say what was installed, and how to use it."""
    if card.note:
        say(f"{card.name}: {card.note}.")
    if card.runs:
        say(f"Use it with: --model {card.name}")
    print(card.name)


def _as_json(store: Store, card: ModelCard, problems: dict[str, str]) -> dict[str, object]:
    from dataclasses import asdict

    return {
        **asdict(card),
        "path": str(store.path(card.name)),
        "problem": problems.get(card.name, ""),
    }


def _print_card(store: Store, card: ModelCard) -> None:
    from napari_tavis.weights.files import in_words
    from napari_tavis.weights.overview import facts, sizes_in_words

    print(f"{card.name}  {in_words(card.bytes)}  {sizes_in_words(card)}")
    if card.note:
        print(f"  {card.note}")
    for what, fact in facts(store, card):
        print(f"  {what:8} {fact}")
