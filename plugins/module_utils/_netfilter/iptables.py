# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One family's rules in one namespace, by iptables-save(8) and iptables-restore(8), whichever their back end is.

Both back ends (nf_tables, legacy) take a change of one table as a whole or not at all. Exit codes: include/xtables.h
(enum xtables_exittype): 1 for most errors, 2 for words that are not understood, 3 for what this kernel lacks, 4 for
want of a resource. The back end nf_tables ends with 4 for what the kernel refuses, too, so the words decide.
"""

from __future__ import annotations

import re
from typing import Collection, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    Conflict,
    LinuxnetError,
    MissingRequirement,
    NotInstalled,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.programs import Finished, Run, finished
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.saved import (
    SavedTable,
    not_saved,
    tables,
    whole,
)

#: The tables that iptables(8) knows.
TABLES = ("filter", "nat", "mangle", "raw", "security")
#: What the commands of a family begin with.
COMMANDS = {"inet": "iptables", "inet6": "ip6tables"}

_LINE = re.compile(r"line:? (\d+)")
_LOCKED = "holding the xtables lock"
_NO_TABLE = (
    "Table does not exist",  # libiptc (legacy)
    "can't initialize ip",
    "TABLE_ADD failed",  # iptables/nft.c: a kernel whose nf_tables has not this family
    "Failed to initialize nft",
    "Could not fetch rule set generation id",
)
_NOT_PERMITTED = ("Permission denied", "Operation not permitted", "you must be root")


class NoTables(MissingRequirement):
    """This kernel has no tables for the back end that the commands of iptables use."""


class Iptables:
    """The rules of a family (``inet``, ``inet6``) in a namespace; the lock is waited for ``lock_timeout`` seconds.

    Each method raises

    NotInstalled
        There is no such command.
    MissingRequirement
        This kernel has no such tables for the command's back end, or the task may not change them.
    Conflict
        Another program holds the lock for too long, or has made a table what iptables(8) cannot say.
    LinuxnetError
        iptables(8), or the kernel, refused it for another reason.
    """

    def __init__(self, run: Run, family: str, netns: str | None, lock_timeout: int) -> None:
        self._run_command = run
        self._name = COMMANDS[family]
        self._netns = netns
        self._lock_timeout = lock_timeout

    def tables(self, needed: Collection[str] = ()) -> dict[str, SavedTable]:
        """All tables that there are and that iptables-save(8) can write; the needed ones it must.

        It is not asked for one table, since the legacy back end makes a table that is asked for.
        """
        ended = self._run("-save")
        if (ended.code == 0 and not (ended.printed and whole(ended.printed))) or (ended.code and not ended.warned):
            # run_command() loses the words of a program that ends between its two looks at it, on a slow machine.
            ended = self._run("-save")
        if ended.code != 0:
            raise self._refused("read the rules", ended)
        if not whole(ended.printed):
            raise LinuxnetError("%s-save ended well, but what it printed breaks off" % self._name)
        changed = [table for table in not_saved(ended.printed) if table in needed]
        if changed:
            raise Conflict(
                "another program has changed table %s by nft(8) in ways that %s-save cannot write; look at 'nft list"
                " ruleset', and give that program a table of its own" % (", ".join(changed), self._name)
            )
        return tables(ended.printed)

    def restore(self, lines: Sequence[str], action: str = "change the rules") -> None:
        """Change tables, each as a whole, in the lines of iptables-restore(8); what they do not name stays.

        ``action`` is what an error says that iptables could not do.
        """
        text = "\n".join(lines) + "\n"
        ended = self._run("-restore", "--noflush", "--wait", str(self._lock_timeout), given=text)
        if ended.code != 0:
            raise self._refused(action, ended, lines)

    def _run(self, command: str, *arguments: str, given: str | None = None) -> Finished:
        program = self._name + command
        ended = finished(self._run_command, program, self._netns, *arguments, given=given)
        if ended is None:
            raise NotInstalled("the command '%s' is not installed: install the package 'iptables'" % program)
        return ended

    def _refused(self, action: str, ended: Finished, lines: Sequence[str] = ()) -> LinuxnetError:
        told = " ".join(ended.warned.split()) or "exit code %d, without a word" % ended.code
        where = " of network namespace '%s'" % self._netns if self._netns else ""
        said = "%s could not %s%s: %s" % (self._name, action, where, told)
        if _LOCKED in told:
            return Conflict(
                "%s: another program has held the xtables lock for %d s; raise 'lock_timeout', or end that program"
                % (said, self._lock_timeout)
            )
        if any(words in told for words in _NOT_PERMITTED):
            return MissingRequirement("%s: root needs the capability CAP_NET_ADMIN for it" % said)
        if any(words in told for words in _NO_TABLE):
            return NoTables(self._no_table(said))
        return LinuxnetError(said + named_lines(told, lines))

    def _no_table(self, said: str) -> str:
        version = finished(self._run_command, self._name, self._netns, "--version")
        mine, other = "nft", "legacy"
        if version is None or "nf_tables" not in version.printed:
            mine, other = other, mine
        return (
            "%s: this kernel has no such table for iptables' back end in use (%s); load its modules, or take the other"
            " one (%s-%s), if the kernel has that: where there are alternatives, 'update-alternatives --set %s"
            " /usr/sbin/%s-%s'" % (said, mine, self._name, other, self._name, self._name, other)
        )


def named_lines(told: str, lines: Sequence[str]) -> str:
    """What was in the lines of which iptables-restore(8) complains by their numbers, to be shown behind its words.

    It counts from 1. Of what the kernel refuses, the legacy back end names the last line of the table only.
    """
    named = [lines[int(number) - 1] for number in _LINE.findall(told) if 0 < int(number) <= len(lines)]
    if "COMMIT" in named:
        return ": the kernel refuses the table as a whole, and its log ('dmesg') may say why"
    return " (%s)" % "; ".join(dict.fromkeys(named)) if named else ""
