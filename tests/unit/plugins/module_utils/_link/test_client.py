# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reading links answers where it cannot be done: an error of the collection, never the library's own."""

from __future__ import annotations

import errno
import sys

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    KernelRefused,
    LinuxnetError,
    NoSuchNamespace,
    NotInstalled,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel import pyroute2 as _pyroute2
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import DUMP_ATTEMPTS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.client import Links


@pytest.fixture
def library():
    return _pyroute2.load()


@pytest.fixture
def links(library):
    with Links() as opened:
        opened.socket(None)
        yield opened


def failing(links, monkeypatch, *errors):
    """Have the dump of links fail with errors, one after the other."""
    ip, left = links.socket(None), list(errors)
    whole = ip.get_links

    def get_links(**options):
        if left:
            raise left.pop(0)
        return whole(**options)

    monkeypatch.setattr(ip, "get_links", get_links)
    return left


def test_a_dump_that_was_interrupted_is_repeated(links, library, monkeypatch):
    left = failing(links, monkeypatch, *[library.NetlinkDumpInterrupted() for _attempt in range(DUMP_ATTEMPTS - 1)])
    assert links.snapshot(None).link("lo")
    assert left == []


def test_a_dump_that_is_always_interrupted_ends_with_a_word(links, library, monkeypatch):
    left = failing(links, monkeypatch, *[library.NetlinkDumpInterrupted() for _attempt in range(DUMP_ATTEMPTS)])
    with pytest.raises(LinuxnetError, match=r"something else is changing them all the time"):
        links.snapshot(None)
    assert left == []


def test_a_refused_dump_is_told(links, library, monkeypatch):
    failing(links, monkeypatch, library.NetlinkError(errno.EPERM))
    with pytest.raises(KernelRefused, match=r"cannot read links, addresses and routes: .* \(EPERM\)"):
        links.snapshot(None)


def test_no_room_for_a_socket_is_told(library):
    def no_room(**_options):
        raise OSError(errno.EMFILE, "Too many open files")

    with Links() as links:
        links.pyroute2 = library._replace(IPRoute=no_room)
        with pytest.raises(LinuxnetError, match=r"cannot open a netlink socket: Too many open files \(EMFILE\)"):
            links.snapshot(None)


def test_the_library_is_missed_by_the_first_look(monkeypatch):
    monkeypatch.setattr("sys.path", [])
    monkeypatch.delitem(sys.modules, "pyroute2", raising=False)
    with Links() as links, pytest.raises(NotInstalled, match="has no pyroute2"):
        links.snapshot(None)


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/passwd/ns", "/nowhere/ns"])
def test_what_is_no_namespace_is_none(path):
    with pytest.raises(NoSuchNamespace, match="does not exist"), inside(path):
        pass
