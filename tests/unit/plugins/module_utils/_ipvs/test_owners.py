# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which processes write the table of IPVS, by their command lines."""

from __future__ import annotations

import os

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.owners import Owner, owners_of


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("/usr/sbin/keepalived --dont-fork", "keepalived"),
        ("keepalived -n -f /etc/keepalived/keepalived.conf", "keepalived"),
        ("keepalived -f /services.conf", "keepalived"),
        ("keepalived -nlf/services.conf", "keepalived"),
        ("keepalived --use-file=/services.conf --dont-fork", "keepalived"),
        ("keepalived -f /included.conf", "keepalived"),
        ("keepalived -f /nowhere.conf", "keepalived"),
        ("keepalived -f relative.conf", "keepalived"),
        ("keepalived --vrrp --all -f /services.conf", "keepalived"),
        ("keepalived -f /environment.conf", "keepalived"),
        # Those hold addresses by VRRP, and no more.
        ("keepalived -f /addresses.conf", None),
        ("keepalived -p /services.conf -f /addresses.conf -D", None),
        ("keepalived -f /services.conf -nP", None),
        ("keepalived --use-file /services.conf --vrrp", None),
        ("/usr/bin/perl -w /usr/sbin/ldirectord start", "ldirectord"),
        ("/usr/bin/perl5.36.0 /etc/ha.d/resource.d/ldirectord ldirectord.cf start", "ldirectord"),
        ("/bin/sh -e /usr/sbin/ldirectord start", "ldirectord"),
        ("/usr/local/bin/kube-router --run-router=true --run-service-proxy=true", "kube-router"),
        ("/usr/local/bin/kube-router --run-router=true --run-service-proxy=false", None),
        ("kube-proxy --proxy-mode=ipvs --masquerade-all", "kube-proxy"),
        ("/usr/local/bin/kube-proxy --proxy-mode ipvs", "kube-proxy"),
        ("/usr/local/bin/kube-proxy --config=/ipvs.conf --hostname-override=n1", "kube-proxy"),
        ("/usr/local/bin/kube-proxy --config /ipvs.json", "kube-proxy"),
        ("/usr/local/bin/kube-proxy --proxy-mode=iptables", None),
        ("/usr/local/bin/kube-proxy", None),
        ("/usr/local/bin/kube-proxy --config=/nftables.conf --proxy-mode=ipvs", None),
        ("/usr/local/bin/kube-proxy --config=/nowhere.conf", None),
        ("/kube-vip manager --lb", "kube-vip"),
        ("/kube-vip manager --enableLoadBalancer", "kube-vip"),
        ("/kube-vip manager --enableLoadBalancer --lb=false", None),  # its environment counts more
        ("/kube-vip manager --config-file /balancing.yaml", "kube-vip"),
        ("/kube-vip manager --config-file=/balancing.json", "kube-vip"),
        ("/kube-vip manager --config-file /balancing.yaml --lb=false", None),
        ("/kube-vip manager --config-file /k3s.yaml", None),
        ("/kube-vip manager --enableLoadBalancer=false", None),
        ("/kube-vip manager", None),
        ("/usr/local/bin/k3s server --kube-proxy-arg=proxy-mode=ipvs", "k3s"),
        ("/usr/local/bin/k3s agent --kube-proxy-arg proxy-mode=ipvs --node-name a", "k3s"),
        ("k3s server --config /k3s.yaml", "k3s"),
        ("k3s server -c /k3s.yaml", "k3s"),
        ("k3s server --kube-proxy-arg=proxy-mode=nftables", None),
        ("k3s kubectl --kube-proxy-arg=proxy-mode=ipvs", None),
        ("k3s server", None),
        ("/usr/bin/dockerd -H fd://", None),
        ("/usr/bin/lvscare care --vs 10.103.97.2:6443 --rs 10.0.0.1:6443", "lvscare"),
        ("/usr/bin/lvscare version", None),
        ("/usr/bin/sealctl ipvs --vs 10.103.97.2:6443 --rs 10.0.0.1:6443 --mode link", "sealctl"),
        ("/usr/bin/sealctl static-pod lvscare --vip 10.103.97.2:6443", None),
        ("/usr/bin/python3 /usr/sbin/pybal", "pybal"),
        ("/usr/bin/python /usr/sbin/pybal -d -c /etc/pybal/pybal.conf", "pybal"),
        ("/usr/bin/python /usr/sbin/pybal -dc/etc/pybal/n.conf", "pybal"),
        ("/usr/bin/python /usr/sbin/pybal --dryrun", None),
        ("/usr/bin/python /usr/sbin/pybal -dn", None),
        ("/usr/local/seesaw/seesaw_ncc -logtostderr", "seesaw_ncc"),
        ("tail -f /var/log/keepalived", None),
        ("journalctl -u keepalived", None),
        ("systemctl restart keepalived", None),
        ("vi ldirectord", None),
        ("/bin/sh -c keepalived", None),
        ("perl -we keepalived", None),
        ("python3 -m keepalived", None),
        ("python3 /opt/exporter.py /usr/sbin/keepalived", None),
        ("/usr/sbin/keepalived-exporter", None),
        ("", None),
    ],
)
def test_programs_that_write_the_table(tmp_path, words, name):
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.touch()
    elsewhere.touch()
    for pid, namespace in (("31", elsewhere), ("32", here)):
        folder = tmp_path / "proc" / pid
        (folder / "ns").mkdir(parents=True)
        os.link(namespace, folder / "ns" / "net")
        (folder / "cmdline").write_bytes(words.replace(" ", "\0").encode() + b"\0" * bool(words))
        (folder / "root").mkdir()
        (folder / "root" / "ipvs.conf").write_text('apiVersion: v1\nbindAddress: ""\nmode: "ipvs"\n')
        (folder / "root" / "ipvs.json").write_text('{"kind": "KubeProxyConfiguration", "mode": "ipvs"}')
        (folder / "root" / "nftables.conf").write_text("mode: nftables\nipvs:\n  scheduler: rr\n")
        addresses = (
            "! virtual_server 10.0.0.1 80 {\n#virtual_server\nvrrp_instance a {\n}\nvirtual_server_group b {\n}\n"
        )
        (folder / "root" / "addresses.conf").write_text(addresses)
        (folder / "root" / "environment.conf").write_text("vrrp_instance a {\n}\n${_ENV_SERVICES}\n")
        (folder / "root" / "k3s.yaml").write_text("node-name: a\nkube-proxy-arg:\n- proxy-mode=ipvs  # as before\n")
        (folder / "root" / "balancing.yaml").write_text("vip: 10.0.0.9\nenableLoadBalancer: true\n")
        (folder / "root" / "balancing.json").write_text('{"vip": "10.0.0.9", "enableLoadBalancer": true}')
        lb_enable = {"--lb": b"lb_enable=true\0", "--lb=false": b"lb_enable=false\0"}.get(words.split(" ")[-1], b"")
        (folder / "environ").write_bytes(b"PATH=/bin\0" + lb_enable)
        (folder / "root" / "services.conf").write_text("vrrp_instance a {\n}\nvirtual_server 10.0.0.1 80 {\n}\n")
        (folder / "root" / "included.conf").write_text("include conf.d/*.conf\ninclude /included.conf\n")
        (folder / "root" / "conf.d").mkdir()
        (folder / "root" / "conf.d" / "a.conf").write_text("include /serv*.conf\n")
    (tmp_path / "proc" / "self").mkdir()
    found_there = owners_of(here.stat().st_ino, (), str(tmp_path / "proc"), str(tmp_path))
    assert found_there == ([] if name is None else [Owner(name, 32, f"process 32: {words}")])


def process(folder, namespace, words):
    """A process's folder in proc(5)."""
    (folder / "ns").mkdir(parents=True)
    os.link(namespace, folder / "ns" / "net")
    (folder / "cmdline").write_bytes(words.replace(" ", "\0").encode() + b"\0")


def test_a_device_that_is_left_over(tmp_path):
    """A kube-proxy that runs in another mode has left it behind; of one that cannot be seen nobody knows."""
    here = tmp_path / "here"
    here.touch()
    (tmp_path / "proc").mkdir()
    (owner,) = owners_of(here.stat().st_ino, ["lo", "kube-ipvs0"], str(tmp_path / "proc"), str(tmp_path))
    assert (owner.name, owner.pid) == ("kube-proxy", None)
    assert "may be left over: then take it away with 'ip link delete kube-ipvs0'" in owner.evidence
    process(tmp_path / "proc" / "7", here, "/usr/local/bin/kube-proxy --proxy-mode=nftables")
    assert owners_of(here.stat().st_ino, ["lo", "kube-ipvs0"], str(tmp_path / "proc"), str(tmp_path)) == []


@pytest.mark.parametrize("name", ["ingress_sbox", "lb_x1y2z3", "1-x1y2z3"])
def test_the_namespaces_that_dockerd_writes(tmp_path, name):
    here = tmp_path / "run" / "docker" / "netns" / name
    here.parent.mkdir(parents=True)
    here.touch()
    (tmp_path / "proc").mkdir()
    found = owners_of(here.stat().st_ino, ["lo"], str(tmp_path / "proc"), str(tmp_path))
    assert [owner.name for owner in found] == ([] if name.startswith("1-") else ["dockerd"])
    assert all(f"/run/docker/netns/{name}" in owner.evidence for owner in found)
