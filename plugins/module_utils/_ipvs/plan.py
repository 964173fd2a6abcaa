# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for the IPVS table: pure functions from what is there and what is wished to operations and a diff."""

from __future__ import annotations

from collections import Counter
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan, differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs import writer
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.codec import TOTALS, KernelServers
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.columns import unsettled
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.scope import Scope
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    Operation,
    RealServer,
    RealServers,
    Service,
    ServiceKey,
    brief,
    service_options,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import (
    RealServerWish,
    RealServerWishes,
    ServiceWish,
)

Servers = Sequence[RealServer]


def plan_service(
    wish: ServiceWish, have: Service | None, have_servers: Servers
) -> tuple[Plan[Operation], Service, Servers]:
    """Bring a virtual service, and the real servers that are wished, into being.

    Args:
        wish: The service as the task describes it.
        have: The virtual service as the kernel has it, or None.
        have_servers: Its real servers as the kernel has them.

    Returns:
        The plan, and the service and its real servers as they are after it.
    """
    operations, service, servers = _service_steps(wish, wish.purge, have, have_servers)
    kept = set(have_servers) & set(servers)
    wished = service_options(service, [server for server in servers if server not in kept])
    if have:
        before, after = differing(
            service_options(have, [server for server in have_servers if server not in kept]), wished
        )
    else:
        before, after = {}, brief(wished)
    return Plan(tuple(operations), _legible(before), _legible(after)), service, servers


def plan_zero(
    counted: Iterable[tuple[ServiceKey, Mapping[str, Any]]], whole: Mapping[str, int] | None = None
) -> Plan[ServiceKey | None]:
    """Set counters to zero: the keys of the virtual services, of those given with their statistics, that have others.

    What the kernel estimates for a second does not count, since it follows from the rest.

    Args:
        counted: Virtual services with their statistics.
        whole: What is counted of the whole table, if that shall be zero, too; it then is None among the keys.
    """
    keys: list[ServiceKey | None] = []
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if whole and any(whole.values()):
        keys.append(None)
        before["whole table"] = dict(whole)
        after["whole table"] = dict.fromkeys(whole, 0)
    for key, statistics in counted:
        if any(each[name] for each in (statistics, *statistics["real_servers"]) for name in TOTALS):
            keys.append(key)
            before[str(key)] = {name: statistics[name] for name in TOTALS}
            after[str(key)] = dict.fromkeys(TOTALS, 0)
    return Plan(tuple(keys), before, after)


def plan_no_service(have: Service | None, have_servers: Servers) -> Plan[Operation]:
    """Take a virtual service away; the kernel takes its real servers with it."""
    if have is None:
        return Plan()
    return Plan((Operation("delete", have),), _legible(brief(service_options(have, have_servers))), {})


def _legible(options: dict[str, Any]) -> dict[str, Any]:
    """What differs of a service, and of its real servers what does not go without saying."""
    if "real_servers" in options:
        return dict(options, real_servers=list(map(brief, options["real_servers"])))
    return options


def plan_server(service: Service, wish: RealServerWish, have: RealServer | None) -> tuple[Plan[Operation], RealServer]:
    """Bring one real server of a virtual service into being."""
    server = wish.resolve(service.key, have)
    if server == have:
        return Plan(), server
    refuse_one_packet(service, [server], "service.")
    before, after = differing(have.options(), server.options()) if have else ({}, brief(server.options()))
    return Plan((Operation("set" if have else "add", service, RealServers.of([server])),), before, after), server


def plan_no_server(service: Service | None, servers: Servers) -> Plan[Operation]:
    """Take one real server away; ``servers`` is it, or empty where it is not there."""
    if service is None or not servers:
        return Plan()
    return Plan((Operation("delete", service, RealServers.of(servers[:1])),), brief(servers[0].options()), {})


def first_foreign(operations: Iterable[Operation]) -> tuple[ServiceKey, RealServer] | None:
    """The first virtual service to which these steps give a real server of another family, and that; or None."""
    for verb, service, servers in operations:
        if servers and verb != "delete" and set(map(len, servers.addresses)) != {service.key.address_bytes}:
            return service.key, next(server for server in servers if server.crosses(service.key))
    return None


def deleted_services(operations: Iterable[Operation]) -> list[ServiceKey]:
    """The virtual services that steps delete."""
    return [step.service.key for step in operations if step.verb == "delete" and step.servers is None]


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
    return "".join(line + "\n" for entry in entries for line in writer.render(*entry))


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
        operations, service, servers = _service_steps(wish, purge, had, had_servers)
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


def _service_steps(
    wish: ServiceWish, purge: bool, have: Service | None, have_servers: Servers
) -> tuple[list[Operation], Service, Servers]:
    """The operations for a service and its real servers, and both as they are afterwards."""
    service = wish.resolve(have)
    operations = [] if service == have else [Operation("add" if have is None else "set", service)]
    steps, servers = _server_steps(service, wish.servers, purge, have_servers)
    if service.one_packet:
        was = set(have_servers) if have and have.one_packet else set()
        refuse_one_packet(service, (server for server in servers if server not in was), wish.prefix)
    return operations + steps, service, servers


def refuse_one_packet(service: Service, servers: Iterable[RealServer], prefix: str = "") -> None:
    """Refuse masquerading in a one-packet service: no answer comes back with the virtual address (seen on 6.1, 7.3).

    Raises:
        InvalidOption: one of these real servers has it.
    """
    for server in servers if service.one_packet else ():
        if server.forwarding_method == "masquerading":
            raise InvalidOption(
                prefix + "one_packet",
                True,
                "no client would take the answers of real server %s, since the kernel does not masquerade those of a"
                " one-packet service: give it forwarding method 'direct' or 'tunnel'" % (server,),
            )


def _server_steps(
    service: Service, wishes: RealServerWishes | None, purge: bool, have: Servers
) -> tuple[list[Operation], Servers]:
    """The operations on real servers, new ones before old ones go, and the servers there are afterwards."""
    if not have and wishes is not None:
        anew = wishes.anew(service.key)
        return [Operation("add", service, anew)] if anew else [], anew
    servers = {server.key: server for server in have}
    steps = []
    for wish in wishes or ():
        server = wish.resolve(service.key, servers.get(wish.key))
        if server != servers.get(wish.key):
            verb = "set" if wish.key in servers else "add"
            steps.append(Operation(verb, service, RealServers.of([server])))
            servers[wish.key] = server
    if purge and wishes is not None:
        listed = {wish.key for wish in wishes}
        for key in [key for key in servers if key not in listed]:
            steps.append(Operation("delete", service, RealServers.of([servers.pop(key)])))
    return steps, list(servers.values())
