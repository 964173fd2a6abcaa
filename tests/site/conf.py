# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Sphinx builds the site, for `make docs` (tests/run/docs.py)."""

from __future__ import annotations

import re

import flowchart
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

project = "linuxnet.ipvs"
copyright = "the linuxnet.ipvs contributors"
extensions = ["myst_parser", "sphinx_antsibull_ext"]

#: Colours of the pages by antsibull-docs: those that the theme has for the same, and some that differ in the dark
COLOURS = {
    "deprecation-background": ("var(--color-background-secondary)",) * 2,
    "deprecation-border": ("var(--color-foreground-border)",) * 2,
    "deprecation-color": ("var(--color-foreground-primary)",) * 2,
    "links-background": ("#0a5fb4", "#0a5fb4"),
    "links-background-active": ("#084a8c", "#084a8c"),
    "links-focus-outline": ("var(--color-foreground-border)",) * 2,
    "links-text": ("white", "white"),
    "narrowtable-background": ("var(--color-background-secondary)",) * 2,
    "table-background-even": ("var(--color-background-secondary)",) * 2,
    "table-background-header": ("var(--color-background-hover)",) * 2,
    "table-background-odd": ("var(--color-background-primary)",) * 2,
    "table-border": ("var(--color-background-border)",) * 2,
    "attribute-support-full": ("#006b1f", "#5fd37a"),
    "attribute-support-na": ("inherit", "inherit"),
    "attribute-support-none": ("#b3261e", "#ff8a80"),
    "attribute-support-partial": ("#7a5a00", "#e0c15a"),
    "option-aliases": ("#006b1f", "#5fd37a"),
    "option-default": ("#1c43c7", "#a9b7ff"),
    "option-elements": ("#7b1fa2", "#e3a1f5"),
    "option-required": ("#b3261e", "#ff8a80"),
    "option-sample": ("#1c43c7", "#a9b7ff"),
    "option-sample-header": ("var(--color-foreground-primary)",) * 2,
    "option-type": ("#7b1fa2", "#e3a1f5"),
    "option-version-added": ("#006b1f", "#5fd37a"),
}
antsibull_ext_color_scheme = "none"

html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "source_repository": "https://github.com/linuxnet-collections/linuxnet.ipvs",
    "light_css_variables": {
        "font-stack": "system-ui, sans-serif",
        **{f"antsibull-{name}": light for name, (light, _dark) in COLOURS.items()},
    },
    "dark_css_variables": {f"antsibull-{name}": dark for name, (_light, dark) in COLOURS.items()},
}
pygments_style = "ansible"
pygments_dark_style = "monokai"

#: Anchors of headings as GitHub makes them, so that a link is right here and there
myst_heading_anchors = 4
#: Blocks of code that are drawn
myst_fence_as_directive = ["mermaid"]
#: What Sphinx cannot resolve is an error, as every warning is.
nitpicky = True
default_role = "any"

#: Where docs.ansible.com has what its own inventory of labels would say: nothing has to be fetched to build the site.
ANSIBLE = "https://docs.ansible.com/ansible/latest"
LABELS = {
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
#: From how many columns on a table is put otherwise on a narrow screen
WIDE = 3
#: A plugin of another collection, as antsibull-docs labels it: ansible_collections.ansible.builtin.iptables_module
FOREIGN = re.compile(r"ansible_collections\.(\w+)\.(\w+)\.(\w+_\w+)")


def elsewhere(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """Link to a page of docs.ansible.com: another collection's plugin, a setting of Ansible, or a known label."""
    target = node["reftarget"]
    found = FOREIGN.match(target)
    if target in LABELS:
        address = f"{ANSIBLE}/{LABELS[target]}"
    elif node["reftype"] == "envvar" and target.startswith("ANSIBLE_"):
        address = f"{ANSIBLE}/reference_appendices/config.html#envvar-{target}"
    elif found is not None and found.group(1, 2) != ("linuxnet", "ipvs"):
        address = f"{ANSIBLE}/collections/{'/'.join(found.groups())}.html"
    else:
        return None
    return nodes.reference("", "", content, internal=False, refuri=address)


class Mermaid(SphinxDirective):
    """A flowchart, drawn as the site is built."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", flowchart.svg("\n".join(self.content)), format="html")]


def labelled(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Give each cell of a wide table its column's head, which is seen where a screen is too narrow for columns."""
    for table in doctree.findall(nodes.table):
        heads = [head.astext() for row in table.findall(nodes.thead) for head in row.findall(nodes.entry)]
        if len(heads) < WIDE or "longtable" in table["classes"]:
            continue
        table["classes"].append("wide")
        for body in table.findall(nodes.tbody):
            for row in body.findall(nodes.row):
                for head, cell in zip(heads, row.findall(nodes.entry), strict=True):
                    if head and cell.children:
                        cell.insert(0, nodes.inline("", head, classes=["column-head"]))


def setup(app: Sphinx) -> None:
    app.connect("missing-reference", elsewhere)
    app.connect("doctree-resolved", labelled)
    app.add_directive("mermaid", Mermaid)
