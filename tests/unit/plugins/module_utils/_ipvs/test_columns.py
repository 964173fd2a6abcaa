# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quick ways give what the plain ones give."""

from __future__ import annotations

import ipaddress

import kernel_tables
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipvs_things import replies, servers

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs import (
    columns,
    connections,
    reader,
    table_plan,
    text_columns,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.codec import SERVER_HEADER, encode_servers
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.connections import parse
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.filter import Filter
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.scope import Scope
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServers
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import ServiceWish


@given(server=servers())
def test_a_real_server_is_compared_as_the_kernel_writes_it(server):
    (found,) = columns._found(replies(server))
    assert [SERVER_HEADER + found] == encode_servers(RealServers.of([server]))
    assert list(replies(server)) == [server]


def steps_of(planned):
    """What a plan does, and what it says of it, in an order that means nothing."""
    return sorted(what for step in planned.operations for what in step.each()), planned.counts, planned.diff()


@given(wished=kernel_tables.services(), data=st.data())
def test_the_plan_for_what_differs_is_the_plan_for_all(wished, data):
    """Of what is there some is as wished, some is of another service, and some is there otherwise."""
    wish = ServiceWish.from_options(wished)
    service = wish.resolve(None)
    listed = [each.resolve(service.key, None) for each in wish.servers or ()]
    there = {each.key: each for each in listed if data.draw(st.booleans())}
    for key, each in list(there.items()):
        if data.draw(st.booleans()):
            there[key] = each.having(weight=each.weight + 1)
    for each in data.draw(st.lists(kernel_tables.real_servers(wished), max_size=3)):
        other = ServiceWish.from_options(dict(wished, real_servers=[each])).servers
        assert other is not None
        there.setdefault(other[0].key, other[0].resolve(service.key, None))
    have = replies(*there.values())
    owned = data.draw(st.sampled_from([None, Scope()]))
    quick = table_plan.plan_table([wish], [(service, have)], owned)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_plan, "unsettled", lambda *_all: None)
        plain = table_plan.plan_table([wish], [(service, have)], owned)
    assert steps_of(quick) == steps_of(plain)


@pytest.mark.parametrize("service", ["-t 10.0.0.1:80", "-u [2001:db8::1]:53", "--sctp-service 10.0.0.1:80", "-f 7 -6"])
@pytest.mark.parametrize("address", ["10.1.0.1", "[fd00::1]", "[2001:db8::1]"])
def test_what_ipvsadm_writes_is_a_block(service, address):
    """Line by line it would be as right, and several times slower."""
    text = f"-A {service} -s rr\n-a {service} -r {address}:80 -i -w 1\n-a {service} -r {address}:81 -i -w 2"
    ((written, block), *rest) = text_columns.blocks(text)
    assert written == text
    assert not any(other for other, _block in rest)
    assert block == text_columns.Block(service, "-s rr", (address.strip("[]"),) * 2, ("80 -i -w 1", "81 -i -w 2"))


#: Whatever a line may have, right and wrong, and other spellings of it.
WORDS = st.sampled_from(
    [
        *("-A", "-a", "-t", "-u", "-f", "-6", "-s", "-p", "-M", "-o", "-b", "-r", "-g", "-i", "-m", "-w", "-x", "-y"),
        *("--pe", "--tun-type", "--tun-port", "--tun-csum", "ipvsadm", "#", "rr", "sh", "300", "3", "64", "gue"),
        *("10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80", "010.0.0.1:80", "10.1:80", "10.0.0.999:80", "fd00::1"),
        *("255.255.0.0", "sh-port"),
    ]
)


def table_of(text):
    """What a text is read as, or that it is refused."""
    try:
        return reader.parse(text)
    except InvalidOption:
        return None


@given(table=kernel_tables.tables, data=st.data())
def test_blocks_are_read_as_their_lines(table, data):
    """Some words of some lines are replaced, so that a block holds what it must not."""
    lines = [line.split(" ") for service in table for line in kernel_tables.lines(service)]
    for line in lines:
        if data.draw(st.integers(0, 4)) == 0:
            line[data.draw(st.integers(0, len(line) - 1))] = data.draw(WORDS)
    text = "\n".join(map(" ".join, lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "blocks", lambda text: [(text, None)])
        plain = table_of(text)
    found = table_of(text)
    assert as_values(found) == as_values(plain)


def as_values(table):
    """A table with its real servers as values, which are compared by what they hold."""
    return table and [
        (options, [(address, each.port, each.terms) for address, each in servers]) for options, servers in table
    ]


@given(data=st.data())
def test_a_line_of_a_connection_that_fits_holds_a_needle(data):
    """With a line as ip_vs_conn_seq_show() writes it."""
    six = data.draw(st.booleans())
    virtual = data.draw(st.ip_addresses(v=6 if six else 4))
    other = data.draw(st.ip_addresses(v=6 if six else 4))
    prefix = data.draw(st.integers(0, virtual.max_prefixlen))
    port = data.draw(st.integers(0, 65535))
    pattern = data.draw(
        st.sampled_from([dict(address=str(ipaddress.ip_network((virtual, prefix), strict=False))), dict(port=port)])
    )

    def written(address):
        return address.exploded if six else "%08X" % int(address)

    line = "TCP %s 8AE0 %s %04X %s 1F90 ESTABLISHED     892\n" % (*map(written, (other, virtual)), port, written(other))
    (connection,) = parse([line])
    wanted = Filter.from_options([pattern])
    assert wanted.matches_connection(connection)
    needles = connections.needles_of(wanted.patterns)
    assert needles is None or any(needle in line.encode() for needle in needles)
