# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: netns
short_description: Network namespaces as hosts
version_added: 1.0.0
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
description:
  - Makes a host of each named network namespace of this machine, or of namespaces of other hosts of the inventory. Each
    has all it takes to run tasks inside, by the become plugin P(linuxnet.ipvs.netns#become).
  - The configuration is a YAML file whose name is C(netns.yml) or ends with C(.netns.yml) (or C(.yaml)).
  - Each host has the variables C(ansible_netns), C(ansible_become), C(ansible_become_method) and C(netns_name), with
    O(parents) also C(netns_parent).
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: Says that the file is meant for this plugin.
    type: str
    required: true
    choices: [linuxnet.ipvs.netns]
  parents:
    description:
      - The hosts, or groups of hosts, in which the namespaces are, by names or patterns such as V(node*). Without the
        option the namespaces are those of this machine.
      - They come from inventory sources that are read before this one, so name those first, or give the files of a
        folder names in that order.
      - An inventory plugin has no connection to a host, so O(namespaces) has to say which there are.
      - The variables of a parent that begin with C(ansible_) are those of its namespaces too, except for facts,
        C(ansible_become_user), C(ansible_become_method) and C(ansible_become). C(ansible_become_exe) and
        C(ansible_become_flags) are theirs only where the parent's method is C(sudo) or this collection's, since they
        speak of C(sudo) here. C(ansible_host) is the parent's name if it has none.
      - A template among them is filled in when a task needs it, with what the inventory says of the parent and else
        with what there is then, such as C(hostvars), the variables of the play and those of the command line.
      - A parent that is a namespace itself needs C(ansible_netns_mount), as the nodes of the role
        P(linuxnet.ipvs.lab_host#role) have it. Others have no namespaces of their own, and are left out with a warning.
    type: list
    elements: str
    default: []
  namespaces:
    description:
      - Which namespaces there are. A list of names, or an expression that gives one from the variables of the parent
        and its cached facts, as C(ansible_facts.custom) or C(ansible_custom).
      - An entry may also be a dictionary with a C(name) (or else C(netns)), as M(linuxnet.ipvs.netns_info) returns
        them. It becomes the variable C(netns_info) of the host, for O(compose), O(groups) and O(keyed_groups).
      - An absolute path such as C(/proc/4711/ns/net) is a namespace without a name. Its C(netns_name) is the path with
        C(-) for C(/).
      - Without the option, and without O(parents), that is what C(/run/netns) holds.
    type: raw
  include:
    description: Patterns of names. Without the option all namespaces become hosts.
    type: list
    elements: str
  exclude:
    description: Patterns of names that are left out.
    type: list
    elements: str
    default: []
  hostname:
    description:
      - An expression for the name of the host, from the variables of the host. A host of that name that is there
        already is an error, since its tasks would run elsewhere from now on.
      - Without the option that is the namespace's name, with O(parents) followed by a dot and the parent's name.
    type: str
  group:
    description: A group in which all the hosts are.
    type: str
    default: namespaces
notes:
  - O(hostname), O(compose), O(groups) and O(keyed_groups) know the variables of the host, those of its parent, and the
    parent's cached facts. Only what they make of them is the host's.
  - With O(cache), a parent's namespaces are what they were when they were looked up. Parents that are new are looked up
    now, and all are once O(namespaces) says something else.
  - C(/run/netns) can be read without root. To run tasks inside needs root or C(sudo), as the become plugin describes.
  - Where namespaces are made during a play, C(meta=refresh_inventory) reads them anew, or use
    M(ansible.builtin.add_host) with the same variables.
seealso:
  - plugin: linuxnet.ipvs.netns
    plugin_type: become
  - module: linuxnet.ipvs.netns_info
"""

EXAMPLES = r"""
# netns.yml: all namespaces of this machine
# ansible -i netns.yml all -m ansible.builtin.command -a 'ip addr'
plugin: linuxnet.ipvs.netns

---
# fleet.netns.yml: some of them, in groups
plugin: linuxnet.ipvs.netns
include: [director*, web*]
exclude: ["*_old"]
groups:
  directors: netns_name is match('director')
keyed_groups:
  - key: netns_name | regex_replace('[0-9]+$', '')
    prefix: role

---
# pods.netns.yml: pods of each node, as ansible -i nodes.yml -i pods.netns.yml
plugin: linuxnet.ipvs.netns
parents: [nodes]
# A variable of each node
namespaces: pods | map(attribute='netns')
keyed_groups:
  - key: netns_parent
    prefix: node
  # Another variable of each node
  - key: rack
    prefix: rack
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Any

import jinja2
import jinja2.meta
from ansible import constants as C
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.helpers import get_group_vars
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.plugins.loader import cache_loader
from ansible.template import trust_as_template
from ansible.utils.vars import combine_vars
from ansible.vars.clean import namespace_facts
from ansible.vars.plugins import get_vars_from_inventory_sources

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption, LinuxnetError
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import netns_name, netns_path
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.names import named

BECOME_METHOD = "linuxnet.ipvs.netns"
#: The names of the variable that puts a host into a namespace. The last one wins, as the become plugin lists them.
NETNS_VARIABLES = ("ansible_netns", "ansible_become_netns")
#: What leads to a parent, but is not so for what is inside; and what is a fact of the parent alone.
NOT_INHERITED = {
    "ansible_become",
    "ansible_become_method",
    "ansible_become_user",
    "ansible_facts",
    "ansible_local",
    *NETNS_VARIABLES,
}
#: The become plugin takes these for sudo's, and what they are for another method would be no sudo.
SUDO_VARIABLES = {"ansible_become_exe", "ansible_become_flags"}
SUDO_METHODS = {"sudo", "ansible.builtin.sudo", "ansible.legacy.sudo", BECOME_METHOD}
FILE_NAMES = ("netns.yml", "netns.yaml")

Entry = Any


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """The inventory plugin, under the name of its class that ansible-core looks for."""

    NAME = "linuxnet.ipvs.netns"

    def verify_file(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        return bool(super().verify_file(path)) and any(name == end or name.endswith("." + end) for end in FILE_NAMES)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        parents = self._parents()
        found = self._cached(path, parents, cache)
        self.inventory.add_group(self.get_option("group"))
        before = set(self.inventory.hosts)
        try:
            for parent, entries in found.items():
                variables = parents.get(parent, {})
                inherited = self._inherited(parent, variables) if parent else {"ansible_connection": "local"}
                told = self._told(variables)
                for entry in entries:
                    self._add(entry, parent, told, inherited)
        except (InvalidOption, AnsibleError) as exc:
            # A play would go on with part of the fleet.
            for host in [host for name, host in self.inventory.hosts.items() if name not in before]:
                self.inventory.remove_host(host)
            if isinstance(exc, AnsibleError):
                raise
            raise AnsibleParserError("%s: %s" % (path, exc)) from exc

    def _cached(self, path: str, parents: Mapping[str, Any], cache: bool) -> dict[str, list[Entry]]:
        """The namespaces by their parent, empty for this machine; from the cache where the user wants that."""
        if not self.get_option("cache"):
            return self._find(parents)
        key = self.get_cache_key("%s %r" % (path, self.get_option("namespaces")))
        known: dict[str, list[Entry]] = {}
        if cache:
            with suppress(KeyError):
                known = dict(self._cache[key])
        here = not self.get_option("parents")
        if here and "" in known:
            return {"": known[""]}
        found = self._find({name: variables for name, variables in parents.items() if name not in known})
        self._cache[key] = known | found
        return found if here else {name: (known | found)[name] for name in parents}

    def _find(self, parents: Mapping[str, Any]) -> dict[str, list[Entry]]:
        given = self.get_option("namespaces")
        if self.get_option("parents"):
            if given is None:
                raise AnsibleParserError(
                    "namespaces: say which namespaces the parents have, as a list or an expression"
                )
            return {name: self._entries(given, name, variables) for name, variables in parents.items()}
        if given is not None:
            return {"": self._entries(given, "", self._vars or {})}
        try:
            return {"": list(self._well_named(named()))}
        except LinuxnetError as exc:
            raise AnsibleParserError(str(exc)) from exc

    def _well_named(self, names: list[str]) -> Iterator[str]:
        for name in names:
            try:
                yield netns_name("namespaces", name)
            except InvalidOption as exc:
                self.display.warning("Left out: %s" % exc)

    def _entries(self, given: Any, parent: str, variables: Mapping[str, Any]) -> list[Entry]:
        if isinstance(given, str):
            try:
                given = self._compose(given, variables)
            except Exception as exc:
                if self.get_option("strict"):
                    raise AnsibleParserError("namespaces: cannot be told for host '%s': %s" % (parent, exc)) from exc
                self.display.warning("Host '%s' has no namespaces here: %s" % (parent, exc))
                return []
        entries = list(given) if isinstance(given, (list, tuple)) else None
        if entries is None or not all(_spelled(entry) for entry in entries):
            raise AnsibleParserError(
                "namespaces: %r is no list of names, or of dictionaries with a 'name' or 'netns' (host '%s')"
                % (given, parent or "localhost")
            )
        return entries

    def _parents(self) -> dict[str, dict[str, Any]]:
        """The hosts that the option names and that have namespaces of their own, with their variables, in order."""
        chosen: set[str] = set()
        for pattern in self.get_option("parents"):
            hosts = [name for name in self.inventory.hosts if fnmatchcase(name, pattern)]
            for name, group in self.inventory.groups.items():
                if fnmatchcase(name, pattern):
                    hosts += [host.name for host in group.get_hosts()]
            if not hosts:
                self.display.warning(
                    "parents: no host and no group is named '%s' in the inventory sources before this one" % pattern
                )
            chosen.update(hosts)
        variables = {name: self._variables_of(name) for name in self.inventory.hosts if name in chosen}
        inside = [name for name, known in variables.items() if self._shares_names(known)]
        if inside:
            self.display.warning(
                "parents: left out are %s: these namespaces have no mount namespace of their own (ansible_netns_mount),"
                " so the names below /run/netns are those of their machine or node" % ", ".join(inside)
            )
        return {name: known for name, known in variables.items() if name not in inside}

    def _shares_names(self, variables: Mapping[str, Any]) -> bool:
        """Whether a host is a namespace that looks names up where its machine does. A pod of a node is one, too."""
        netns = next((name for name in reversed(NETNS_VARIABLES) if variables.get(name)), None)
        if netns is None:
            return False
        by_path = str(self._filled(variables[netns], variables)).startswith("/")
        return not (by_path and variables.get("ansible_netns_mount") and "netns_parent" not in variables)

    def _variables_of(self, name: str) -> dict[str, Any]:
        """A host's variables, those of its groups, of files beside the inventory, and cached facts."""
        host = self.inventory.hosts[name]
        sources = getattr(self.inventory, "processed_sources", None) or []
        variables = get_group_vars(host.get_groups())
        variables = combine_vars(
            variables, get_vars_from_inventory_sources(self.loader, sources, host.get_groups(), "all")
        )
        variables = combine_vars(variables, host.get_vars())
        variables = combine_vars(variables, get_vars_from_inventory_sources(self.loader, sources, [host], "all"))
        facts = cache_loader.get(C.CACHE_PLUGIN)
        if facts.contains(name):
            variables = combine_vars(facts.get(name), {**variables, **namespace_facts(facts.get(name))})
        return dict(variables)

    def _inherited(self, parent: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """What leads to the parent."""
        facts = cache_loader.get(C.CACHE_PLUGIN)
        cached = set(facts.get(parent)) if facts.contains(parent) else set()
        found: dict[str, Any] = {"ansible_host": parent}
        method = variables.get("ansible_become_method", C.DEFAULT_BECOME_METHOD)
        sudo = self._filled(method, variables) in SUDO_METHODS
        left_out = NOT_INHERITED | cached | (set() if sudo else SUDO_VARIABLES)
        for name, value in variables.items():
            if name.startswith("ansible_") and name not in left_out:
                found[name] = self._rebound(value, parent, variables)
        return found

    def _rebound(self, value: Any, parent: str, variables: Mapping[str, Any]) -> Any:
        """A parent's template for its namespaces: what the inventory says of the parent is asked of the parent.

        It is not filled in here, since much that it may ask for is there only when a play runs.
        """
        if not isinstance(value, str) or not self.templar.is_template(value):
            return value
        names = _undeclared(value)
        asked = [
            "{%% set %s = hostvars[%r][%r] %%}" % (name, parent, name) for name in sorted(names & variables.keys())
        ]
        return trust_as_template("".join(asked) + value)

    def _filled(self, value: Any, variables: Mapping[str, Any]) -> Any:
        """The value of a variable that the plugin itself asks for, filled in if that needs no more than is known here.

        No other variable is filled in: a template may ask for a password, or make a file. Those that an option's
        expression names are, by the expression. What a node has said is never a template: ansible-core fills in what
        comes from the user's own files and nothing else.
        """
        if not isinstance(value, str):
            return value
        self.templar.available_variables = combine_vars(variables, self._vars or {})
        try:
            return self.templar.template(value)
        except AnsibleError:
            return value

    def _told(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """A parent's variables for the options' expressions: those that one names are filled in as the parent's."""
        asked = {
            name
            for option in ("hostname", "compose", "groups", "keyed_groups")
            for text in _texts(self.get_option(option))
            for name in _names_in(text)
        }
        return {name: self._filled(value, variables) if name in asked else value for name, value in variables.items()}

    def _add(self, entry: Entry, parent: str, told: Mapping[str, Any], inherited: Mapping[str, Any]) -> None:
        """Add a namespace with what it has of its parent, to groups that also what is told of the parent decides on."""
        netns = _spelled(entry)
        name = netns.strip("/").replace("/", "-")
        if not _matches(name, self.get_option("include"), True) or _matches(name, self.get_option("exclude"), False):
            return
        try:
            checked = netns_path("namespaces", netns) if netns.startswith("/") else netns_name("namespaces", netns)
        except InvalidOption as exc:
            if not isinstance(entry, Mapping):
                raise
            # Found on a machine, and not written by the user
            self.display.warning("Left out: %s" % exc)
            return
        own: dict[str, Any] = {
            "ansible_become": True,
            "ansible_become_method": BECOME_METHOD,
            "ansible_netns": checked,
            "netns_name": name,
        }
        if parent:
            own["netns_parent"] = parent
        if isinstance(entry, Mapping):
            own["netns_info"] = dict(entry)
        known = {"ansible_host": parent, **told, **own} if parent else {**inherited, **own}
        expression = self.get_option("hostname")
        host = str(self._compose(expression, known)) if expression else ".".join(filter(None, (name, parent)))
        if host in self.inventory.hosts:
            raise AnsibleParserError(
                "namespace '%s' would be host '%s', which is there already: set the option hostname" % (netns, host)
            )
        self.inventory.add_host(host, group=self.get_option("group"))
        for key, value in {**inherited, **own}.items():
            self.inventory.set_variable(host, key, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), self._known(host, known, inherited), host, strict=strict)
        known = self._known(host, known, inherited)
        groups, keyed_groups = self.get_option("groups"), self.get_option("keyed_groups")
        self._add_host_to_composed_groups(groups, known, host, strict=strict, fetch_hostvars=False)
        self._add_host_to_keyed_groups(keyed_groups, known, host, strict=strict, fetch_hostvars=False)

    def _known(self, host: str, known: Mapping[str, Any], inherited: Mapping[str, Any]) -> dict[str, Any]:
        """What a host's expressions may use: also what it has by now, but no templates for when a play runs."""
        has = self.inventory.get_host(host).get_vars()
        return {**known, **{name: value for name, value in has.items() if inherited.get(name) != value}}


def _texts(option: Any) -> Iterator[str]:
    """The texts in the value of an option, at any depth: expressions and templates."""
    if isinstance(option, str):
        yield option
    elif isinstance(option, Mapping):
        for value in option.values():
            yield from _texts(value)
    elif isinstance(option, (list, tuple)):
        for value in option:
            yield from _texts(value)


def _names_in(text: str) -> set[str]:
    """The variables that a text asks for, be it an expression or a template."""
    return _undeclared("{{ %s }}" % text) | _undeclared(text)


def _undeclared(template: str) -> set[str]:
    """The variables that a template asks for; none where it is not valid, as who uses it is told then."""
    try:
        return set(jinja2.meta.find_undeclared_variables(jinja2.Environment().parse(template)))
    except jinja2.TemplateError:
        return set()


def _spelled(entry: Entry) -> str:
    """The namespace that an entry means, empty where it means none."""
    spelled = (entry.get("name") or entry.get("netns")) if isinstance(entry, Mapping) else entry
    return spelled if isinstance(spelled, str) else ""


def _matches(name: str, patterns: list[str] | None, without: bool) -> bool:
    return without if patterns is None else any(fnmatchcase(name, pattern) for pattern in patterns)
