# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/namespaces.md does what it says, on this machine's own kernel, by the connection `local`, and over ssh.

What it makes is in a mount namespace of the test's own, in which /run/netns is empty. Its last chapter makes a lab, and
is the scenario fleet's.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import guide
import pytest
import steps
import yaml

CHAPTERS = [
    chapter
    for chapter in guide.chapters((steps.CHECKOUT / "docs" / "namespaces.md").read_text())
    if chapter.commands and chapter.commands[0].prompt == "#"
]
PODS = ("netns_dustin", "netns_leah")

#: A machine where nobody has made a namespace, and where there is iptables, if need be for this shell alone.
SHELL = r"""
set -e
mount -t tmpfs -o mode=0755 own /run
mkdir /run/netns
if ! command -v iptables >/dev/null; then
  for folder in etc usr var; do
    mkdir -p /run/own/$folder /run/own/$folder.work
    mount -t overlay -o lowerdir=/$folder,upperdir=/run/own/$folder,workdir=/run/own/$folder.work own /$folder
  done
  install="apt-get install --quiet --yes --no-install-recommends iptables"
  # From /dev/null, since it reads the terminal, and with that what is typed for the shell.
  { $install || { apt-get update; $install; } } </dev/null
fi
exec bash
"""

#: What the shell has for itself; the processes that it leaves end with it.
OWN = ("--mount", "--pid", "--fork", "--mount-proc")

#: 200 namespaces in pairs that are alike. It prints how many the inventory plugin lists, and how many ends netns_info
#: finds from within one of them.
MANY = r"""for number in $(seq 200); do echo "netns add many$number"; done | ip -batch -
for number in $(seq 1 2 200); do
  ip -n many$number link add eth0 type veth peer name eth0 netns many$((number + 1))
done
ansible-inventory -i netns.yml --list | grep -c '"netns_name"'
ansible -i netns.yml many1 -m linuxnet.ipvs.netns_info | grep -c '"peer": {'"""


@pytest.fixture(scope="module")
def folder(inventory, tmp_path_factory):
    """The folder of someone who reads, with an inventory of nodes."""
    folder = tmp_path_factory.mktemp("reader")
    (machine,) = yaml.safe_load(Path(inventory).read_text())["lab_nodes"]["hosts"].values()
    (folder / "nodes.yml").write_text(yaml.safe_dump({"lab_nodes": {"hosts": {"node1": machine}}}))
    return folder


@pytest.fixture(scope="module")
def environment(folder):
    return {
        **os.environ,
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",  # as it is without a configuration
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CONFIG": str(steps.CHECKOUT / "ansible.cfg"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,  # which has pyroute2
        "HOME": str(folder),  # what root leaves there goes with it
    }


@pytest.fixture(scope="module")
def shell():
    """The command for root's shell."""
    sudo = [] if os.geteuid() == 0 else [shutil.which("sudo") or "sudo", "--non-interactive", "--preserve-env"]
    return [*sudo, "env", f"PATH={os.environ['PATH']}:/usr/sbin:/sbin", "unshare", *OWN, "bash", "-c", SHELL]


@pytest.fixture(scope="module")
def reader(folder, environment, shell):
    with guide.Reader(folder, environment, shell) as someone:
        yield someone


@pytest.fixture
def pods(node):
    """The node's pods, of which the document speaks."""
    for name in PODS:
        node.command("ip", "netns", "add", name)
    yield
    for name in PODS:
        node.command("ip", "netns", "del", name)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.title.replace(" ", "-"))
def test_chapter(reader, folder, pods, chapter):
    for block in chapter.blocks:
        if block.language == "yaml":
            name = block.text.splitlines()[0].removeprefix("# ")
            assert name.endswith(".yml"), f"line {block.line}: the first line has to name the file"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(block.text)
        for command in block.commands:
            reader.type(command)


def test_the_document_has_three_examples():
    assert len(CHAPTERS) == 3


def test_two_hundred_namespaces(reader, folder):
    (folder / "netns.yml").write_text("plugin: linuxnet.ipvs.netns\n")
    reader.type(guide.Command(0, "#", MANY, "200\n200"))
