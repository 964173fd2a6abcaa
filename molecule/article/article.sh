#!/usr/bin/env bash
# The article's commands, word for word, stage by stage; and behind some stages, what its author saw.
# Run as root on a node with nothing on it. It ends when a command fails or the network answers otherwise.
set -euo pipefail

# `sees WORD COMMAND...`: the command's output is WORD; `sees timeout COMMAND...`: nobody answers it.
sees() {
    local expected=$1 seen code=0
    shift
    seen=$("$@" --silent --max-time 4) || code=$?
    [ "$code" -ne 28 ] || seen=timeout
    if [ "$seen" != "$expected" ]; then
        echo "'$*' saw '$seen' (exit code $code) instead of '$expected'" >&2
        exit 1
    fi
}

echo "1 forward"
sysctl --write net.ipv4.ip_forward=1

echo "2 bridge"
ip link add dev bridge_home type bridge
ip address add 10.0.0.1/24 dev bridge_home

echo "3 namespace dustin"
ip netns add netns_dustin
mkdir -p /etc/netns/netns_dustin
echo "nameserver 8.8.8.8" | tee -a /etc/netns/netns_dustin/resolv.conf
ip netns exec netns_dustin ip link set dev lo up

echo "4 veth dustin"
ip link add dev veth_dustin type veth peer name veth_ns_dustin
ip link set dev veth_dustin master bridge_home
ip link set dev veth_dustin up
ip link set dev veth_ns_dustin netns netns_dustin
ip netns exec netns_dustin ip link set dev veth_ns_dustin up
ip netns exec netns_dustin ip address add 10.0.0.11/24 dev veth_ns_dustin

echo "5 namespace and veth leah"
ip netns add netns_leah
mkdir -p /etc/netns/netns_leah
echo "nameserver 8.8.8.8" | tee -a /etc/netns/netns_leah/resolv.conf
ip netns exec netns_leah ip link set dev lo up
ip link add dev veth_leah type veth peer name veth_ns_leah
ip link set dev veth_leah master bridge_home
ip link set dev veth_leah up
ip link set dev veth_ns_leah netns netns_leah
ip netns exec netns_leah ip link set dev veth_ns_leah up
ip netns exec netns_leah ip address add 10.0.0.21/24 dev veth_ns_leah

echo "6 routes"
ip link set bridge_home up
ip netns exec netns_dustin ip route add default via 10.0.0.1
ip netns exec netns_leah ip route add default via 10.0.0.1

echo "7 forward rules"
iptables --table filter --append FORWARD --in-interface bridge_home --jump ACCEPT
iptables --table filter --append FORWARD --out-interface bridge_home --jump ACCEPT

echo "8 masquerade (wide)"
iptables --table nat --append POSTROUTING --source 10.0.0.0/24 --jump MASQUERADE

echo "9 servers"
# Each from a folder of its own, so that a page tells who answered; the article looked at the servers' logs.
for name in dustin leah; do
    mkdir -p "/run/article/$name"
    echo "$name" >"/run/article/$name/index.html"
    (cd "/run/article/$name" && exec ip netns exec "netns_$name" python3 -m http.server 8080 </dev/null >/dev/null 2>&1) &
done

echo "10 direct reach"
for name in dustin:10.0.0.11 leah:10.0.0.21; do
    sees "${name%:*}" curl "${name#*:}:8080" --retry 30 --retry-delay 1 --retry-connrefused
done
sees leah ip netns exec netns_dustin curl 10.0.0.21:8080
sees dustin ip netns exec netns_leah curl 10.0.0.11:8080

echo "12 virtual service"
ipvsadm --add-service --tcp-service 10.100.100.100:8080 --scheduler rr
ipvsadm --add-server --tcp-service 10.100.100.100:8080 --real-server 10.0.0.11:8080 --masquerading
sees dustin curl 10.100.100.100:8080

echo "13 the address"
ip link add dev dustin-ipvs0 type dummy
ip addr add 10.100.100.100/32 dev dustin-ipvs0
sees dustin curl 10.100.100.100:8080

echo "14 bridge netfilter"
modprobe br_netfilter
sysctl --write net.bridge.bridge-nf-call-iptables=1
sees dustin ip netns exec netns_leah curl 10.100.100.100:8080
sees timeout ip netns exec netns_dustin curl 10.100.100.100:8080

echo "15 hairpin"
brctl hairpin bridge_home veth_dustin on
sysctl --write net.ipv4.vs.conntrack=1
sees dustin ip netns exec netns_dustin curl 10.100.100.100:8080

echo "15b promiscuous"
ip link set bridge_home promisc on

echo "16 masquerade (narrow)"
iptables --table nat --delete POSTROUTING --source 10.0.0.0/24 --jump MASQUERADE
iptables --table nat --append POSTROUTING --source 10.0.0.11/32 --jump MASQUERADE
sees dustin ip netns exec netns_dustin curl 10.100.100.100:8080

echo "17 ipset"
iptables --table nat --delete POSTROUTING --source 10.0.0.11/32 --jump MASQUERADE
ipset create DUSTIN-LOOP-BACK hash:ip,port,ip
ipset add DUSTIN-LOOP-BACK 10.0.0.11,tcp:8080,10.0.0.11
iptables --table nat --append POSTROUTING --match set --match-set DUSTIN-LOOP-BACK dst,dst,src --jump MASQUERADE
sees dustin ip netns exec netns_dustin curl 10.100.100.100:8080

echo "18 second server"
ipvsadm --add-server --tcp-service 10.100.100.100:8080 --real-server 10.0.0.21:8080 --masquerading
ipset add DUSTIN-LOOP-BACK 10.0.0.21,tcp:8080,10.0.0.21
for client in "" "ip netns exec netns_dustin" "ip netns exec netns_leah"; do
    first=$($client curl --silent 10.100.100.100:8080)
    case $first in dustin) second=leah ;; *) second=dustin ;; esac
    sees "$second" $client curl 10.100.100.100:8080
    sees "$first" $client curl 10.100.100.100:8080
done
