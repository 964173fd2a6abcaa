# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules that a kernel can have, by its folder of them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor import modules


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A kernel's folder of modules, and what modprobe(8) says there."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "modules.builtin").write_text("kernel/net/netfilter/ip_vs_built.ko\n")
    (folder / "modules.dep").write_text("kernel/net/ip_vs_a.ko.xz: kernel/net/ip_vs.ko.xz\nkernel/net/ip-vs-b.ko:\n")
    monkeypatch.setattr(modules, "_folder", lambda: str(folder))
    said = SimpleNamespace(lines="insmod /lib/x.ko", folder=folder)
    monkeypatch.setattr(modules, "output_of", lambda run, *words: said.lines)
    return said


def barred(name):
    return modules.barred(lambda *words, **options: (0, "", ""), name)


def test_modules_that_the_kernel_can_have(kernel):
    assert [barred(name) for name in ("ip_vs_built", "ip_vs_a", "ip_vs_b")] == [None] * 3
    assert barred("ip_vs_c") == "there is no module ip_vs_c in %s" % kernel.folder
    assert modules.there("ip_vs_built")
    assert not modules.there("ip_vs_a")


@pytest.mark.parametrize(
    ("lines", "is_barred"),
    [
        ("install /bin/false", True),
        ("insmod /lib/ip_vs.ko\ninstall /usr/bin/true \n", True),
        ("install /sbin/modprobe --ignore-install ip_vs_a && logger loaded", False),
        ("install true && /sbin/modprobe --ignore-install ip_vs_a", False),
        ("builtin ip_vs\ninsmod /lib/ip_vs_a.ko hash=1", False),
        (None, False),  # no modprobe there
    ],
)
def test_modules_that_modprobe_d_bars(kernel, lines, is_barred):
    kernel.lines = lines
    assert (barred("ip_vs_a") is not None) == is_barred


def test_nobody_can_say_without_the_modules_at_hand(kernel):
    (kernel.folder / "modules.dep").unlink()
    assert barred("ip_vs_c") is None
