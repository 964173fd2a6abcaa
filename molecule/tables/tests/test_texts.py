# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts as people write them, through ``ipvsadm --restore`` and through our module: both make the same, or refuse."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ansible_collections.linuxnet.ipvs.plugins.filter.ipvsadm import from_ipvsadm, to_ipvsadm

#: The same cases in each run.
many = settings(
    max_examples=150,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

PORTS = ["80", "0", "080", "+80", "65535", "65536", "-1", ""]
FOUR = ["10.99.0.1", "10.99.1", "012.99.0.1", "0x0a.99.0.2", "10.99.0.999", "10.99.0.256", "80"]
SIX = ["fd00:99::1", "FD00:99:0::1", "::ffff:10.0.0.1", "fd00::x"]
#: Options with a value: the value may stand by itself, behind a '=', or with a letter.
SHORT = {"scheduler": "s", "persistent": "p", "netmask": "M", "sched-flags": "b", "real-server": "r", "weight": "w"}
SHORT.update({"u-threshold": "x", "l-threshold": "y", "tcp-service": "t", "udp-service": "u", "fwmark-service": "f"})
SWITCHES = {"ops": "o", "gatewaying": "g", "masquerading": "m", "ipip": "i", "ipv6": "6"}


@st.composite
def spelt(draw, name, value):
    """The words of an option with a value."""
    forms = [["--" + name, value], ["--%s=%s" % (name, value)]]
    if name in SHORT:
        forms += [["-" + SHORT[name], value]] * 4 + [
            ["-%s%s" % (SHORT[name], value)],
            ["-%s=%s" % (SHORT[name], value)],
        ]
    return draw(st.sampled_from(forms))


def switch(name):
    """The words of an option without a value."""
    return st.sampled_from([["--" + name], *[["-" + SWITCHES[name]] for _often in range(3) if name in SWITCHES]])


@st.composite
def endpoints(draw):
    """ADDRESS:PORT, mostly right."""
    port = ":" + draw(st.sampled_from(PORTS[:1] * 30 + PORTS)) if draw(st.integers(0, 7)) else ""
    if draw(st.integers(0, 3)):
        return draw(st.sampled_from(FOUR[:1] * 20 + FOUR)) + port
    address = draw(st.sampled_from(SIX[:1] * 6 + SIX))
    return "[%s]%s" % (address, port) if draw(st.integers(0, 5)) else address


@st.composite
def service_names(draw):
    """The words that name a virtual service."""
    if draw(st.integers(0, 4)) == 0:
        mark = draw(st.sampled_from(["7", "7", "7", "+7", "4294967295", "0", "x", "4294967296"]))
        family = draw(st.sampled_from([[], ["-6"], ["--ipv6"], ["-6", "-6"]]))
        return draw(spelt("fwmark-service", mark)) + family
    name = draw(st.sampled_from(["tcp-service", "udp-service", "sctp-service"]))
    return draw(spelt(name, draw(endpoints())))


@st.composite
def options(draw, listed):
    """The words of some options; each is a name and its values, or a name alone."""
    found = []
    for name in draw(st.lists(st.sampled_from(sorted(listed)), max_size=3)):
        values = listed[name]
        found += (
            draw(switch(name)) if values is None else draw(spelt(name, draw(st.sampled_from(values[:1] * 9 + values))))
        )
    return found


OF_SERVICE = {
    "scheduler": ["rr", "rr", "sh", "mh", "wlc", "nosuch"],
    "persistent": ["300", "1", "0", "2678400", "2678401", "x", "+5"],
    "netmask": ["255.255.0.0", "255.255", "0.0.0.0", "0.0.0.255", "0xffffff00", "64", "128", "0", "129"],
    "ops": None,
    "sched-flags": ["sh-port", "sh-port,sh-fallback", "flag-1", ",flag-2,", "mh-port", "nosuch"],
    "weight": ["3"],
}
OF_SERVER = {
    "gatewaying": None,
    "masquerading": None,
    "ipip": None,
    "weight": ["3", "0", "65535", "-1", "x", "2147483648"],
    "u-threshold": ["100", "0", "2147483648"],
    "l-threshold": ["50", "0"],
    "tun-type": ["ipip", "gue", "gre", "vxlan"],
    "tun-port": ["6080", "0", "65536"],
    "tun-csum": None,
    "tun-nocsum": None,
    "tun-remcsum": None,
    "sort": None,
}


@st.composite
def right_texts(draw):
    """A virtual service with real servers, in lines that are right, each word in any of its forms."""
    mark = draw(st.booleans())
    name = draw(spelt("fwmark-service", "7") if mark else spelt("tcp-service", "10.99.0.1:80"))
    words = [["-A", *name]]
    for option, value in (("scheduler", "sh"), ("sched-flags", "sh-port"), ("persistent", "300")):
        if option == "scheduler" or draw(st.booleans()):
            words[0] += draw(spelt(option, value))
    for number in range(draw(st.integers(0, 2))):
        server = draw(spelt("real-server", "10.98.0.%d:80" % (number + 1)))
        words.append(
            ["-a", *name, *server, *draw(switch(draw(st.sampled_from(["gatewaying", "masquerading", "ipip"]))))]
        )
        for option, value in (("weight", "2147483647"), ("u-threshold", "100")):
            words[-1] += draw(spelt(option, value)) if draw(st.booleans()) else []
    return "".join(" ".join(line) + "\n" for line in words)


@st.composite
def wild_texts(draw):
    """A virtual service, mostly with real servers, in lines of which each has a good chance to be wrong."""
    name = draw(service_names())
    other = name if draw(st.integers(0, 6)) else draw(service_names())
    verb = draw(st.sampled_from(["-A", "-A", "-A", "--add-service", "-E"]))
    words = [[verb, *name, *draw(options(OF_SERVICE))]]
    bare = draw(st.sampled_from([[], [], [], ["-p"]]))
    words[0] += bare
    for _server in range(draw(st.integers(0, 2))):
        server = draw(spelt("real-server", draw(endpoints())))
        words.append([draw(st.sampled_from(["-a", "-a", "--add-server"])), *other, *server, *draw(options(OF_SERVER))])
    lines = []
    for line in words:
        if draw(st.integers(0, 4)) == 0 and len(line[0]) == 2 and line[1][0] == "-" and line[1][1] != "-":
            line[:2] = [line[0] + line[1][1:]]  # -At, -at
        if draw(st.integers(0, 9)) == 0:
            line.insert(draw(st.integers(0, len(line))), draw(st.sampled_from(["ipvsadm", "word"])))
        lines.append(
            draw(st.sampled_from([" ", " ", "\t", "  "])).join(line) + draw(st.sampled_from(["", "", " ", "\r"]))
        )
    return "\n".join(lines) + "\n"


#: What ipvsadm makes of each text of a list: the saved lines and those with thresholds, or null where it refuses any.
RESTORE = """
import json, subprocess, sys

def ipvsadm(*words, stdin=""):
    return subprocess.run(["ipvsadm", *words], input=stdin, capture_output=True, text=True)

def made(text):
    ipvsadm("-C")
    done = ipvsadm("-R", stdin=text)
    if done.returncode or done.stderr:
        return None
    listed = ipvsadm("-Ln", "--thresholds").stdout.splitlines()
    return sorted(ipvsadm("-Sn").stdout.split("\\n")), sorted(line for line in listed if "->" in line)

print(json.dumps([made(text) for text in json.load(sys.stdin)]))
"""


def restored(tables, texts):
    """What ipvsadm makes of texts."""
    return json.loads(tables.command("python3", "-c", RESTORE, stdin=json.dumps(texts)))


def ours(text):
    """A text as we read it, written in one form, or None where we refuse it."""
    try:
        return to_ipvsadm(from_ipvsadm(text))
    except AnsibleFilterError:
        return None


def test_a_text_means_what_it_means_to_ipvsadm(tables):
    written = []

    @many
    @given(text=right_texts() | wild_texts())
    def collect(text):
        written.append(text)

    collect()
    read = [ours(text) for text in written]
    theirs = restored(tables, written)
    again = iter(restored(tables, [text for text in read if text is not None]))
    found = [None if text is None else next(again) for text in read]
    assert [each for each in zip(written, found, theirs, strict=True) if each[1] != each[2]] == []
    assert 0.1 < sum(each is None for each in theirs) / len(theirs) < 0.9  # of both there are enough


@pytest.mark.parametrize(
    ("text", "theirs"),
    [
        # popt takes letters together, and a value with its letter.
        ("-At 10.99.0.1:80 -s rr\n-at 10.99.0.1:80 -r 192.168.7.1 -gw3\n", "-g -w 3"),
        ("ipvsadm -A -t 10.99.0.1:80 -s rr -p\n", "-p 360"),
        ("-A -t 10.99.0.1:80 -s rr\n-a -t 10.99.0.1:80 -r 192.168.7.1:81\n", "192.168.7.1:80 -g -w 1"),
    ],
)
def test_what_peoples_scripts_have(tables, text, theirs):
    tables.ipvsadm("-R", stdin=text)
    saved = tables.saved()
    assert saved[0].endswith(theirs) or saved[-1].endswith(theirs)
    assert not tables.run("ipvs_table", text=text, purge=True)["changed"]
