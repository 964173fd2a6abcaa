# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which processes write the table of IPVS, by their command lines."""

from __future__ import annotations

import os

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.owners import programs_in


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
        (folder / "root" / "services.conf").write_text("vrrp_instance a {\n}\nvirtual_server 10.0.0.1 80 {\n}\n")
        (folder / "root" / "included.conf").write_text("include conf.d/*.conf\ninclude /included.conf\n")
        (folder / "root" / "conf.d").mkdir()
        (folder / "root" / "conf.d" / "a.conf").write_text("include /serv*.conf\n")
    (tmp_path / "proc" / "self").mkdir()
    found_there = list(programs_in(here.stat().st_ino, str(tmp_path / "proc")))
    assert found_there == ([] if name is None else [(32, name, words.split())])
