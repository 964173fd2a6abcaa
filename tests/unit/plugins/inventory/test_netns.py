# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin, as ansible-inventory shows what it makes of a configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml

import ansible_collections.linuxnet

#: The folder in which Ansible finds the collection that the tests import.
COLLECTIONS = next(iter(ansible_collections.linuxnet.__path__)).rpartition("/ansible_collections/")[0]

NODES = {
    "nodes": {
        "hosts": {
            "node1": {"pods": [{"netns": "pod_a"}, {"netns": "pod_b"}], "number": 1},
            "node2": {"pods": [{"netns": "pod_a"}], "ansible_host": "192.0.2.{{ number }}", "number": 2},
        },
        "vars": {
            "ansible_user": "deploy",
            "ansible_become_user": "postgres",
            "ansible_become_password": "secret",
            "ansible_become_method": "ansible.builtin.su",
        },
    },
    "others": {"hosts": {"lone": {}}},
}


def plain(value):
    """A text as it is, which ansible-inventory marks where it is no template."""
    return value.get("__ansible_unsafe", value)


@pytest.fixture
def listed(tmp_path):
    """What ansible-inventory lists; or the error with which it ends, and its warnings."""

    (tmp_path / "none.cfg").touch()

    def run(config, *, name="netns.yml", nodes=None, code=0, arguments=(), **env):
        (tmp_path / "nodes.yml").write_text(yaml.safe_dump(nodes or {}))
        (tmp_path / name).write_text(yaml.safe_dump({"plugin": "linuxnet.ipvs.netns", **config}))
        sources = (["-i", "nodes.yml"] if nodes else []) + ["-i", name]
        done = subprocess.run(
            [sys.executable, "-m", "ansible", "inventory", *sources, "--list", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
                "ANSIBLE_CONFIG": str(tmp_path / "none.cfg"),
                "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
                "ANSIBLE_NOCOLOR": "1",
                "COLUMNS": "9999",
                **env,
            },
        )
        assert (done.returncode == 0) == (code == 0), done.stderr
        return (json.loads(done.stdout, object_hook=plain) if code == 0 else None), done.stderr

    return run


def test_namespaces_of_this_machine(listed):
    found, _told = listed({"namespaces": ["blue", "blue1", "red"], "include": ["blue*"], "exclude": ["blue"]})
    assert found["_meta"]["hostvars"] == {
        "blue1": {
            "ansible_become": True,
            "ansible_become_method": "linuxnet.ipvs.netns",
            "ansible_connection": "local",
            "ansible_netns": "blue1",
            "netns_name": "blue1",
        }
    }
    assert found["namespaces"]["hosts"] == ["blue1"]


def test_groups_and_variables(listed):
    found, _told = listed(
        {
            "namespaces": ["web1", "web2", {"name": "db", "links": [{"addresses": ["10.0.0.1/24"]}]}],
            "group": "fleet",
            "hostname": "'ns-' ~ netns_name",
            "compose": {"role": "netns_name | regex_replace('[0-9]', '')", "first": "netns_info.links[0].addresses[0]"},
            "groups": {"data": "netns_name == 'db'"},
            "keyed_groups": [{"key": "role", "prefix": "role"}],
        }
    )
    assert found["fleet"]["hosts"] == ["ns-web1", "ns-web2", "ns-db"]
    assert found["data"]["hosts"] == ["ns-db"]
    assert found["role_web"]["hosts"] == ["ns-web1", "ns-web2"]
    hosts = found["_meta"]["hostvars"]
    assert hosts["ns-db"]["first"] == "10.0.0.1/24"
    assert "first" not in hosts["ns-web1"]
    assert hosts["ns-web1"]["ansible_netns"] == "web1"


def test_strict(listed):
    _found, told = listed({"namespaces": ["web1"], "compose": {"first": "nowhere"}, "strict": True}, code=1)
    assert "Could not set first for host web1" in told


def test_namespaces_of_other_hosts(listed):
    found, _told = listed({"parents": ["nodes"], "namespaces": "pods | map(attribute='netns')"}, nodes=NODES)
    assert found["namespaces"]["hosts"] == ["pod_a.node1", "pod_b.node1", "pod_a.node2"]
    hosts = found["_meta"]["hostvars"]
    assert hosts["pod_b.node1"] == {
        "ansible_become": True,
        "ansible_become_method": "linuxnet.ipvs.netns",
        "ansible_become_password": "secret",
        "ansible_host": "node1",
        "ansible_netns": "pod_b",
        "ansible_user": "deploy",
        "netns_name": "pod_b",
        "netns_parent": "node1",
    }
    assert hosts["pod_a.node2"]["ansible_host"] == "192.0.2.2"
    # The parents themselves are what they were, and their groups have no new hosts.
    assert found["nodes"]["hosts"] == ["node1", "node2"]
    assert hosts["node1"]["ansible_become_method"] == "ansible.builtin.su"


def test_variables_from_files(listed, tmp_path):
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "nodes.yml").write_text("ansible_port: 2222\n")
    found, _told = listed({"parents": ["node1"], "namespaces": ["pod"]}, nodes=NODES)
    assert found["_meta"]["hostvars"]["pod.node1"]["ansible_port"] == 2222


def test_what_netns_info_found(listed):
    odd = {"name": "a b", "netns": "/run/netns/a b"}
    found = [{"name": "pod", "inode": 7}, odd, {"name": None, "netns": "/proc/7/ns/net"}]
    nodes = {"all": {"hosts": {"node1": {"netns_found": found, "ansible_facts": {"a": 1}}}}}
    listing, told = listed({"parents": ["node1"], "namespaces": "netns_found"}, nodes=nodes)
    hosts = listing["_meta"]["hostvars"]
    assert sorted(hosts) == ["node1", "pod.node1", "proc-7-ns-net.node1"]
    assert "Left out: namespaces: 'a b' is not valid" in told
    assert hosts["pod.node1"]["netns_info"] == {"name": "pod", "inode": 7}
    assert hosts["proc-7-ns-net.node1"]["ansible_netns"] == "/proc/7/ns/net"
    assert "ansible_facts" not in hosts["pod.node1"]


def test_parents_without_the_variable_are_passed_over(listed):
    nodes = {"all": {"hosts": {"node1": {"pods": ["pod"]}, "node2": {}}}}
    found, told = listed({"parents": ["node*"], "namespaces": "pods"}, nodes=nodes)
    assert found["namespaces"]["hosts"] == ["pod.node1"]
    assert "Host 'node2' has no namespaces here" in told


def test_namespaces_as_parents(listed):
    """Only one that has a mount namespace has names of its own below /run/netns."""
    mounts = {"ansible_netns_mount": "/run/lab/{{ lab }}/mnt", "lab": "lab1"}
    nodes = {
        "all": {
            "hosts": {
                "node1": {},
                "lab1": {"ansible_become_netns": "{{ '/run/lab/' ~ lab }}/net", "ansible_become_flags": "-n", **mounts},
                "pod": {"ansible_netns": "pod"},
                "named": {"ansible_netns": "named", **mounts},
                "pod.lab1": {"ansible_netns": "/proc/7/ns/net", "netns_parent": "lab1", **mounts},
            },
            "vars": {"ansible_become_method": "linuxnet.ipvs.netns"},
        }
    }
    found, told = listed({"parents": ["all"], "namespaces": ["a"]}, nodes=nodes)
    assert found["namespaces"]["hosts"] == ["a.lab1", "a.node1"]
    assert found["_meta"]["hostvars"]["a.lab1"] == {
        "ansible_become": True,
        "ansible_become_flags": "-n",
        "ansible_become_method": "linuxnet.ipvs.netns",
        "ansible_host": "lab1",
        "ansible_netns": "a",
        "ansible_netns_mount": "/run/lab/lab1/mnt",
        "netns_name": "a",
        "netns_parent": "lab1",
    }
    assert "parents: left out are named, pod, pod.lab1:" in told


def test_what_is_meant_for_another_method_is_not_handed_on(listed):
    own = {"ansible_become_exe": "/opt/become", "ansible_become_flags": "-x"}
    nodes = {
        "all": {
            "hosts": {
                "su": {"ansible_become_method": "ansible.builtin.su", **own},
                "doas": {"ansible_become_method": "{{ 'community.general.doas' }}", **own},
                "sudo": {"ansible_become_method": "sudo", **own},
                "silent": own,
            }
        }
    }
    hosts = listed({"parents": ["all"], "namespaces": ["a"]}, nodes=nodes)[0]["_meta"]["hostvars"]
    handed = {name: own.keys() & hosts[f"a.{name}"].keys() for name in nodes["all"]["hosts"]}
    assert handed == {"su": set(), "doas": set(), "sudo": own.keys(), "silent": own.keys()}


def test_unknown_parent(listed):
    found, told = listed({"parents": ["nobody"], "namespaces": ["a"]}, nodes=NODES)
    assert "namespaces" not in found
    assert "no host and no group is named 'nobody'" in told


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"namespaces": ["lone"]}, "namespace 'lone' would be host 'lone', which is there already"),
        ({"namespaces": ["a;b"]}, "namespaces: 'a;b' is not valid"),
        ({"namespaces": ["/run/../x"]}, "namespaces: '/run/../x' is not valid"),
        ({"namespaces": [{"id": 3}]}, "is no list of names"),
        ({"namespaces": [3]}, "is no list of names"),
        ({"namespaces": "'text'"}, "is no list of names"),
        ({"parents": ["nodes"]}, "say which namespaces the parents have"),
        ({"parents": ["lone"], "namespaces": "pods", "strict": True}, "cannot be told for host 'lone'"),
    ],
)
def test_refused(listed, config, words):
    _found, told = listed(config, nodes=NODES, code=1)
    assert words in told


@pytest.mark.parametrize("name", ["hosts.yml", "mynetns.yml", "netns.ini"])
def test_files_of_others_are_not_touched(listed, name):
    _found, told = listed({"namespaces": ["blue"]}, name=name, code=1)
    assert "failed to parse inventory source" in told


def test_cache(listed, tmp_path):
    cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
    nodes = {"all": {"hosts": {"node1": {"pods": ["old"]}}}}
    config = {"parents": ["node1"], "namespaces": "pods", **cache}
    assert listed(config, nodes=nodes)[0]["namespaces"]["hosts"] == ["old.node1"]
    nodes["all"]["hosts"]["node1"]["pods"] = ["new"]
    assert listed(config, nodes=nodes)[0]["namespaces"]["hosts"] == ["old.node1"]
    assert listed(config, nodes=nodes, arguments=["--flush-cache"])[0]["namespaces"]["hosts"] == ["new.node1"]
