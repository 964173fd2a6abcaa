# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One chain of an iptables table, by the ``iptables`` command, which knows both of its back ends (nf_tables, legacy).

Sources: iptables(8), iptables-extensions(8). ``--check`` compares a whole rule, so no text is parsed here.
"""

from __future__ import annotations

from typing import Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import LinuxnetError, NotInstalled
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.programs import Run, finished

_COMMANDS = {"inet": "iptables", "inet6": "ip6tables"}


class Chain:
    """A chain in one network namespace; ``run`` runs commands, which wait ``lock_timeout`` seconds for the lock.

    The command is looked for when it is first needed; each method raises :class:`NotInstalled` where there is none.
    """

    def __init__(self, run: Run, family: str, table: str, name: str, netns: str | None, lock_timeout: int) -> None:
        self._run_command = run
        self._program = _COMMANDS[family]
        self._arguments = ["--wait", str(lock_timeout), "--table", table]
        self._name = name
        self._netns = netns

    def has(self, rule: Sequence[str]) -> bool:
        """Whether the chain has a rule that is exactly this one."""
        code, told = self._run("--check", rule)
        if code and not told:
            # run_command() loses the words of a program that ends between its two looks at it, on a slow machine.
            code, told = self._run("--check", rule)
        # iptables(8): 0 found; 1 is "no such rule" as well as most errors, so the text decides.
        if code == 0:
            return True
        if code == 1 and any(words in told for words in _NO_SUCH_RULE):
            return False
        raise self._failed("look for", rule, code, told)

    def append(self, rule: Sequence[str]) -> None:
        """Add a rule at the chain's end."""
        self._expect("append", "--append", rule)

    def delete_all(self, rule: Sequence[str]) -> None:
        """Delete each rule that is exactly this one."""
        while self.has(rule):
            self._expect("delete", "--delete", rule)

    def _expect(self, verb: str, option: str, rule: Sequence[str]) -> None:
        code, told = self._run(option, rule)
        if code != 0:
            raise self._failed(verb, rule, code, told)

    def _run(self, option: str, rule: Sequence[str]) -> tuple[int, str]:
        ended = finished(self._run_command, self._program, self._netns, *self._arguments, option, self._name, *rule)
        if ended is None:
            raise NotInstalled("the command '%s' is not installed: install the package 'iptables'" % self._program)
        return ended.code, ended.warned

    def _failed(self, verb: str, rule: Sequence[str], code: int, told: str) -> LinuxnetError:
        told = " ".join(told.split()) or "exit code %d" % code
        remedy = ": the xtables lock is held by another program; raise 'lock_timeout'" if code == 4 else ""
        return LinuxnetError(
            "iptables could not %s the rule '%s' of chain %s: %s%s" % (verb, " ".join(rule), self._name, told, remedy)
        )


#: What the two back ends say when a chain has no such rule (iptables/nft.c; the legacy one: libiptc/libiptc.c).
_NO_SUCH_RULE = (
    "Bad rule (does a matching rule exist in that chain?)",
    "No chain/target/match by that name",
    "does not exist (Is the rule",
)
