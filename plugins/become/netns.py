# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: netns
short_description: Run any task inside a network namespace
version_added: 1.0.0
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
description:
  - Runs the tasks of a host inside one of its network namespaces, over whatever connection leads to the host. Any
    module of any collection then sees and changes the namespace's devices, addresses, routes, firewall, sets, C(net.)
    sysctls and ports.
  - A named namespace is entered by C(ip netns exec), so the files of C(/etc/netns/NAME) lie over those of C(/etc).
  - To enter a namespace needs root. A login that is not root becomes root by C(sudo) or C(sudo-rs) first, with or
    without a password. The login's shell may be any, such as C(bash), C(dash), C(tcsh), C(fish) or BusyBox's C(sh).
options:
  netns:
    description:
      - The namespace, by its name below C(/run/netns), or by an absolute path such as C(/proc/4711/ns/net) or
        C(/run/docker/netns/1a2b3c).
      - A namespace that is given by its path is entered by C(nsenter). There are no files of its own for it, so that
        C(/etc/resolv.conf) and C(/sys) are the host's there.
    type: str
    required: true
    ini:
      - {section: netns_become_plugin, key: netns}
    env:
      - {name: ANSIBLE_NETNS}
      - {name: ANSIBLE_BECOME_NETNS}
    vars:
      - {name: ansible_netns}
      - {name: ansible_become_netns}
  mount:
    description:
      - The absolute path of a file that stands for a mount namespace, to enter together with the network namespace.
        The nodes of the role P(linuxnet.ipvs.lab_host#role) have one, so that each has a C(/run) and an C(/etc) of its
        own.
      - A network namespace that is given by its name is looked up there, such as a pod of the node, and the files of
        the node's C(/etc/netns/NAME) lie over its C(/etc). One that is given by a path is looked up in the
        machine's mount namespace, such as that of the node itself.
    type: str
    default: ''
    ini:
      - {section: netns_become_plugin, key: mount}
    env:
      - {name: ANSIBLE_NETNS_MOUNT}
    vars:
      - {name: ansible_netns_mount}
  become_user:
    description:
      - The user whom the task runs as inside the namespace. Without it that is V(root).
      - A user who is also the login user runs inside as well. Other become plugins are passed over then.
    type: str
    default: ''
    ini:
      - {section: privilege_escalation, key: become_user}
      - {section: netns_become_plugin, key: user}
    env:
      - {name: ANSIBLE_BECOME_USER}
      - {name: ANSIBLE_NETNS_USER}
    vars:
      - {name: ansible_become_user}
      - {name: ansible_netns_user}
    keyword:
      - {name: become_user}
  become_exe:
    description: The C(sudo) by which a login that is not root becomes root. A login as root needs none.
    type: str
    default: sudo
    ini:
      - {section: privilege_escalation, key: become_exe}
      - {section: netns_become_plugin, key: executable}
    env:
      - {name: ANSIBLE_BECOME_EXE}
      - {name: ANSIBLE_NETNS_EXE}
    vars:
      - {name: ansible_become_exe}
      - {name: ansible_netns_exe}
    keyword:
      - {name: become_exe}
  become_flags:
    description:
      - What is passed to C(sudo). With a password, C(-n) is left out.
      - With C(-i) or C(-s) the task has the environment that root's shell makes, inside as well.
    type: str
    default: -H -S -n
    ini:
      - {section: privilege_escalation, key: become_flags}
      - {section: netns_become_plugin, key: flags}
    env:
      - {name: ANSIBLE_BECOME_FLAGS}
      - {name: ANSIBLE_NETNS_FLAGS}
    vars:
      - {name: ansible_become_flags}
      - {name: ansible_netns_flags}
    keyword:
      - {name: become_flags}
  become_pass:
    description: The password for C(sudo).
    type: str
    ini:
      - {section: netns_become_plugin, key: password}
    env:
      - {name: ANSIBLE_BECOME_PASS}
      - {name: ANSIBLE_NETNS_PASS}
    vars:
      - {name: ansible_become_password}
      - {name: ansible_become_pass}
      - {name: ansible_netns_pass}
notes:
  - Set C(ansible_become) and C(ansible_become_method) as variables of the host, as the examples do. Variables win over
    the keywords C(become) and C(become_method) of a task or a role, and a task that says C(become=false) stays inside.
    Where only keywords put a play into a namespace, such a task leaves it.
  - Only the network is the namespace's. Files, packages, users, processes and the host's name are the host's own,
    except for what O(mount) brings of its own.
  - A service that a task asks a manager to start (systemd, cron, a container engine) runs where that manager runs, and
    not inside.
  - A mount that a task makes inside a named namespace is gone when the task ends, since C(ip netns exec) gives each
    command a mount table of its own. Files that lie over C(/etc) cannot be replaced there, so use
    M(linuxnet.ipvs.netns) with O(linuxnet.ipvs.netns#module:dns) for the C(resolv.conf) of a namespace.
  - What ansible-core does on the controller (C(debug), C(set_fact), lookups, the sending side of C(copy)) and file
    transfers themselves do not enter the namespace.
  - Mitogen's strategies know no other become plugins than their own, and refuse this one. Use C(linear) or C(free).
seealso:
  - plugin: linuxnet.ipvs.netns
    plugin_type: inventory
  - module: linuxnet.ipvs.netns
requirements:
  - iproute2 on the managed node, or C(nsenter) of util-linux for a namespace that is given by its path, or both for a
    named one together with O(mount)
  - C(runuser) or C(su) on the managed node for users other than root
  - C(sudo) on the managed node for a login that is not root
"""

EXAMPLES = r"""
# hosts.yml: a pod as a host, over ssh to the node that it lives on
# pods:
#   hosts:
#     dustin:
#       ansible_netns: netns_dustin
#   vars:
#     ansible_host: node1.example.org
#     ansible_user: deploy
#     ansible_become: true
#     ansible_become_method: linuxnet.ipvs.netns

- name: Any task of any collection
  hosts: dustin
  tasks:
    - name: Ask the service as the pod does
      ansible.builtin.uri:
        url: http://10.100.100.100:8080

    - name: Let nobody reach the pod's ssh
      ansible.builtin.iptables:
        chain: INPUT
        protocol: tcp
        destination_port: "22"
        jump: DROP

- name: A single task of a play
  hosts: node1
  tasks:
    - name: Wait until the pod's server answers, seen from the pod
      ansible.builtin.wait_for:
        host: 127.0.0.1
        port: 8080
      become: true
      become_method: linuxnet.ipvs.netns
      vars:
        ansible_netns: netns_dustin
"""

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.become import BecomeBase

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import netns_name, netns_path, user_name
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import RUN_DIR

# A command is put together from scripts, each with the next ones as its arguments. `fail` answers as a module does,
# behind the mark that escalation has succeeded, because anything else would reach the user as a parser's error.

#: Which package has a tool.
_PACKAGES = {"ip": "iproute2", "nsenter": "util-linux"}

#: What every script begins with. The login's PATH often has no sbin.
_TOOLS = r"""
fail() {{
  echo {success}
  printf '%s' "$1"
  [ $# = 1 ] || printf '%s' "$2" | tr -s '[:space:]' ' ' | tr -cd '[:alnum:] ._:;,/()=+@-'
  printf '"}}\n'
  exit 1
}}
find_tool() {{ (PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; command -v "$1"); }}
"""

#: As the login: become root, with what is to run then as arguments.
_ESCALATE = r"""
[ "$(id -u)" != 0 ] || exec "$@"
command -v {exe} >/dev/null || fail {no_exe}
exec {sudo} "$@"
"""

#: As root: enter the mount namespace in which a named network namespace is looked up.
_MOUNT = r"""
tool=$(find_tool nsenter) || fail {no_nsenter}
[ -e {mount} ] || fail {no_mount}
said=$("$tool" --mount={mount} -- true 2>&1 </dev/null) || fail {no_mount_entry} "$said"
exec "$tool" --mount={mount} -- /bin/sh -c "$1" "$0"
"""

#: As root: see that the namespace can be entered, and enter it.
_ENTER = r"""
tool=$(find_tool {tool}) || fail {no_tool}
[ -e {path} ] || fail {no_netns}
{look}
said=$("$tool" {into} true 2>&1 </dev/null) || fail {no_entry} "$said"
{drop}
exec "$tool" {into} {command}
"""

#: As root, where a mount namespace is entered in the same step.
_LOOK = r"""
[ -e {mount} ] || fail {no_mount}
"""

#: As root, for another user inside.
_DROP = r"""
id -u {user} >/dev/null 2>&1 || fail {no_user}
drop=$(find_tool runuser || find_tool su) || fail {no_drop}
"""


class _InsideUser(str):
    """The user inside, as ansible-core sees it: unequal to whomever it is compared with by ``!=``.

    Core passes a become plugin over where ``become_user != remote_user`` does not hold, and runs the command as it is:
    outside the namespace, which changes the host itself. With this type it always holds. Where core asks whether files
    have to be handed over to another user it uses ``in``, and gets the usual answer.
    """

    def __ne__(self, other: object) -> bool:
        return True

    __eq__ = str.__eq__
    __hash__ = str.__hash__


class BecomeModule(BecomeBase):
    """The become plugin, under the name of its class that ansible-core looks for."""

    name = "linuxnet.ipvs.netns"

    # What sudo and sudo-rs say of passwords
    fail = ("Sorry, try again.", "Authentication failed, try again.")
    missing = (
        "Sorry, a password is required to run sudo",
        "sudo: a password is required",
        "interactive authentication is required",
    )

    def get_option(self, option: str, hostvars: Any = None, playcontext: Any = None) -> Any:
        value = super().get_option(option, hostvars=hostvars, playcontext=playcontext)
        return _InsideUser(value or "root") if option == "become_user" else value

    def expect_prompt(self) -> bool:
        # Connections ask this of each command that is meant to be wrapped.
        if not self._id:
            raise AnsibleError(
                "%s: this version of Ansible ran a command without asking the plugin, so it ran outside the namespace"
                % self.name
            )
        return bool(super().expect_prompt())

    def check_password_prompt(self, b_output: bytes) -> bool:
        """Whether sudo asks for the password: the prompt that it was given stands anywhere in a line.

        sudo-rs writes words of its own before and behind it. The prompt holds a random id, so nothing else is taken
        for it.
        """
        asked = bool(self.prompt) and self.prompt.encode() in b_output
        if asked and self.check_incorrect_password(b_output):
            raise AnsibleError("%s: sudo has not taken the password: it asks for it again" % self.name)
        return asked

    def build_become_command(self, cmd: str, shell: Any) -> str:
        super().build_become_command(cmd, shell)
        if not cmd:
            return cmd
        try:
            return self._command(cmd, shell)
        except InvalidOption as exc:
            raise AnsibleError("%s: %s" % (self.name, exc)) from exc

    def _command(self, cmd: str, shell: Any) -> str:
        exe = self.get_option("become_exe") or "sudo"
        escalate = _ESCALATE.format(
            exe=shlex.quote(shlex.split(exe)[0]),
            sudo=" ".join([exe, *self._sudo_flags()]),
            no_exe=_failure("the login user is not root, and this host has no '%s' to become root: install it" % exe),
        )
        tools = _TOOLS.format(success=self.success)
        first, *others = [tools + script for script in self._enter(self._build_success_command(cmd, shell))]
        as_root = _for_any_shell(shlex.join(["exec", "/bin/sh", "-c", first, self.name, *others]))
        as_login = _for_any_shell(tools + escalate)
        return shlex.join(["/bin/sh", "-c", as_login, self.name, "/bin/sh", "-c", as_root])

    def _enter(self, command: str) -> Iterator[str]:
        """The scripts that enter the namespace as root, in order."""
        netns = str(self.get_option("netns") or "")
        if not netns:
            raise AnsibleError(
                "%s: no namespace is named: set the variable ansible_netns of the host or of the task (or another"
                " become_method for what has to run outside)" % self.name
            )
        mount = str(self.get_option("mount") or "")
        if mount:
            mount = netns_path("ansible_netns_mount", mount)
        no_mount = _failure("mount namespace '%s' does not exist: what brings it has to run first" % mount)
        look = ""
        if netns.startswith("/"):
            path = netns_path("ansible_netns", netns)
            tool, into = "nsenter", "--net=%s --" % path
            if mount:
                into, look = "--net=%s --mount=%s --" % (path, mount), _LOOK.format(mount=mount, no_mount=no_mount)
            made_by = "what brings it has to run first"
        else:
            name = netns_name("ansible_netns", netns)
            path = "%s/%s" % (RUN_DIR, name)
            tool, into = "ip", "netns exec %s" % name
            made_by = "create it first, with linuxnet.ipvs.netns or 'ip netns add'"
            if mount:
                made_by += ", in mount namespace '%s'" % mount
                yield _MOUNT.format(
                    mount=mount,
                    no_nsenter=_no_tool(netns, "nsenter"),
                    no_mount=no_mount,
                    no_mount_entry=_failure("cannot enter mount namespace '%s': " % mount),
                )
        user = user_name("become_user", str(self.get_option("become_user")))
        drop = ""
        if user != "root":
            drop = _DROP.format(
                user=user,
                no_user=_failure("this host has no user '%s': create it, or name another as become_user" % user),
                no_drop=_failure("this host has neither 'runuser' nor 'su': install the package util-linux"),
            )
            command = '"$drop" -s /bin/sh %s -c %s' % (user, shlex.quote(command))
        yield _ENTER.format(
            tool=tool,
            path=path,
            look=look,
            into=into,
            drop=drop,
            command=command,
            no_tool=_no_tool(netns, tool),
            no_netns=_failure("network namespace '%s' does not exist (looked at %s): %s" % (netns, path, made_by)),
            no_entry=_failure("cannot enter network namespace '%s': " % netns),
        )

    def _sudo_flags(self) -> list[str]:
        flags = shlex.split(self.get_option("become_flags") or "")
        if self.get_option("become_pass"):
            self.prompt = "[sudo via ansible, key=%s] password:" % self._id
            flags = [flag for flag in map(_without_n, flags) if flag not in ("-", "--non-interactive")]
            flags += ["-p", self.prompt]
        return [shlex.quote(flag) for flag in flags]


def _for_any_shell(script: str) -> str:
    """A script as one line in which no shell but ``/bin/sh`` finds anything of its own.

    The login's shell gets it first: csh and tcsh end a quoted text at a line's end, and read ``!`` in one. With ``-i``
    or ``-s`` sudo hands a command to root's shell, each character but letters, digits, ``_``, ``-`` and ``$`` behind a
    backslash (parse_args.c): that loses line ends, and a ``$`` would already mean something there.
    """
    escaped = re.sub(
        rb"[^ -~]|[!$`'\"\\]", lambda found: rb"\0%03o" % ord(found.group()), script.encode(errors="surrogateescape")
    )
    return "eval \"`printf %%b '%s'`\"" % escaped.decode()


def _without_n(flag: str) -> str:
    """A cluster of short flags without sudo's ``-n``, which would never ask for the password."""
    return flag if flag.startswith("--") else re.sub(r"^(-[A-Za-z]*)n", r"\1", flag)


def _failure(text: str) -> str:
    """The start of a failed module's answer, as a word for the shell; ``fail`` closes it."""
    return shlex.quote(json.dumps({"failed": True, "changed": False, "msg": text})[:-2])


def _no_tool(netns: str, tool: str) -> str:
    """The answer where a tool is missing, as a word for the shell."""
    return _failure(
        "cannot enter network namespace '%s': this host has no command '%s': install the package %s"
        % (netns, tool, _PACKAGES[tool])
    )
