# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of the lab shows what the kernel's own tools tell of it, and nothing else."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ADDRESS = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/[0-9]+")
ENDPOINT = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+:[0-9]+")


@pytest.fixture(scope="module")
def files(play, tmp_path_factory, host):
    """The files of a picture without counters, by their suffixes. Asking for the host puts them before its end."""
    assert host.backend is not None
    folder = tmp_path_factory.mktemp("picture")
    done = play("picture.yml", f"--extra-vars={json.dumps(dict(picture_folder=str(folder), picture_counters=False))}")
    assert done.code == 0, done.account
    assert done.changed == []
    return {path.suffix: path.read_text() for path in Path(folder).iterdir()}


@pytest.fixture(scope="module")
def kernel(host):
    """Namespaces, their addresses, and all addresses of the node, as ip(8) tells them."""
    names = [each["name"] for each in json.loads(host.check_output("ip -j netns"))]
    inside, addresses = {}, set()
    for name in [None, *names]:
        listed = json.loads(host.check_output(f"ip {f'-n {name} ' if name else ''}-j address"))
        found = {
            f"{one['local']}/{one['prefixlen']}"
            for link in listed
            for one in link["addr_info"]
            if one["family"] == "inet" and one["scope"] == "global"
        }
        addresses |= found
        if name:
            inside[name] = found
    return inside, addresses


@pytest.fixture(scope="module")
def endpoints(host):
    """The virtual services and the real servers in ipvsadm's words."""
    lines = [line.split() for line in host.check_output("ipvsadm -Sn").splitlines()]
    return {words[2] for words in lines}, {words[4]: words[-1] for words in lines if words[0] == "-a"}


def test_four_files(files):
    assert sorted(files) == [".html", ".mmd", ".svg", ".txt"]


@pytest.mark.parametrize("suffix", [".html", ".mmd", ".svg", ".txt"])
def test_namespaces_and_addresses(files, kernel, endpoints, suffix):
    inside, addresses = kernel
    virtual = {"10.100.100.100/32"}
    assert set(re.findall(r"\bnetns_\w+", files[suffix])) == set(inside)
    shown = set(ADDRESS.findall(files[suffix]))
    # The virtual address stands there as a service; Mermaid leaves the host's own devices out.
    own = set() if suffix != ".mmd" else {address for address in addresses if address.startswith("10.0.2.")}
    assert shown == addresses - virtual - own
    services, servers = endpoints
    if suffix in (".txt", ".html"):
        assert set(ENDPOINT.findall(files[suffix])) == services | set(servers)


def test_each_namespace_has_its_own(files, kernel, endpoints):
    inside, _addresses = kernel
    _services, servers = endpoints
    svg = ET.fromstring(files[".svg"])
    texts = [each.text or "" for each in svg.iter("{http://www.w3.org/2000/svg}text")]
    for name, addresses in inside.items():
        assert texts.count(name) == 1
        box = texts[texts.index(name) :][:4]
        for address in addresses:
            assert any(address in line for line in box)
            port = next(each for each in servers if each.split(":")[0] == address.split("/")[0])
            assert f":{port.split(':')[1]} weight {servers[port]}" in box


def test_ports_and_hairpin(files, host):
    ports = {port["ifname"]: port["hairpin"] for port in json.loads(host.check_output("bridge -d -j link"))}
    shown = re.findall(r"(veth_\w+)(, hairpin)?: netns_", files[".txt"])
    assert {name: bool(hairpin) for name, hairpin in shown} == ports
