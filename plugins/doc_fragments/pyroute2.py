# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The requirement of modules that speak rtnetlink."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - pyroute2 0.7.2 or later on the managed node (package python3-pyroute2 of Debian 12 and later; Debian 11 and Ubuntu
    22.04 have an older one, which does not tell whether what it has read is whole, so there C(pip) has to bring it)
"""
