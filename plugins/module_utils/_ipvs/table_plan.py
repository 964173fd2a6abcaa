# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for a whole IPVS table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Iterable, Mapping, NamedTuple, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.codec import KernelServers
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.columns import unsettled
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.plan import Servers, service_steps
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import Operation, RealServer, Service
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import RealServerWishes, ServiceWish

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.scope import Scope


class TablePlan(NamedTuple):
    """A plan for a whole table; its difference is text in ipvsadm's own words, one line for each thing."""

    operations: Sequence[Operation]
    #: The services that differ, before and after, each with those of its real servers that differ.
    before: Sequence[tuple[Service, Servers]]
    after: Sequence[tuple[Service, Servers]]
    #: How many virtual services and real servers are added, changed, deleted and unchanged.
    counts: Mapping[str, Mapping[str, int]]

    @property
    def changed(self) -> bool:
        """Whether applying the plan changes the kernel."""
        return bool(self.operations)

    def diff(self) -> dict[str, str]:
        """The difference as Ansible shows it, under a line that sums it up."""
        if not self.changed:
            return dict(before="", after="")
        return dict(
            before=_lines(self.before),
            after=_lines(self.after),
            before_header="IPVS table (what stays as it is is left out)",
            after_header="IPVS table (%s)"
            % "; ".join(
                "%s: %s" % (what.replace("_", " "), ", ".join("%d %s" % (n, verb) for verb, n in counted.items()))
                for what, counted in self.counts.items()
            ),
        )


def _lines(entries: Iterable[tuple[Service, Servers]]) -> str:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.writer import render

    return "".join(line + "\n" for entry in entries for line in render(*entry))


_COUNTED = {"add": "added", "set": "changed", "delete": "deleted"}


def plan_table(
    wishes: Sequence[ServiceWish], have: Iterable[tuple[Service, KernelServers]], owned: Scope | None
) -> TablePlan:
    """Bring a whole table into being.

    What is added or changed comes before all that is deleted, so that a run that ends half-way has lost nothing.

    Args:
        wishes: The virtual services with their real servers.
        have: The table as the kernel has it.
        owned: Of what the task owns all: there, services that are not listed go, and so do real servers that are not
            listed of services that list some. A service with an empty list keeps its real servers, unless it says that
            it purges them itself. None where the task owns only what it lists.

    Raises:
        InvalidOption: a service is listed twice, or is outside what the task owns.
    """
    present = {service.key: (service, servers) for service, servers in have}
    if len({wish.key for wish in wishes}) != len(wishes):
        values.unique("services", (str(wish.key) for wish in wishes), "a virtual service")
    steps: list[Operation] = []
    deletions: list[Operation] = []
    before: list[tuple[Service, Servers]] = []
    after: list[tuple[Service, Servers]] = []
    #: By what is done, and whether that is to a virtual service.
    counted: Counter[tuple[str, bool]] = Counter()
    server_count = sum(len(servers) for _service, servers in present.values())
    service_count = len(present)
    for wish in wishes:
        if owned is not None and not owned.includes(wish.key):
            raise InvalidOption(
                wish.prefix + "address", str(wish.key), "it is outside 'scope', so a later run could not delete it"
            )
        had, there = present.pop(wish.key, (None, KernelServers()))
        had_servers: Servers = there
        purge = wish.purge or (owned is not None and bool(wish.servers))
        if had:
            differing_wishes, had_servers = _differing(wish.servers, there, purge)
            if not differing_wishes and not had_servers and wish.resolve(had) is had:
                continue
            wish = wish._replace(servers=differing_wishes)
        operations, service, servers = service_steps(wish, purge, had, had_servers)
        if operations:
            kept: set[RealServer] = set()
            for step in operations:
                counted[_COUNTED[step.verb], step.servers is None] += 1 if step.servers is None else len(step.servers)
                (deletions if step.verb == "delete" else steps).append(step)
            if had:
                kept = set(had_servers) & set(servers)
                before.append((had, [server for server in had_servers if server not in kept]))
            after.append((service, [server for server in servers if server not in kept] if kept else servers))
    gone = [entry for key, entry in present.items() if owned is not None and owned.includes(key)]
    steps += deletions
    steps += [Operation("delete", service) for service, _servers in gone]
    before += gone
    counted["deleted", True] += len(gone)
    counted["deleted", False] += sum(len(servers) for _service, servers in gone)

    def counts(of_services: bool, there: int) -> dict[str, int]:
        found = {word: counted[word, of_services] for word in _COUNTED.values()}
        return dict(found, unchanged=there - found["changed"] - found["deleted"])

    return TablePlan(
        steps,
        before,
        after,
        dict(virtual_services=counts(True, service_count), real_servers=counts(False, server_count)),
    )


def _differing(
    wishes: RealServerWishes | None, have: KernelServers, purge: bool
) -> tuple[RealServerWishes | None, Servers]:
    """Wishes for real servers, and the real servers that they may be about."""
    if wishes is None:
        return None, ()
    return unsettled(wishes, have, purge) or (wishes, have)
