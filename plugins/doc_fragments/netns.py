# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The namespace in which an object lives."""

    DOCUMENTATION = r"""
options:
  netns:
    description:
      - The network namespace in which the object lives, by its name below C(/run/netns), or by an absolute path
        such as C(/proc/4711/ns/net).
      - Without it the module works in the namespace in which it is run.
    type: str
"""
