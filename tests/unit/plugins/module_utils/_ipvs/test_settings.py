# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Timeouts and synchronization daemons: the codec and the plan."""

from __future__ import annotations

import contextlib
import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs import codec, counters, settings_codec
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings import (
    Settings,
    SyncDaemon,
    Timeouts,
    daemons_together,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings_plan import (
    plan_settings,
    wished_daemon,
    wished_timeouts,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import MalformedReply, attribute_map

MASTER = SyncDaemon("master", "eth1", 7, 1472, ipaddress.ip_address("224.0.0.81"), 8848, 1)
HAVE = Settings(Timeouts(900, 120, 300), {"master": MASTER})
GENL = struct.pack("=BBH", 1, 1, 0)


@pytest.mark.parametrize(
    "daemon", [MASTER, MASTER._replace(role="backup", mcast_group=ipaddress.ip_address("ff02::81"), sync_id=255)]
)
def test_a_daemon_comes_back_as_it_went(daemon):
    assert (
        settings_codec.decode_daemon(attribute_map(settings_codec.encode_daemon(daemon))[codec.ATTR_DAEMON]) == daemon
    )


def test_timeouts_come_back_as_they_went():
    assert settings_codec.decode_timeouts(GENL + settings_codec.encode_timeouts(HAVE.timeouts)) == HAVE.timeouts


@given(data=st.binary(max_size=200))
def test_no_bytes_make_the_codec_fall_over(data):
    for decode in (
        lambda found: settings_codec.decode_daemon(found).options(),
        settings_codec.decode_timeouts,
        codec.decode_connections,
        lambda found: counters.decode_statistics(found, codec.SVC_STATS, codec.SVC_STATS64),
        lambda found: codec.inner(found, codec.ATTR_DEST),
        lambda found: [server.options() for server in codec.KernelServers([found])],
    ):
        with contextlib.suppress(MalformedReply):
            decode(data)


def verbs(plan):
    return [(step.verb, step.daemon.role if step.daemon else None) for step in plan.operations]


def test_only_what_differs_is_set():
    plan, settings = plan_settings(dict(tcp_timeout=900), dict(master=dict(sync_id=7)), HAVE)
    assert not plan.changed
    assert plan.before == plan.after == {}
    assert settings == HAVE
    plan, settings = plan_settings(dict(tcp_timeout=100), {}, HAVE)
    assert (plan.before, plan.after) == (dict(tcp_timeout=900), dict(tcp_timeout=100))
    assert settings.timeouts == Timeouts(100, 120, 300)


def test_a_daemon_that_differs_is_stopped_and_started():
    plan, settings = plan_settings({}, dict(master=dict(mcast_ttl=9)), HAVE)
    assert verbs(plan) == [("stop", "master"), ("start", "master")]
    assert plan.before == dict(master=dict(mcast_ttl=MASTER.mcast_ttl))
    assert plan.after == dict(master=dict(mcast_ttl=9, restarted=True))
    assert settings.daemons["master"] == MASTER._replace(mcast_ttl=9)
    plan, settings = plan_settings({}, dict(master=None, backup=dict(interface="eth2")), HAVE)
    assert verbs(plan) == [("stop", "master"), ("start", "backup")]
    assert settings.options()["master"] == dict(state="absent")
    assert not plan_settings({}, dict(backup=None), HAVE)[0].changed


def test_only_what_gives_a_daemon_another_shape_goes_together():
    daemons: dict[str, dict[str, object]] = dict(master=dict(mcast_ttl=9), backup=dict(interface="eth2"))
    plan, _settings = plan_settings(dict(tcp_timeout=100), daemons, HAVE)
    assert [[str(operation) for operation in step] for step in daemons_together(plan.operations)] == [
        ["set the timeouts of connections"],
        ["stop master synchronization daemon on eth1", "start master synchronization daemon on eth1"],
        ["start backup synchronization daemon on eth2"],
    ]


UNSET = dict.fromkeys(("interface", "sync_id", "sync_maxlen", "mcast_group", "mcast_port", "mcast_ttl"))


@pytest.mark.parametrize(
    ("role", "options", "told"),
    [
        ("master", dict(interface="a name that is too long"), "master.interface"),
        ("master", dict(sync_id=256), "master.sync_id: 256 is not valid"),
        ("master", dict(sync_maxlen=0), "master.sync_maxlen: 0 is not valid"),
        ("backup", dict(sync_maxlen=65508), "backup.sync_maxlen: 65508 is not valid"),
        ("master", dict(mcast_port=0), "master.mcast_port: 0 is not valid"),
        ("master", dict(mcast_ttl=256), "master.mcast_ttl: 256 is not valid"),
        ("backup", dict(mcast_group="10.0.0.1"), "write a multicast address"),
        ("backup", dict(mcast_group="ff02::81%eth0"), "write the address without a device"),
        ("backup", dict(state="absent", sync_id=1), "goes with 'state: present' only"),
    ],
)
def test_daemons_that_are_none(role, options, told):
    with pytest.raises(InvalidOption, match=told):
        wished_daemon(role, {"state": "present", **UNSET, **options})


@pytest.mark.parametrize(
    ("role", "group", "asked", "kept"),
    [
        ("master", "224.0.0.81", 1, 1),
        ("backup", "224.0.0.81", 1, 1024),
        ("backup", "224.0.0.81", 1024, 1024),
        ("master", "224.0.0.81", 65507, 65507),
        ("master", "ff02::81", 65507, 65487),
    ],
)
def test_the_length_of_messages_is_what_the_kernel_makes_of_it(role, group, asked, kept):
    fields = wished_daemon(
        role, {**UNSET, "state": "present", "interface": "eth1", "mcast_group": group} | dict(sync_maxlen=asked)
    )
    _plan, settings = plan_settings({}, {role: fields}, Settings(HAVE.timeouts, {}))
    assert settings.daemons[role].sync_maxlen == kept
    assert not plan_settings({}, {role: fields}, settings)[0].changed


def test_a_new_daemon_needs_a_device():
    with pytest.raises(InvalidOption, match=r"backup.interface: None is not valid"):
        plan_settings({}, dict(backup=dict(sync_id=1)), HAVE)


@pytest.mark.parametrize("seconds", [0, -1, 21474837])
def test_timeouts_that_are_none(seconds):
    with pytest.raises(InvalidOption, match="udp_timeout"):
        wished_timeouts(dict(tcp_timeout=None, tcp_fin_timeout=None, udp_timeout=seconds))
