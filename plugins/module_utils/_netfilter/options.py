# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of rules: text that a rule compares with a packet, so that one that matches nothing is refused."""

from __future__ import annotations

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption

#: xt_comment.h: XT_MAX_COMMENT_LEN is 256 with its closing NUL.
COMMENT_MAX = 255


def matched_device(option: str, value: str) -> str:
    """The device by which packets come or leave; a ``+`` at its end stands for any further letters (iptables(8)).

    Raises:
        InvalidOption: no device has such a name, though iptables(8) takes it, or all have.
    """
    if value.startswith("!"):
        raise InvalidOption(
            option, value, "a rule for all devices but one cannot be said here: take linuxnet.ipvs.iptables_chains"
        )
    if "@" in value:
        raise InvalidOption(
            option,
            value,
            "write '%s': what ip(8) shows behind '@' is the other end, and no part of the name"
            % value.partition("@")[0],
        )
    if value == "+":
        raise InvalidOption(option, value, "this is each device: leave the option out")
    if "*" in value:
        raise InvalidOption(option, value, "for all devices that begin so, write '+' at the end")
    return values.device_name(option, value)


def comment(option: str, value: str, most: int = COMMENT_MAX) -> str:
    """A comment of at most ``most`` bytes."""
    if not 0 < len(value.encode()) <= most or not value.isprintable():
        raise InvalidOption(option, value, "a comment is one line of 1 to %d bytes" % most)
    return value
