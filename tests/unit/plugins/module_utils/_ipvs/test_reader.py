# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ipvsadm's text: what it may look like, and what is wrong with a line."""

from __future__ import annotations

import contextlib
import re

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_tables import lines, tables

from ansible_collections.linuxnet.ipvs.plugins.filter.ipvsadm import FilterModule, from_ipvsadm, to_ipvsadm
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs import reader
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._node.refusals import refusals

NAMES = ("-t", "-u", "--sctp-service", "-f")


def canonical(text):
    """A text as we write it."""
    return to_ipvsadm(from_ipvsadm(text)).splitlines()


@settings(max_examples=50)
@given(table=tables)
def test_a_table_is_the_same_after_reading_and_writing(table):
    text = "".join(line + "\n" for service in table for line in lines(service, thresholds=True))
    assert canonical(text) == text.splitlines()
    assert to_ipvsadm(table) == text


@settings(max_examples=50)
@given(table=tables, random=st.randoms(use_true_random=False))
def test_lines_are_read_one_by_one_as_all_at_once(table, random):
    """A blank before it keeps a line from being read together with others."""
    written = [line for service in table for line in lines(service, thresholds=True)]
    blanks = [" " * random.randrange(2) + line for line in written]
    assert canonical("\n".join(blanks)) == canonical("\n".join(written))


@settings(max_examples=50)
@given(table=tables, random=st.randoms(use_true_random=False))
def test_the_order_of_a_lines_options_means_nothing(table, random):
    def shuffled(line):
        options = re.findall(r" (-6|-{1,2}[a-zA-Z][^ ]*(?: -\d\S+| [^- ]\S*)?)", line)
        assert line == " ".join([line[:2], *options])
        random.shuffle(options)
        # A mask or a family before the service it is of is another one's.
        options.sort(key=lambda option: 0 if option.startswith(NAMES) else 1 if option == "-6" else 2)
        return " ".join([line[:2], *options])

    text = "".join(line + "\n" for service in table for line in lines(service, thresholds=True))
    assert canonical("".join(shuffled(line) + "\n" for line in text.splitlines())) == canonical(text)


def test_long_options_any_order_and_what_is_left_out():
    text = """
    # saved by hand
    --add-service --tcp-service 10.0.0.1:80 --scheduler rr --persistent

    --add-server --masquerading --tcp-service 10.0.0.1:80 --weight 3 --real-server 10.1.0.1
    -a -r 10.1.0.2:80 -t 10.0.0.1:80
    -a -t 10.0.0.1:80 -r 10.1.0.3:81 -i --weight=5 --tun-type=gue --tun-port=6080
    -A -f 5 -s wlc -p 300 --ipv6
    -a -f 5 --ipv6 -r [2001:db8::1]:80 -m
    -A -f 7 -6
    -a -f 7 -6 -r [fd00::1]:80 -m
    -A -f -1 -s sh -b
    -A -u [fd00::53]:53 -o -b flag-1,flag-3
    """
    assert canonical(text) == [
        "-A -t 10.0.0.1:80 -s rr -p 360",
        "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 3",
        "-a -t 10.0.0.1:80 -r 10.1.0.2:80 -g -w 1",
        "-a -t 10.0.0.1:80 -r 10.1.0.3:80 -i -w 5 --tun-type gue --tun-port 6080 --tun-nocsum",
        "-A -f 5 -6 -s wlc -p 300",
        "-a -f 5 -6 -r [2001:db8::1]:80 -m -w 1",
        "-A -f 7 -6 -s wlc",
        "-a -f 7 -6 -r [fd00::1]:80 -m -w 1",
        "-A -f 4294967295 -s sh",
        "-A -u [fd00::53]:53 -s wlc -o -b flag-1,flag-3",
    ]


def test_a_service_is_the_same_in_each_spelling():
    assert canonical(
        "-A -t [FD00:0::1]:80\n-a -t [fd00::1]:80 -r [fd00::2]:80 -m -w 1\n-a -t [FD00::1]:80 -r FD00::3 -m"
    ) == [
        "-A -t [fd00::1]:80 -s wlc",
        "-a -t [fd00::1]:80 -r [fd00::2]:80 -m -w 1",
        "-a -t [fd00::1]:80 -r [fd00::3]:80 -m -w 1",
    ]
    with pytest.raises(AnsibleFilterError, match="line 2: this virtual service is added twice"):
        from_ipvsadm("-A -t [FD00::1]:80\n-A -t [fd00::1]:80")


def test_masks_and_a_scheduler_that_only_the_kernel_has():
    text = "-A -t 10.0.0.1:80 -s none -p 300 -M 255.0.255.0\n-A -f 7 -s rr -p 300 -M 0.0.0.0"
    assert canonical(text) == text.splitlines()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-D -t 10.0.0.1:80", "line 1: a saved table has lines with -A"),
        ("-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m", "line 1: no line before it adds its virtual service"),
        ("-A -t 10.0.0.1:80\n-A -t 10.0.0.1:80", "line 2: this virtual service is added twice"),
        ("-A -t 10.0.0.1:http", "save the table with --numeric"),
        ("-A -t www.example.org:80", "save the table with --numeric"),
        ("-A -t 10.0.0.1:80 -s", "lacks its value"),
        ("-A -t 10.0.0.1:80 -s nonsense", "scheduler: 'nonsense' is not valid"),
        ("-A -t 10.0.0.1:80 -w 5", "-w does not belong here"),
        ("-A -t 10.0.0.1:80 -t 10.0.0.2:80", "it says its virtual service twice"),
        ("-A -s rr", "it needs one of -t"),
        ("-A -f ²", "'²' is no number"),
        ("-A -t 10.0.0.1:80 -p ²", "'²' is no number"),
        ("-A -t 10.0.0.999:80", "no ADDRESS:PORT"),
        ("-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -s rr", "-s does not belong here"),
        ("-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 2147483648", "-w: 2147483648 is not valid"),
        (
            "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m\n-a -t 10.0.0.1:80 -r 10.1.0.2:80 -p",
            "line 3: -p does not belong here",
        ),
        ("-A -t 10.0.0.1: -s rr", "'' is no number"),
        ("-a -t 10.0.0.1:80 -r host:80 -m", "line 1: 'host' is a name: save the table with --numeric"),
        ("-A -t 10.0.0.1:80\n" + "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n" * 2, "a real server is listed twice"),
        ("-A -t 10.0.0.1:80 -p -M x", "'x' is no netmask such as 255.255.255.0"),
        ("-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r fd00::1 -g", "only forwarding method 'tunnel' crosses families"),
        ("nonsense", "line 1"),
        ("-A", "it needs one of"),
    ],
)
def test_texts_that_are_none(text, told):
    with pytest.raises(AnsibleFilterError, match=told.replace("[", r"\[")):
        to_ipvsadm(from_ipvsadm(text))


@given(text=st.text(alphabet="-AatufrsmwxypbM6 0123456789.:[]\n", max_size=80))
def test_no_text_makes_it_fall_over(text):
    with contextlib.suppress(InvalidOption):
        reader.wishes(reader.parse(text))


WEB = {"address": "10.0.0.1", "port": 80}


@pytest.mark.parametrize(
    "services",
    [
        "text",
        WEB,
        [{"address": "10.0.0.1"}],
        [1],
        [{**WEB, "schduler": "rr"}],
        [{**WEB, "protocol": "icmp"}],
        [{**WEB, "real_servers": [{"port": 80}]}],
    ],
)
def test_the_filter_says_what_it_wants(services):
    with pytest.raises(AnsibleFilterError):
        FilterModule().filters()["to_ipvsadm"](services)


def test_the_filter_takes_what_a_module_takes():
    service = {**WEB, "port": "80", "persistence_timeout": "300", "persistence_netmask": 24}
    assert to_ipvsadm([{**service, "real_servers": [{"address": "10.1.0.1", "weight": "2"}]}]).splitlines() == [
        "-A -t 10.0.0.1:80 -s wlc -p 300 -M 255.255.255.0",
        "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 2",
    ]


def test_what_is_read_is_what_a_module_takes():
    (service,) = from_ipvsadm("-A -t 10.0.0.1:80 -s rr")
    assert refusals(service, "ipvs_service") == []
