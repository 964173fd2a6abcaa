# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cut a run of veth_bridge short after each of its operations, and see that the next run completes it."""

from __future__ import annotations

import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kernel_view import view

from ansible_collections.linuxnet.ipvs.plugins.module_utils._bridge_plan import (
    Have,
    namespaces_of,
    plan_present,
    ports_to_find,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._bridge_values import PORT, wanted_bridge
from ansible_collections.linuxnet.ipvs.plugins.module_utils._links import Kernel
from ansible_collections.linuxnet.ipvs.plugins.module_utils._module import reporting


def run_until(params, operations):
    """Do what the module does, up to a number of operations; say how many there are."""
    with Kernel() as kernel:
        want = wanted_bridge(params).map_netns(kernel.same)
        snapshots = {netns: kernel.snapshot(netns, routes) for netns, routes in namespaces_of(want).items()}
        ports = ports_to_find(want, snapshots[want.netns])
        plan = plan_present(want, Have(snapshots, kernel.far_ends(want.netns, ports, snapshots)))
        kernel.apply(plan.operations[:operations])
    return len(plan.operations)


def interrupt(module):
    params = dict(module.params["options"], state="present")
    complaints = []
    operations = 0
    total = 1
    wanted: list[str] = []
    while operations <= total:
        subprocess.run(["/bin/sh", "-ec", "\n".join(module.params["start"])], check=True)
        total = run_until(params, operations)
        run_until(params, None)
        again = run_until(params, None)
        kernel = view(module.params["names"])
        wanted = wanted or kernel
        if again or kernel != wanted:
            complaints.append({"after": operations, "again": again, "kernel": kernel})
        operations += module.params["stride"]
    module.exit_json(changed=True, complaints=complaints, operations=total, kernel=wanted)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            stride=dict(type="int", default=1),
            start=dict(type="list", elements="str", required=True),
            names=dict(type="list", elements="str", required=True),
            options=dict(
                type="dict",
                required=True,
                options=dict(
                    name=dict(type="str", required=True),
                    netns=dict(type="str"),
                    addresses=dict(type="list", elements="str"),
                    mtu=dict(type="int"),
                    promiscuous=dict(type="bool"),
                    ports=dict(type="list", elements="dict", options=PORT),
                    purge_addresses=dict(type="bool", default=False),
                    purge_ports=dict(type="bool", default=False),
                ),
            ),
        )
    )
    with reporting(module):
        interrupt(module)


if __name__ == "__main__":
    main()
