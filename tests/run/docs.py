# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the documentation's site: the README as its front, the guides, and a page for each plugin and role.

Every document in Markdown is a page at the place that it has in the checkout, so links from one to another need
nothing. A link to another file becomes one to the repository, and one to the repository's page of a document becomes
one to ours. The guides are listed in the order of the README; what it does not name comes last. The build needs no
network but for its tools' installation, and a warning of any of them is an error.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath

import environments
import sources
import steps

NAME = "linuxnet.ipvs"
SITE = steps.CHECKOUT / "tests" / "site"
REPOSITORY = "https://github.com/linuxnet-collections/linuxnet.ipvs"
#: What the repository has of a file: its page, and its content
PAGE, CONTENT = f"{REPOSITORY}/blob/main/", "https://raw.githubusercontent.com/linuxnet-collections/linuxnet.ipvs/main/"
FRONT, FRONT_PAGE = "README.md", "index.md"
#: The folder with a page for each plugin
REFERENCE = "reference"
#: What is called otherwise in the table of contents than on top of its page
TITLES = {f"{REFERENCE}/index": "Modules and plugins <%s>"}
#: A page in a table of contents by antsibull-docs, whose title has the collection's name and a sentence
ENTRY = re.compile(r"^(    )(\w+?)(_(?:module|filter|become|inventory|role))$", re.MULTILINE)
#: What it puts on top of a page, and our theme shows beside it
ON_TOP = re.compile(r"^\.\. contents::\n(?:   :.*\n)*", re.MULTILINE)
MODULE = re.compile(r"(?<![\[`])`linuxnet\.ipvs\.(\w+)`(?![\]`])")
LINK = re.compile(r"(?<=\]\()([^()\s]+)(?=\))")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


class Broken(Exception):
    """A link that leads nowhere."""


def documents(files: Collection[str]) -> list[str]:
    """The documents among the files of the checkout that are pages of the site."""
    return sorted(name for name in files if name.endswith(".md") and not name.startswith("."))


def aimed(target: str, page: str, files: Collection[str]) -> str:
    """Where a link of a page leads on the site. Raises Broken if there is no such file in the checkout."""
    target, hash_, anchor = target.partition("#")
    if target.startswith((PAGE, CONTENT)):
        path = target.removeprefix(PAGE).removeprefix(CONTENT)
    elif not target or ":" in target:
        return target + hash_ + anchor
    else:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
    if path not in files and not any(name.startswith(path.rstrip("/") + "/") for name in files):
        raise Broken(f"{page}: no file {path} for the link {target}")
    if path in documents(files) or path.endswith(".svg"):
        path = FRONT_PAGE if path == FRONT else path
        return posixpath.relpath(path, posixpath.dirname(page) or ".") + hash_ + anchor
    return f"{PAGE}{path}{hash_}{anchor}"


def linked_modules(text: str, page: str, files: Collection[str]) -> str:
    """A text with each module that it names in full as a link to its page; headings and links stay as they are."""

    def link(found: re.Match[str]) -> str:
        if f"plugins/modules/{found[1]}.py" not in files:
            return found[0]
        to = posixpath.relpath(f"{REFERENCE}/{found[1]}_module.rst", posixpath.dirname(page) or ".")
        return f"[{found[0]}]({to})"

    return MODULE.sub(link, text)


def aimed_all(text: str, page: str, files: Collection[str]) -> str:
    """A document with its links as they are on the site; what stands in blocks of code stays as it is."""

    def prose(text: str) -> str:
        return linked_modules(LINK.sub(lambda found: aimed(found[1], page, files), text), page, files)

    parts: list[str] = []
    end = 0
    for block in FENCE.finditer(text):
        parts += [prose(text[end : block.start()]), block.group()]
        end = block.end()
    return "".join([*parts, prose(text[end:])])


def contents(front: str, pages: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The site's parts: each caption with its pages, in the order in which the front page names them."""
    named = [name.removeprefix(PAGE).partition("#")[0] for name in LINK.findall(front)]
    order = sorted(pages, key=lambda page: (named.index(page) if page in named else len(named), page))
    guides = [page for page in order if page.startswith("docs/") and page in named]
    roles = [page for page in order if page.startswith("roles/")]
    yield "Guides", guides
    yield "Reference", [f"{REFERENCE}/index", *roles]
    yield "Project", [page for page in order if page not in (FRONT, *guides, *roles)] + ["CHANGELOG"]


def toctree(caption: str, pages: Sequence[str]) -> str:
    """A part of the site's table of contents, for the front page."""
    names = "\n".join(TITLES.get(page, "%s") % ("/" + str(PurePosixPath(page).with_suffix(""))) for page in pages)
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{names}\n```\n"


def write(folder: Path) -> None:
    """Write the pages that are not made by antsibull-docs."""
    names = sources.files(new=True)
    files = {str(name) for name in names or (path.relative_to(steps.CHECKOUT) for path in steps.CHECKOUT.rglob("*"))}
    pages = documents(files)
    for page in pages:
        target = folder / page
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(aimed_all((steps.CHECKOUT / page).read_text(), page, files))
    front = folder / FRONT
    parts = contents((steps.CHECKOUT / FRONT).read_text(), pages)
    (folder / FRONT_PAGE).write_text(front.read_text() + "".join(toctree(*part) for part in parts))
    front.unlink()
    for picture in (name for name in files if name.startswith("docs/") and name.endswith(".svg")):
        shutil.copy2(steps.CHECKOUT / picture, folder / picture)
    shutil.copy2(steps.CHECKOUT / "CHANGELOG.rst", folder)


def shorten(folder: Path) -> None:
    """Take out of the pages by antsibull-docs what our theme has elsewhere, and shorten the names in its menu."""
    for page in folder.glob("*.rst"):
        page.write_text(ENTRY.sub(r"\1\2 <\2\3>", ON_TOP.sub("", page.read_text())))


def build(output: Path) -> steps.Step:
    """Build the site into a folder, which is made anew."""
    start = time.monotonic()
    pages = output / "pages"
    shutil.rmtree(output, ignore_errors=True)
    # antsibull-docs writes only where nobody else may.
    (pages / REFERENCE).mkdir(mode=0o700, parents=True)
    try:
        binaries = environments.installed("docs", [steps.CHECKOUT / "requirements-docs.txt"])
        write(pages)
    except (Broken, environments.NotInstalled) as exc:
        return steps.Step("docs", time.monotonic() - start, str(exc))
    env = {
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(SITE),
        "ANSIBLE_COLLECTIONS_PATH": str(steps.CHECKOUT / ".venv" / "collections"),
    }
    antsibull, sphinx = binaries / "antsibull-docs", binaries / "sphinx-build"
    lint = ["lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "dependent"]
    reference = ["collection", "--use-current", "--squash-hierarchy", "--no-add-antsibull-docs-version"]
    site = ["--conf-dir", str(SITE), "--builder", "html", "--fail-on-warning", "--keep-going", "--quiet"]
    commands: list[list[str | Path]] = [
        [antsibull, *lint, str(steps.CHECKOUT)],
        [antsibull, *reference, "--fail-on-error", "--dest-dir", pages / REFERENCE, NAME],
        [sphinx, *site, "--doctree-dir", output / "doctrees", pages, output / "html"],
    ]
    for command in commands:
        shorten(pages / REFERENCE)
        step = steps.run("docs", command, env)
        if step.failure is not None:
            break
    return steps.Step("docs", time.monotonic() - start, step.failure)


def main() -> int:
    output = steps.OUTPUT / "docs"
    step = build(output)
    steps.tell(step)
    if step.failure is None:
        print(f"The site: {output / 'html' / 'index.html'}")
    return 0 if step.failure is None else 1


if __name__ == "__main__":
    sys.exit(main())
