# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the list of guides that docs.ansible.com has of the collection, from the README's table of them.

docs.ansible.com takes nothing but reStructuredText, from docs/docsite/rst, whose pages docs/docsite/extra-docs.yml
lists. The guides are in Markdown, so that they can be read in the repository; that page leads there.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import documents
import steps

PAGE = steps.CHECKOUT / "docs" / "docsite" / "rst" / "guides.rst"
LABEL = "ansible_collections.linuxnet.ipvs.docsite.guides"
HEAD = f"""\
..
  Copyright (c) 2026, the linuxnet.ipvs contributors
  GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
  SPDX-License-Identifier: GPL-3.0-or-later

.. Made from the README's table of guides: make tables

.. _{LABEL}:

Guides
======

"""
ROW = re.compile(r"^\| (\[.+\)) \| (.+) \|$", re.MULTILINE)
LINK = re.compile(r"\[([^]]+)\]\(([^)]+)\)")


def listed(readme: str) -> Iterator[str]:
    """A line for each guide of the README: its translations beside it, and for whom it is."""
    _before, _heading, rest = readme.partition("\n## Guides\n")
    for links, reader in ROW.findall(rest.partition("\n## ")[0]):
        yield "* %s, for anyone %s" % (LINK.sub(r"`\1 <\2>`__", links), reader)


if __name__ == "__main__":
    text = HEAD + "\n".join(listed((steps.CHECKOUT / "README.md").read_text())) + "\n"
    sys.exit(documents.close(__doc__, [(PAGE, text)]))
