# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of sets, as a task writes them.

The kernel takes any bytes for a name. Those that are no UTF-8 are written as in a comment (:func:`shown_text`).
"""

from __future__ import annotations

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import meant_text


def set_name(option: str, shown: str) -> str:
    """The name of a set.

    Raises:
        InvalidOption: the kernel takes none such.
    """
    try:
        return values.set_name(option, meant_text(shown))
    except UnicodeEncodeError:
        raise InvalidOption(option, shown, "a set name has a character that UTF-8 has not") from None


def member_name(option: str, shown: str) -> str:
    """The name of a set in a list, where ipset(8) takes a comma for the end of a name (IPSET_NAME_SEPARATOR).

    Raises:
        InvalidOption: it can be none.
    """
    if "," in shown:
        raise InvalidOption(option, shown, "in a list the name of a set has no ',', at which ipset would cut it")
    return set_name(option, shown)
