# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's filters beside its modules."""

from __future__ import annotations

import ansible_collections
import steps

# The filters are imported as a part of the collection, which lies beside those that came with Ansible.
ansible_collections.__path__.append(str(steps.CHECKOUT / ".venv" / "collections" / "ansible_collections"))
