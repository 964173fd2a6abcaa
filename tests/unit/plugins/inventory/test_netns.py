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
        done = ansible(tmp_path, "inventory", *sources, "--list", *arguments, **env)
        assert (done.returncode == 0) == (code == 0), done.stderr
        return (json.loads(done.stdout, object_hook=plain) if code == 0 else None), done.stderr

    return run


def ansible(folder, program, *arguments, **env):
    """One of Ansible's programs, without a configuration of the user's."""
    return subprocess.run(
        [sys.executable, "-m", "ansible", program, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
            "ANSIBLE_CONFIG": str(folder / "none.cfg"),
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
            "ANSIBLE_NOCOLOR": "1",
            "COLUMNS": "9999",
            **env,
        },
    )


@pytest.fixture
def in_a_play(listed, tmp_path):
    """What variables of a host are once a play runs."""

    def run(config, nodes, host, *names):
        listed(config, nodes=nodes)
        told = "{{ %s }}" % " ~ '|' ~ ".join(names)
        task = {"ansible.builtin.debug": {"msg": "<%s>" % told}}
        play = {"hosts": host, "gather_facts": False, "vars": {"port_of_the_play": 2200}, "tasks": [task]}
        (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
        sources = ["-i", "nodes.yml", "-i", "netns.yml"]
        done = ansible(tmp_path, "playbook", *sources, "play.yml", "-e", "deploy_user=bob")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.split('"<')[1].split('>"')[0].split("|")

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
    assert hosts["pod_a.node2"]["netns_parent"] == "node2"
    # The parents themselves are what they were, and their groups have no new hosts.
    assert found["nodes"]["hosts"] == ["node1", "node2"]
    assert hosts["node1"]["ansible_become_method"] == "ansible.builtin.su"


def test_variables_from_files(listed, tmp_path):
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "nodes.yml").write_text("ansible_port: 2222\n")
    found, _told = listed({"parents": ["node1"], "namespaces": ["pod"]}, nodes=NODES)
    assert found["_meta"]["hostvars"]["pod.node1"]["ansible_port"] == 2222


def test_templates_of_a_parent_are_filled_in_when_a_play_runs(in_a_play):
    """With what only the parent has, and with what is there only then."""
    asked = {
        "ansible_host": ("{{ inventory_hostname }}.{{ domain }}", "node1.example.org"),
        "ansible_user": ("{{ deploy_user }}", "bob"),
        "ansible_port": ("{{ port_of_the_play }}", "2200"),
        "ansible_ssh_common_args": ("-J {{ hostvars[through].ansible_host }}", "-J 192.0.2.9"),
        "ansible_become_password": ("{{ deploy_user | default('nobody') }}{% if number %}!{% endif %}", "bob!"),
        "ansible_python_interpreter": ("{{ ansible_playbook_python }}", sys.executable),
    }
    own = {"domain": "example.org", "through": "jump", "number": 1}
    node1 = {**own, **{name: given for name, (given, _told) in asked.items()}}
    jump = {"ansible_host": "192.0.2.{{ last }}", "last": 9}
    nodes = {"nodes": {"hosts": {"node0": {}, "node1": node1}}, "others": {"hosts": {"jump": jump}}}
    told = in_a_play({"parents": ["nodes"], "namespaces": ["a"]}, nodes, "a.node1", *asked)
    assert told == [told for _given, told in asked.values()]


def test_what_is_no_template_stays_as_it_is(listed, tmp_path):
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text("ansible_password: !unsafe 'a{{b'\nansible_port: '{{ 1 + '\n")
    found, _told = listed({"parents": ["lone"], "namespaces": ["a"]}, nodes=NODES)
    hosts = found["_meta"]["hostvars"]
    assert hosts["a.lone"]["ansible_password"] == "a{{b"
    assert hosts["a.lone"]["ansible_port"] == "{{ 1 + "


@pytest.mark.parametrize(
    "config", [{"namespaces": "pods"}, {"namespaces": ["a"], "compose": {"x": "missing"}, "strict": True}]
)
def test_all_namespaces_or_none(listed, config):
    """A play that went on with some of them would do half of its work."""
    nodes = {"all": {"hosts": {"node1": {"pods": ["a"], "missing": 1}, "node2": {"pods": ["a;b"]}}}}
    config = {"parents": ["node*"], **config}
    found, told = listed(config, nodes=nodes, ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="0")
    assert sorted(found["_meta"]["hostvars"]) == ["node1", "node2"]
    assert "Failed to parse" in told


def test_expressions_know_the_parent(listed):
    hosts = {
        name: {"rack": "r-{{ row }}", "row": number, "ansible_host": "{{ inventory_hostname }}.example.org"}
        for number, name in enumerate(["node1", "node2"])
    }
    found, _told = listed(
        {
            "parents": ["nodes"],
            "namespaces": ["a"],
            "hostname": "netns_name ~ '-' ~ row",
            "compose": {"place": "rack ~ ':' ~ netns_name", "named": "inventory_hostname"},
            "groups": {"first": "row == 0 and place == 'r-0:a'"},
            "keyed_groups": [{"key": "rack"}, {"key": "ansible_host", "prefix": "at"}],
        },
        nodes={"nodes": {"hosts": hosts}},
    )
    assert found["first"]["hosts"] == ["a-0"]
    assert found["_r_1"]["hosts"] == found["at_node2_example_org"]["hosts"] == ["a-1"]
    seen = found["_meta"]["hostvars"]["a-1"]
    assert (seen["place"], seen["named"]) == ("r-1:a", "a-1")
    # What the expressions do not make the host's own is still the parent's.
    assert not {"rack", "row"} & seen.keys()


@pytest.mark.parametrize("expression", ["ansible_facts.pods", "pods"])
def test_cached_facts(listed, tmp_path, expression):
    facts = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "facts")}
    nodes = {"all": {"hosts": {"node1": {"number": 1}, "node2": {"number": 2}}}}
    config = {"parents": ["node*"], "namespaces": expression, "keyed_groups": [{"key": "ansible_facts.kind"}]}
    listed(config, nodes=nodes)
    arguments = {"pods": ["a"], "ansible_kind": "big", "cacheable": True}
    command = ["node1", "-i", "nodes.yml", "-m", "set_fact", "-a", json.dumps(arguments)]
    done = ansible(tmp_path, "adhoc", *command, **facts)
    assert done.returncode == 0, done.stdout + done.stderr
    found, told = listed(config, nodes=nodes, **facts)
    assert found["namespaces"]["hosts"] == found["_big"]["hosts"] == ["a.node1"]
    assert "Host 'node2' has no namespaces here" in told


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
        "ansible_netns_mount": "{% set lab = hostvars['lab1']['lab'] %}/run/lab/{{ lab }}/mnt",
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


def test_the_cache_knows_namespaces_and_not_parents(listed, tmp_path):
    """Who the parents are, how they are reached and what they are asked is always as it is now."""
    cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
    config = {"parents": ["node*"], **cache}
    own = {"pods": ["a"], "others": ["b"], "ansible_user": "deploy"}

    def found(*names, **changed):
        listing = listed(config | changed, nodes={"all": {"hosts": dict.fromkeys(names, own)}})[0]
        users = {seen.get("ansible_user") for seen in listing["_meta"]["hostvars"].values()}
        return listing["namespaces"]["hosts"], users

    assert found("node1", "node2", namespaces="pods") == (["a.node1", "a.node2"], {"deploy"})
    assert found("node2", "node3", namespaces="pods") == (["a.node2", "a.node3"], {"deploy"})
    assert found("node2", "node3", namespaces="pods", parents=["node3"])[0] == ["a.node3"]
    assert found("node2", "node3", namespaces="others")[0] == ["b.node2", "b.node3"]
    for _time in range(2):
        assert found("node2", namespaces=["own"], parents=[])[0] == ["own"]


def test_nothing_is_filled_in_that_no_option_asks_for(listed, tmp_path):
    """A template may ask for a vault's password, take a one-time token, or make a file."""
    made = "{{ lookup('ansible.builtin.password', '%s') }}"
    hosts = {"node1": {"asked": made % (tmp_path / "asked"), "left": made % (tmp_path / "left")}}
    listed({"parents": ["nodes"], "namespaces": ["a"]}, nodes={"nodes": {"hosts": hosts}})
    assert not (tmp_path / "asked").exists()
    listed(
        {"parents": ["nodes"], "namespaces": ["a"], "compose": {"length": "asked | length"}},
        nodes={"nodes": {"hosts": hosts}},
    )
    assert (tmp_path / "asked").exists()
    assert not (tmp_path / "left").exists()


def test_what_a_node_has_said_is_no_template(listed, tmp_path):
    """Facts are a node's words, and so are the names that it gives its namespaces."""
    said = "{{ 6 * 7 }}"
    facts = {"ansible_user_gecos": said, "ansible_pods": [{"name": "pod_a", "links": [said]}]}
    cache = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "facts")}
    module = tmp_path / "library" / "told"
    module.parent.mkdir()
    module.write_text("#!/bin/sh\necho '%s'\n" % json.dumps({"changed": False, "ansible_facts": facts}))
    asked = ansible(tmp_path, "adhoc", "node1", "-i", "node1,", "-c", "local", "-M", "library", "-m", "told", **cache)
    assert asked.returncode == 0, asked.stdout + asked.stderr
    found, _told = listed(
        {
            "parents": ["nodes"],
            "namespaces": "ansible_pods",
            "compose": {"told": "ansible_user_gecos", "link": "netns_info.links[0]", "all": "netns_info"},
            "keyed_groups": [{"key": "ansible_user_gecos", "prefix": "told"}],
        },
        nodes={"nodes": {"hosts": {"node1": {}}}},
        **cache,
    )
    pod = found["_meta"]["hostvars"]["pod_a.node1"]
    assert pod["told"] == pod["link"] == pod["all"]["links"][0] == said
    assert "told_42" not in found
