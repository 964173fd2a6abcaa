# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab on a host that a user's own inventory names, without any of the packages that it needs, or a list of them.

The tests stand in the order in which they are to run: each finds the host as the one before it left it.
"""

from __future__ import annotations

from pathlib import Path

import kernel
import plays
import pytest
import yaml

PACKAGES = ("python3-pyroute2", "iptables", "curl", "ipvsadm", "ipset", "bridge-utils")


#: What somebody else has there.
FOREIGN = """
ip netns add somebodys
iptables -t nat -A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE
ipset create somebodys hash:ip
ipvsadm -A -t 192.0.2.1:80 -s wlc
"""


@pytest.fixture(scope="module")
def own(inventory, tmp_path_factory):
    """Play a playbook with an inventory as a user would write it, from a checkout in which there is no lab."""
    folder = tmp_path_factory.mktemp("own")
    hosts = yaml.safe_load(Path(inventory).read_text())["lab_nodes"]["hosts"]
    for variables in hosts.values():
        del variables["lab_host_origin"]
    (folder / "hosts.yml").write_text(yaml.safe_dump({"lab_nodes": {"hosts": hosts}}))

    def run(playbook, *arguments):
        state = f"--extra-vars=lab_host_state_dir={folder / 'state'}"
        return plays.play(str(folder / "hosts.yml"), plays.PLAYBOOKS / playbook, state, *arguments)

    return run


@pytest.fixture(scope="module")
def before(own, host):
    """What the kernel had before the lab came; and then the packages go."""
    done = own("lab_down.yml")
    assert done.code == 0, done.account
    host.check_output("sh -ec %s", FOREIGN)
    found = kernel.read(host)
    host.check_output("apt-get remove --yes " + " ".join(PACKAGES))
    host.check_output("rm -r /var/lib/apt/lists/*; apt-get clean")
    assert installed(host) == set()
    return found


def installed(host):
    """Which of the packages are there."""
    listed = host.run("dpkg-query --show --showformat='${Package} ${db:Status-Status}\\n' " + " ".join(PACKAGES)).stdout
    return {name for name, state in map(str.split, listed.splitlines()) if state == "installed"}


def visible(host):
    """What the lab makes, read without any of the packages."""
    return host.check_output(
        "ip -o link | cut -d: -f2; ip -4 -o address; ip netns; nft list ruleset; cat /proc/net/ip_vs;"
        " ls /etc/netns /run/systemd/system /run/ipvs_node* 2>&1; true"
    )


def said(run):
    """What a run reported of its tasks; what apt tells of the packages differs with what it has to fetch."""
    return [(each.task, each.item, each.changed) for each in run.outcomes]


@pytest.mark.usefixtures("before")
def test_nothing_to_take_away(own, host):
    """So a run leaves the host that could install nothing there: nothing is built, nor could a module take it away."""
    done = own("lab_down.yml")
    assert done.code == 0, done.account
    assert done.changed == []
    assert installed(host) == set()


def test_foretold(own, before, host):
    seen = visible(host)
    foretold = own("lab.yml", "--check", "--diff")
    assert foretold.code == 0, foretold.account
    assert (installed(host), visible(host)) == (set(), seen)
    done = own("lab.yml", "--diff")
    assert done.code == 0, done.account
    assert installed(host) == set(PACKAGES)
    assert said(foretold) == said(done)


@pytest.mark.usefixtures("host")
def test_again(own):
    again = own("lab.yml", "--diff")
    assert again.code == 0, again.account
    assert again.changed == []


@pytest.fixture(scope="module")
def my_lab(tmp_path_factory):
    """The other lab of docs/lab.md, as arguments."""
    _before, found, text = (plays.PLAYBOOKS.parent / "docs" / "lab.md").read_text().partition("# my-lab.yml")
    assert found
    variables = tmp_path_factory.mktemp("variables") / "my-lab.yml"
    variables.write_text(text.partition("\n")[2].partition("```")[0])
    return ("--extra-vars", f"@{variables}")


def test_another_lab_and_back(own, my_lab, host):
    """The third pod stays, and is no longer asked; nor is somebody else's service touched."""
    other = own("lab.yml", *my_lab)
    assert other.code == 0, other.account
    assert "-a -t 10.100.100.100:8080 -r 10.0.0.31:8080 -m -w 1" in host.check_output("ipvsadm -Sn")
    back = own("lab.yml")
    assert back.code == 0, back.account
    saved = host.check_output("ipvsadm -Sn").splitlines()
    assert [line for line in saved if "10.100.100.100:" in line] == [
        "-A -t 10.100.100.100:8080 -s rr",
        "-a -t 10.100.100.100:8080 -r 10.0.0.11:8080 -m -w 1",
        "-a -t 10.100.100.100:8080 -r 10.0.0.21:8080 -m -w 1",
    ]
    assert "-A -t 192.0.2.1:80 -s wlc" in saved


def test_taken_away(own, my_lab, before, host):
    """All of the lab goes, and nothing else: neither the packages nor what somebody else has."""
    done = own("lab_down.yml", "--diff", *my_lab)
    assert done.code == 0, done.account
    assert done.changed
    assert installed(host) == set(PACKAGES)
    now = kernel.read(host)
    for state in (before, now):
        state[""]["switches"] = []  # they stay, as the role ipvs_node says
    assert list(kernel.differences(before, now)) == []
