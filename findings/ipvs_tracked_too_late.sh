#!/bin/sh
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The first masquerade rule of a director ends the connections that IPVS forwards, though the rule came after them.
#
# A good engineer's guess: NAT decides once, for the first packet of a connection, so a rule that is added later is for
# new connections only. That holds where connections are tracked. IPVS forwards by a table of its own, and the kernel
# tracks nothing in a namespace until a rule there asks for it, whatever the sysctl net.ipv4.vs.conntrack says. With
# Linux 6.1, and that sysctl at 1, the next packet of a live connection is then "new" to connection tracking:
# `-j MASQUERADE` gives it the director's address, and the real server, which knows no such connection, resets it.
# Where the rule stands before the client connects, the same packets pass.
#
# Needs root, apt, iproute2, kmod and python3. It boots a user-mode Linux, whose files are this machine's, read-only.
# Fails if the behaviour changes.
set -eu
uml=6.1um4+b13 ipvsadm=1:1.31-1+b1 iptables=1.8.9-2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in user-mode-linux="$uml" ipvsadm="$ipvsadm" iptables="$iptables" libip4tc2 libip6tc2 libxtables12 \
	libnl-3-200 libnl-genl-3-200 libpopt0; do
	apt-get -qq -o APT::Sandbox::User=root download "$package"
done
for file in *.deb; do dpkg-deb -x "$file" tree; done
mkdir -p kernel/lib
ln -s "$folder/tree/usr/lib/uml/modules" kernel/lib/modules

cat >init <<INIT
#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C PYTHONDONTWRITEBYTECODE=1
export LD_LIBRARY_PATH=$(find "$folder/tree" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
export XTABLES_LIBDIR=$(find "$folder/tree" -type d -name xtables)
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs run /run
modprobe -d "$folder/kernel" -a veth ip_vs ip_vs_rr iptable_nat xt_MASQUERADE xt_tcpudp
sh "$folder/tried.sh" "\$(find "$folder/tree" -name ipvsadm -type f -path '*sbin*')" "$folder/tree/usr/sbin/xtables-legacy-multi"
echo "RESULT \$?"
halt -f -p 2>/dev/null || poweroff -f
INIT
cat >client.py <<'CLIENT'
import os, socket, sys, time
with socket.create_connection(("10.9.0.1", 80), timeout=10) as connection:
    connection.sendall(b"one")
    assert connection.recv(9) == b"one"
    print("SEEN connected, answered", flush=True)
    open("/run/connected", "w").close()
    while os.path.exists("/run/connected"):
        time.sleep(0.1)
    try:
        connection.sendall(b"two")
        print("SEEN then", "answered" if connection.recv(9) == b"two" else "closed", flush=True)
    except ConnectionResetError:
        print("SEEN then reset", flush=True)
CLIENT
cat >server.py <<'SERVER'
import socket, threading
def echo(connection):
    while data := connection.recv(9):
        connection.sendall(data)
with socket.create_server(("10.1.0.2", 80)) as listening:
    while True:
        threading.Thread(target=echo, args=listening.accept()[:1], daemon=True).start()
SERVER
cat >tried.sh <<'TRIED'
ipvsadm=$1 legacy=$2 here=${0%/*}
uname -r
run() { # a director between a client and a server; "first" or "later": when its rule comes
	for name in client director server; do ip netns add $name; ip -n $name link set lo up; done
	ip link add c netns client type veth peer name c netns director
	ip link add s netns server type veth peer name s netns director
	for each in "client c 10.2.0.2" "director c 10.2.0.1" "server s 10.1.0.2" "director s 10.1.0.1"; do
		set -- "$1" $each
		ip -n "$2" address add "$4/24" dev "$3"
		ip -n "$2" link set "$3" up
	done
	ip -n client route add default via 10.2.0.1
	ip -n server route add default via 10.1.0.1
	ip -n director address add 10.9.0.1/32 dev lo
	ip netns exec director sh -c 'cd /proc/sys/net/ipv4; echo 1 >ip_forward; echo 1 >vs/conntrack'
	ip netns exec director "$ipvsadm" -A -t 10.9.0.1:80 -s rr
	ip netns exec director "$ipvsadm" -a -t 10.9.0.1:80 -r 10.1.0.2:80 -m
	ip netns exec server python3 "$here/server.py" &
	server=$!
	sleep 4
	[ "$1" = later ] || rule
	ip netns exec client python3 "$here/client.py" &
	client=$!
	for _try in 1 2 3 4 5 6 7 8 9 10; do [ -e /run/connected ] || sleep 1; done
	[ "$1" = first ] || rule
	rm -f /run/connected
	wait $client
	kill $server
	for name in client director server; do ip netns delete $name; done
}
rule() { ip netns exec director "$legacy" iptables -t nat -A POSTROUTING -j MASQUERADE && echo "the rule is there"; }
echo "SEEN the rule before the connection"
run first
echo "SEEN the rule after the connection"
run later
TRIED
chmod +x init
timeout 300 tree/usr/bin/linux.uml mem=256M root=/dev/root rootfstype=hostfs rootflags=/ ro quiet init="$folder/init" \
	con=null con0=null,fd:1 </dev/null >console 2>&1 || true
grep -aE 'SEEN|^6[.]|the rule is there' console | tr -d '\r' | sed 's/^SEEN //' >seen
cat seen
cat >expected <<'EXPECTED'
the rule before the connection
the rule is there
connected, answered
then answered
the rule after the connection
connected, answered
the rule is there
then reset
EXPECTED
grep -av '^6[.]' seen | diff expected - || { tail -n 30 console; echo "CHANGED"; exit 1; }
echo "as expected with user-mode-linux $uml"
