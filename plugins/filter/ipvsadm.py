# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters between the modules' services and the text of ``ipvsadm --save`` and ``ipvsadm --restore``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs import reader, writer
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.options import checked_services
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import ServiceWish


def to_ipvsadm(services: Sequence[Mapping[str, Any]]) -> str:
    """Virtual services as ipvsadm --restore reads them, one line for each and one for each real server."""
    if isinstance(services, (str, Mapping)) or not all(isinstance(service, Mapping) for service in services):
        raise AnsibleFilterError("to_ipvsadm: a list of virtual services is wanted, such as ipvs_info returns")
    lines: list[str] = []
    try:
        for place, (options, listed) in enumerate(checked_services(services)):
            wish = ServiceWish.read(options, listed, "services[%d]." % place)
            service = wish.resolve(None)
            writer.restorable(service)
            lines += writer.render(service, [server.resolve(wish.key, None) for server in wish.servers or ()])
    except InvalidOption as exc:  # Ansible says a cause once more, behind the error
        raise AnsibleFilterError("to_ipvsadm: %s" % exc) from None
    return "".join(line + "\n" for line in lines)


def from_ipvsadm(text: str) -> list[dict[str, Any]]:
    """The virtual services in what ipvsadm --save --numeric has printed, as the modules take them."""
    try:
        found = reader.parse(text)
        for wish in reader.wishes(found):  # whatever cannot be meant is refused here already
            wish.resolve(None)
            if wish.servers:
                wish.servers.anew(wish.key)
    except InvalidOption as exc:
        raise AnsibleFilterError("from_ipvsadm: %s" % exc) from None
    return reader.service_options(found)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"to_ipvsadm": to_ipvsadm, "from_ipvsadm": from_ipvsadm}
