# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules for sets have in common."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - a kernel with sets (module C(ip_set), loaded by itself at the first use); nothing else than Python
notes:
  - The module speaks to the kernel over netlink. It needs neither C(ipset) nor a Python library.
seealso:
  - name: ipset(8)
    description: The manual of the kernel's own administration tool, whose terms and spellings are used here.
    link: https://manpages.debian.org/ipset
"""
