# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of an entry as ipset(8) spells them: addresses, networks, ports, marks, MAC addresses, devices, sets.

Sources: ipset(8); lib/parse.c of ipset; ``*_uadt()`` in net/netfilter/ipset.
"""

from __future__ import annotations

import re
import socket
from functools import lru_cache, partial
from typing import Any, Callable, Mapping, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import IFACE, NAME, PHYSDEV, layout
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.icmp import (
    ICMP,
    ICMP_NAMES,
    PROTOCOL_NAMES,
    PROTOCOLS,
    WITH_PORTS,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.messages import name_attribute
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.names import member_name
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SetHeader, decimal
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import text

#: The values of one part, in the order of its attributes; a word that stands for a range has many.
Choices = Sequence[Tuple[bytes, ...]]
_FAMILY_WORDS = {"inet": "inet (IPv4)", "inet6": "inet6 (IPv6)"}
#: Types whose networks may be all there is (IP_SET_HASH_WITH_NET0; hash:net,net has that too, and refuses it still).
_PREFIX_0 = ("hash:net,iface", "hash:net,port,net")


class Parts:
    """What the parts of a set's entries may be, and a reader for each.

    Args:
        header: The set; its options say which bits of an address count, and what it holds.
        option: The name of the task's option, for errors.
    """

    def __init__(self, header: SetHeader, option: str) -> None:
        self.header = header
        self.kind = header.kind
        self.option = option
        self.layout = layout(self.kind)
        self.bits = self.kind.bits
        self.mask = header.address_mask
        #: How many entries the set holds at most.
        self.limit = header.maxelem or 65536
        self.unmasked = self.mask == (1 << self.bits) - 1
        #: Whether an address is taken as it is, but for 0 in hash:ip.
        self.as_it_is = self.unmasked and self.kind.method == "hash"
        # Kernels with masks in hash:ip,port (Linux 6.2) refuse it there too.
        self.no_zero = self.kind.name == "hash:ip" or (self.kind.name == "hash:ip,port" and not self.unmasked)
        #: What a prefix length stands for: its byte, and the bits behind it. Without one it is a host.
        self.networks = {
            str(length): (bytes([length]), (1 << self.bits - length) - 1)
            for length in range(0 if self.kind.name in _PREFIX_0 else 1, self.bits + 1)
        }
        self.networks[""] = (bytes([self.bits]), 0)
        self.readers: list[Callable[[str], Choices]] = []
        for part in self.kind.parts:
            # The kernel has ranges of a type's first address only.
            alone = part == "ip" and (self.readers or "mac" in self.kind.parts)
            read = partial(_READERS["one ip" if alone else part], self)
            # Addresses differ from entry to entry, ports seldom do.
            self.readers.append(read if part in ("ip", "net") else lru_cache(maxsize=4096)(read))


def _consecutive(first: int, last: int, size: int, *others: bytes) -> Choices:
    """The values of a part whose first attribute is any number from ``first`` to ``last``, and whose others stay."""
    if first == last:
        return [(first.to_bytes(size, "big"), *others)]
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.ranges import Consecutive

    return Consecutive(first, last, size, *others)


def _packed(of: Parts, word: str, text: str) -> int:
    """An address as a number."""
    try:
        return int.from_bytes(socket.inet_pton(of.layout.family, word), "big")
    except (OSError, ValueError):
        found = values.address(of.option, word)  # says what is wrong with it
        raise InvalidOption(
            of.option,
            text,
            "the set is %s, and this is %s" % (_FAMILY_WORDS[of.kind.family], values.family_of(found)),
        ) from None


def _bounds(of: Parts, word: str) -> tuple[int, int]:
    """The first and the last address of a range (IPv4 only, as in the kernel), a network or one address."""
    first, minus, last = word.partition("-")
    if minus:
        if of.bits != 32:
            raise InvalidOption(of.option, word, "the kernel has ranges for IPv4 only: list the addresses")
        low, high = sorted((_packed(of, first, word), _packed(of, last, word)))
        return low, high
    address, slash, prefix = word.partition("/")
    low = _packed(of, address, word)
    if not slash:
        return low, low
    host_bits = (1 << of.bits - _prefix(of, word, prefix)) - 1
    if low & host_bits:
        raise InvalidOption(of.option, word, "it has host bits set: write the network's own address")
    return low, low | host_bits


def _prefix(of: Parts, word: str, prefix: str) -> int:
    length = decimal(prefix)
    if not 0 <= length <= of.bits:
        raise InvalidOption(of.option, word, "a prefix length is a number from 0 to %d" % of.bits)
    return length


def _read_ip(of: Parts, word: str) -> Choices:
    if of.as_it_is and not of.no_zero:
        try:
            return ((socket.inet_pton(of.layout.family, word),),)
        except (OSError, ValueError):
            pass  # a range, or an error: see below
    low, high = _bounds(of, word)
    if low != high and of.bits != 32:
        raise InvalidOption(of.option, word, "one address is wanted here: the kernel has ranges for IPv4 only")
    step = of.mask & -of.mask if of.header.netmask is not None else 1
    # In steps from the first address, which hash:ip takes for its network's own and bitmap:ip does not.
    first = low & of.mask if step > 1 and of.kind.method == "hash" else low
    if (high - first) // step >= of.limit:
        raise InvalidOption(of.option, word, "it stands for more entries than the set may hold, %d" % of.limit)
    size = of.bits // 8
    found = _consecutive(low, high, size)
    if not of.unmasked:
        masked = dict.fromkeys(number & of.mask for number in range(first, high + 1, step))
        found = [(number.to_bytes(size, "big"),) for number in masked]
    if of.no_zero and not any(found[0][0]):
        raise InvalidOption(of.option, word, "an address of all zeros is no entry of a hash")
    if of.kind.method == "bitmap":
        bottom, top = of.header.bounds
        if low & of.mask < bottom & of.mask or high & of.mask > top:
            raise InvalidOption(of.option, word, "the set's range is %s" % of.header.range)
    return found


def _read_one_ip(of: Parts, word: str) -> Choices:
    found = _read_ip(of, word)
    if len(found) > 1:
        raise InvalidOption(of.option, word, "one address is wanted here, not a range")
    return found


def _read_net(of: Parts, word: str) -> Choices:
    address, _slash, prefix = word.partition("/")
    try:
        packed = socket.inet_pton(of.layout.family, address)
        length, host_bits = of.networks[prefix]
        if of.as_it_is and not int.from_bytes(packed, "big") & host_bits:
            return ((packed, length),)
    except (OSError, ValueError, KeyError):
        pass  # a range, or an error: see below
    low, high = _bounds(of, word)
    mask = of.mask
    size = of.bits // 8
    found = []
    while low <= high:
        # The largest network that begins here and does not go past the end.
        zeros = min((low & -low).bit_length() - 1 if low else of.bits, (high - low + 1).bit_length() - 1)
        found.append(((low & mask).to_bytes(size, "big"), bytes([of.bits - zeros])))
        low += 1 << zeros
    if found[0][1] == b"\0" and of.kind.name not in _PREFIX_0:
        halves = "0.0.0.0/1, 128.0.0.0/1" if of.bits == 32 else "::/1, 8000::/1"
        raise InvalidOption(
            of.option,
            word,
            "a %s set has no prefix of length 0: list the two halves (%s)" % (of.kind.name, halves),
        )
    return found


def _read_port(of: Parts, word: str) -> Choices:
    name, colon, rest = word.partition(":")
    if not colon:
        name, rest = "tcp", word
    number = _protocol(of, word, name.lower())
    name = PROTOCOL_NAMES.get(number, name)
    if of.kind.name == "bitmap:port":
        return _consecutive(*_ports(of, word, name, rest, *of.header.bounds), 2)
    protocol = bytes([number])
    if name in ICMP:
        return [(_icmp(of, word, name, rest), protocol)]
    if name not in WITH_PORTS:
        if rest != "0":
            raise InvalidOption(of.option, word, "protocol %s has no ports: write %s:0" % (name, name))
        return [(b"\0\0", protocol)]
    return _consecutive(*_ports(of, word, name, rest, 0, 65535), 2, protocol)


def _protocol(of: Parts, word: str, name: str) -> int:
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    number = decimal(name)
    try:
        number = socket.getprotobyname(name) if number < 0 else number
    except (OSError, ValueError):
        number = 0
    if not 0 < number < 256:
        raise InvalidOption(
            of.option,
            word,
            "write PROTOCOL:PORT, such as tcp:8080; protocols are %s, those of /etc/protocols, or a number from 1"
            " to 255" % ", ".join(sorted(PROTOCOLS)),
        )
    return number


def _ports(of: Parts, word: str, name: str, rest: str, low: int, high: int) -> tuple[int, int]:
    first, minus, last = rest.strip("[]").partition("-")
    if minus and min(decimal(first), decimal(last)) < 0:
        first, minus, last = rest.strip("[]"), "", ""  # a name with a dash
    begin = _port(of, word, name, first)
    begin, end = sorted((begin, _port(of, word, name, last) if minus else begin))
    if begin < low or end > high:
        raise InvalidOption(of.option, word, "the set's range is %s" % of.header.range)
    return begin, end


def _port(of: Parts, word: str, protocol: str, port: str) -> int:
    if 0 <= decimal(port) <= 65535:
        return int(port)
    try:
        if not port[:1].isalpha():
            raise OSError
        return socket.getservbyname(port, protocol if protocol in WITH_PORTS else "tcp")
    except (OSError, ValueError):
        raise InvalidOption(
            of.option,
            word,
            "write PROTOCOL:PORT with a port from 0 to 65535, or its name in /etc/services, such as tcp:8080",
        ) from None


def _icmp(of: Parts, word: str, name: str, rest: str) -> bytes:
    if ICMP[name] != of.kind.family:
        raise InvalidOption(
            of.option, word, "the set is %s, and %s belongs to the other family" % (of.kind.family, name)
        )
    known = ICMP_NAMES[name].get(rest.lower())
    match = re.fullmatch(r"([0-9]{1,3})/([0-9]{1,3})", rest)
    if known is None and match:
        known = (int(match.group(1)), int(match.group(2)))
    if known is None or max(known) > 255:
        raise InvalidOption(
            of.option,
            word,
            "write %s:TYPE/CODE in numbers, such as %s:%s, or a name that 'ipset help hash:ip,port' lists"
            % (name, name, "8/0" if name == "icmp" else "128/0"),
        )
    return bytes(known)


def _read_mac(of: Parts, word: str) -> Choices:
    if of.kind.method == "bitmap" and not word:
        return [(b"",)]
    if not re.fullmatch(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}", word) or (
        of.kind.method == "hash" and set(word) <= set("0:")
    ):
        raise InvalidOption(of.option, word, "write a MAC address, such as 02:00:00:00:00:01; all zeros is none")
    return [(bytes.fromhex(word.replace(":", "")),)]


def _read_mark(of: Parts, word: str) -> Choices:
    mark = number_of(of.option, word, word, 2**32 - 1, "a mark")
    return [((mark & (of.header.markmask or 2**32 - 1)).to_bytes(4, "big"),)]


def _read_iface(of: Parts, word: str) -> Choices:
    prefix, colon, device = word.partition(":")
    if colon and prefix != "physdev":
        raise InvalidOption(of.option, word, "write DEVICE, or physdev:DEVICE for a port of a bridge")
    name = values.device_name(of.option, device if colon else word)
    packed = text(IFACE, name)
    if name[-1:] in "+*":
        remedy = "it means this very name: write '%s' with the option 'wildcard' for all that begin so" % name[:-1]
        raise InvalidOption(of.option, word, remedy)
    if "@" in name:
        remedy = "what 'ip link' writes behind '@' is no part of the name: write '%s'" % name.partition("@")[0]
        raise InvalidOption(of.option, word, remedy)
    if name[:1] == "!":
        raise InvalidOption(of.option, word, "no entry means all devices but one: list those that it shall mean")
    return [(packed + PHYSDEV if colon else packed,)]


def _read_set(of: Parts, word: str) -> Choices:
    return [(name_attribute(NAME, member_name(of.option, word)),)]


def number_of(option: str, item: Any, value: Any, high: int, meaning: str) -> int:
    """The number from 0 to ``high`` that a word is, decimal or hexadecimal; ``item`` is what it is said of.

    Raises:
        InvalidOption: it is none; ``meaning`` names what is wanted.
    """
    match = None if isinstance(value, bool) else re.fullmatch(r"0[xX]([0-9a-fA-F]{1,20})|([0-9]{1,20})", str(value))
    number = int(match.group(1) or match.group(2), 16 if match.group(1) else 10) if match else -1
    if not 0 <= number <= high:
        raise InvalidOption(option, item, "%s is a number from 0 to %d" % (meaning, high))
    return number


#: How each part of an entry is read; the writers of the same are in :mod:`writer`.
_READERS: Mapping[str, Callable[[Parts, str], Choices]] = {
    "ip": _read_ip,
    "one ip": _read_one_ip,
    "net": _read_net,
    "port": _read_port,
    "mac": _read_mac,
    "mark": _read_mark,
    "iface": _read_iface,
    "set": _read_set,
}
