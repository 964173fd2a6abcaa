# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all writers of documents share: a part between two marks is written anew, or, with --check, compared."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import steps


def with_part(document: str, name: str, part: str) -> str:
    """A document with a part between the lines `<!-- NAME:begin -->` and `<!-- NAME:end -->`.

    Raises ValueError without exactly one pair of them.
    """
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
    pattern = re.compile(f"{begin}.*?{end}", re.DOTALL)
    if len(pattern.findall(document)) != 1:
        raise ValueError(f"it needs one line {begin.strip()} and one line {end} after it")
    return pattern.sub(lambda _match: f"{begin}{part}\n{end}", document)


def close(about: str | None, made: Iterable[tuple[Path, str]]) -> int:
    """Write the files that differ from what they have to hold, or, with --check, name them; the exit status.

    `about` is the docstring of the writer.
    """
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a file is stale")
    check = parser.parse_args().check
    stale = [(path, text) for path, text in made if not path.exists() or path.read_text() != text]
    for path, text in stale:
        name = path.relative_to(steps.CHECKOUT)
        if check:
            print(f"{name} is stale: make tables", file=sys.stderr)
        else:
            path.write_text(text)
            print(f"wrote {name}")
    return 1 if check and stale else 0
