# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files by which names are resolved inside a namespace (resolv.conf(5), nsswitch.conf(5))."""

from __future__ import annotations

import re
from typing import Mapping, Optional, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import address, device_name, unique
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.values import (
    ETC_FILES,
    NEW_FILE,
    NSSWITCH_CONF,
    RESOLV_CONF,
    HaveNetns,
)

#: What our copy of that file begins with.
_NSSWITCH_MARK = "# Of linuxnet.ipvs.netns: /etc/nsswitch.conf without systemd-resolved, which is the machine's."
#: The line that says who knows hosts.
_HOSTS = re.compile(r"^(\s*hosts:\s*)(.*\bresolve\b.*)$")


def resolv_conf(dns: Mapping[str, Sequence[str] | None]) -> str:
    """The text of a resolver configuration (resolv.conf(5)); a list that is empty or missing has no line."""
    servers = dns.get("nameservers") or ()
    addresses = [_nameserver(server) for server in servers]
    unique("dns.nameservers", addresses, "a nameserver")
    lines = ["nameserver %s" % each for each in addresses]
    for keyword in ("search", "options"):
        words = dns.get(keyword) or ()
        for word in words:
            if not word or not word.isascii() or not word.isprintable() or " " in word:
                raise InvalidOption(
                    "dns." + keyword,
                    word,
                    "write one word an entry, of ASCII characters (a domain as in xn--mnchen-3ya)",
                )
        if words:
            lines.append("%s %s" % (keyword, " ".join(words)))
    return "".join(line + "\n" for line in lines)


def _nameserver(text: str) -> str:
    """A name server's address; a link-local one of IPv6 may have its device behind a ``%`` (resolv.conf(5))."""
    plain, zone, device = text.partition("%")
    found = address("dns.nameservers", plain)
    if not zone:
        return str(found)
    if found.version != 6 or not found.is_link_local:
        raise InvalidOption("dns.nameservers", text, "only a link-local IPv6 address (fe80::/10) has a device")
    return "%s%%%s" % (found, device_name("dns.nameservers", device))


def is_ours(file: str, have: HaveNetns) -> bool:
    """Whether a task has written a file of a namespace's configuration."""
    if file == NSSWITCH_CONF:
        return (have.text(file) or "").startswith(_NSSWITCH_MARK)
    return file == RESOLV_CONF or file in (NEW_FILE % each for each in ETC_FILES)


def nsswitch(have: HaveNetns) -> Optional[str]:
    """A namespace's nsswitch.conf, where the machine's own has names looked up past every resolv.conf.

    The service ``resolve`` (nss-resolve(8)) asks the machine's systemd-resolved by its socket, which no network
    namespace keeps it from. One that somebody else has written for the namespace is left alone: ``None``.
    """
    there = have.text(NSSWITCH_CONF)
    if there is not None and not there.startswith(_NSSWITCH_MARK):
        return None
    lines = (have.nsswitch or "").splitlines()
    changed = [_HOSTS.sub(_without_resolve, line) for line in lines]
    if changed == lines:
        return None
    return "\n".join([_NSSWITCH_MARK, *changed]) + "\n"


def _without_resolve(line: re.Match[str]) -> str:
    services = re.sub(r"\bresolve\b(\s*\[[^\]]*\])?\s*", "", line.group(2)).strip()
    return line.group(1) + (services if re.search(r"\bdns\b", services) else (services + " dns").strip())


def files_that_stay(have: HaveNetns) -> list[str]:
    """The files of a namespace's configuration that no task has written."""
    return [file for file in have.etc or () if not is_ours(file, have)]
