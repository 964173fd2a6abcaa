# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who reaches whom, who answers, and whose address the servers see."""

from __future__ import annotations

import itertools
import uuid

import pytest

SERVERS = {"dustin": "10.0.0.11", "leah": "10.0.0.21"}
VIRTUAL = "10.100.100.100"
CLIENTS = {"host": "", "dustin": "ip netns exec netns_dustin ", "leah": "ip netns exec netns_leah "}
CURL = "curl --silent --show-error --fail --connect-timeout 5 --max-time 10 "

#: The address from which each client asks, as long as nothing masquerades it. The virtual address is one of the
#: host's own, so there it is the nearest source.
TRUE_ADDRESS = {"dustin": "10.0.0.11", "leah": "10.0.0.21"}
HOST_ADDRESS = {"direct": "10.0.0.1", "virtual": VIRTUAL}


def asked_by(host, server, path):
    """The addresses from which a server was asked for a path, as its journal has them."""
    # The journal takes a line a moment after curl has had its answer.
    command = f"journalctl --no-pager --output cat --unit http-backend-{server} | grep --fixed-strings '{path}'"
    logged = host.run(f"for _ in 1 2 3 4 5 6 7 8 9 10; do {command} && break; sleep 1; done")
    return [line.split()[0] for line in logged.stdout.splitlines()]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("server", SERVERS)
def test_direct(host, client, server):
    assert host.check_output(f"{CLIENTS[client]}{CURL} {SERVERS[server]}:8080") == server


@pytest.mark.parametrize("client", CLIENTS)
def test_virtual_in_turn(host, client):
    asked = host.check_output(CLIENTS[client] + CURL + f" {VIRTUAL}:8080" * 6).split()
    assert set(asked) == set(SERVERS)
    assert all(one != next_one for one, next_one in itertools.pairwise(asked)), asked


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("server", SERVERS)
def test_log_of_direct(host, client, server):
    path = f"/?{uuid.uuid4()}"
    host.check_output(f"{CLIENTS[client]}{CURL} '{SERVERS[server]}:8080{path}'")
    assert asked_by(host, server, path) == [TRUE_ADDRESS.get(client, HOST_ADDRESS["direct"])]


@pytest.mark.parametrize("client", CLIENTS)
def test_log_of_virtual(host, client):
    path = f"/?{uuid.uuid4()}"
    answers = host.check_output(CLIENTS[client] + CURL + f" '{VIRTUAL}:8080{path}'" * 2).split()
    assert sorted(answers) == sorted(SERVERS)
    for server in SERVERS:
        # Who reaches itself comes masqueraded, as the bridge.
        true = "10.0.0.1" if server == client else TRUE_ADDRESS.get(client, HOST_ADDRESS["virtual"])
        assert asked_by(host, server, path) == [true]
