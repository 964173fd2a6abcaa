# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a set cannot hold, refused before anything is changed."""

from __future__ import annotations

from collections import Counter
from typing import Any, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import FLAG_WILDCARD, layout, read_rest
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import Options
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.outcome import Changes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SetHeader
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import written

#: Devices of one network, those of a bridge's ports (physdev) for themselves: a bucket of the kernel's hash, and all of
#: them fall into one (AHASH_MAX_TUNED in ip_set_hash_gen.h, struct hash_netiface4_elem_hashed in ip_set_hash_netiface.c
#: of net/netfilter/ipset).
_DEVICES_MAX = 64


def refuse_covered(header: SetHeader, have: Mapping[bytes, bytes], changes: Changes) -> None:
    """Refuse an entry of hash:net,iface that the kernel would take for another, whose wildcard covers it."""
    if "iface" not in header.kind.parts:
        return
    new = {**changes.added, **changes.updated}
    flag = bytes([FLAG_WILDCARD])
    wild = [key for key, rest in have.items() if flag in rest and key not in changes.deleted and key not in new]
    wild = [key for key in wild if read_rest(have[key]).wildcard] + [key for key in new if new[key].wildcard]
    if not wild:
        return
    shape = layout(header.kind)
    covering: dict[Any, list[tuple[bytes, bytes]]] = {}
    for key in wild:
        place, device = shape.place(key)
        covering.setdefault(place, []).append((device, key))
    for key in {**have, **new} if changes.added or changes.updated else ():
        if key in changes.deleted:
            continue
        place, device = shape.place(key)
        for prefix, other in covering.get(place, ()):
            if key != other and device.startswith(prefix) and (key in new or other in new):
                raise InvalidOption(
                    "entries",
                    written(header.kind, key),
                    "the kernel takes it for '%s', whose wildcard covers it: leave one of the two out"
                    % written(header.kind, other, Options(wildcard=True)),
                )


def refuse_crowded(header: SetHeader, have: Mapping[bytes, bytes], changes: Changes) -> None:
    """Refuse more devices of a network than a set holds.

    Kernels before Linux 6.1 (and before the stable ones of November 2022) would double the hash for room that there
    cannot be, until no memory is left. Newer ones call the set full.
    """
    if "iface" not in header.kind.parts or not changes.added:
        return
    shape = layout(header.kind)
    staying = (key for key in have if key not in changes.deleted)
    counts = Counter(shape.place(key)[0] for key in (*staying, *changes.added))
    for key in changes.added:
        count = counts[shape.place(key)[0]]
        if count > _DEVICES_MAX:
            raise InvalidOption(
                "entries",
                written(header.kind, key),
                "its network would have %d devices, and a %s set holds at most %d of one network: share them out among"
                " several sets" % (count, header.kind.name, _DEVICES_MAX),
            )


def refuse_overflow(header: SetHeader, count: int) -> None:
    if header.maxelem is not None and count > header.maxelem and not header.forceadd:
        raise InvalidOption(
            "entries",
            "%d entries" % count,
            "the set '%s' holds at most %d, and with these it would have more: create it with a larger 'maxelem'"
            % (header.title, header.maxelem),
        )
