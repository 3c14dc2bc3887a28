"""`python -m corpus`: write documents of the corpus into a folder, each with its truth.

Documents go to OUT/documents, truths to OUT/truth: `NAME.json` is the truth of `NAME.pdf`. Kinds
come in turn, and so do the renderings of a kind.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.progress import track

from corpus.document import KINDS, PDF, RENDERINGS, SEED, TEXT, Document, make_document
from corpus.part import Part


def documents(
    part: Part, kinds: Sequence[str], renderings: Sequence[str], count: int, seed: int
) -> Iterator[Document]:
    """Make so many documents, the kinds in turn."""
    for index in range(count):
        number, kind = index // len(kinds), kinds[index % len(kinds)]
        yield make_document(part, kind, number, renderings[number % len(renderings)], seed)


def main() -> int:
    """Write what was asked for; gives the exit code."""
    arguments = _arguments()
    folders = arguments.out / "documents", arguments.out / "truth"
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    made = documents(
        arguments.part, arguments.kinds, arguments.renderings, arguments.count, arguments.seed
    )
    for document in track(made, "documents", total=arguments.count, disable=_is_quiet()):
        write(document, *folders)
    sys.stdout.write(f"{arguments.count} documents in {arguments.out}\n")
    return 0


def write(document: Document, documents_dir: Path, truth_dir: Path) -> None:
    """Write a document and its truth."""
    (documents_dir / f"{document.name}{document.file.suffix}").write_bytes(document.file.data)
    text = json.dumps(document.truth, indent=1, ensure_ascii=False) + "\n"
    (truth_dir / f"{document.name}.json").write_text(text, encoding="utf-8")


def _is_quiet() -> bool:
    return not sys.stderr.isatty()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m corpus")
    parser.add_argument("--part", type=Part, choices=list(Part), default=Part.TRAIN)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--kinds", type=_listed(KINDS), default=KINDS, metavar="KIND,...")
    parser.add_argument(
        "--renderings", type=_listed(RENDERINGS), default=(TEXT, PDF), metavar="RENDERING,...",
        help=", ".join(RENDERINGS),
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    return parser.parse_args()


def _listed(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Return a parser of known names with commas between."""

    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if unknown := set(names) - set(known):
            message = f"{', '.join(sorted(unknown))}: none of {', '.join(known)}"
            raise argparse.ArgumentTypeError(message)
        return names

    return parse


if __name__ == "__main__":
    sys.exit(main())
