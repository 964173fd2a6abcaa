#!/bin/sh
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# nftables keeps by JSON what it cannot read as text: a chain named `masquerade`.
#
# A good engineer's guess: names are data, so whatever `nft -j -f -` takes, `nft list ruleset` writes in a form that
# `nft -f` reads again (Debian's nftables.service restores the rules at boot so). With nft 1.0.6 of Debian 12 the chain is
# made, exit code 0; the listing ends in "syntax error, unexpected masquerade, expecting string" when it is read, and
# neither `nft list chain` nor `nft delete chain` can name it: `masquerade` is a word of the grammar. JSON can delete it.
# So a program that speaks JSON has to choose names that the grammar does not know, such as `postrouting`.
#
# Needs root, apt and unshare(1). Fails if the behaviour changes.
set -eu
version=1.0.6-2+deb12u2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in nftables="$version" libnftables1="$version" libnftnl11 libjansson4 libmnl0 libxtables12 libedit2; do
	apt-get -qq -o APT::Sandbox::User=root download "$package"
done
for file in *.deb; do dpkg-deb -x "$file" tree; done
LD_LIBRARY_PATH=$(find "$folder/tree" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
export LD_LIBRARY_PATH LC_ALL=C
nft=$(find "$folder/tree" -path '*sbin/nft')

cat >tried.sh <<'TRIED'
set -eu
nft=$1
"$nft" --version
object='{"family": "ip", "table": "t", "name": "masquerade"'
made='{"nftables": [{"add": {"table": {"family": "ip", "name": "t"}}}, {"add": {"chain": '"$object"', "type": "nat", "hook": "postrouting", "prio": 100, "policy": "accept"}}}]}'
echo "$made" | "$nft" -j -f /proc/self/fd/0 && echo "made by JSON"
"$nft" list ruleset >saved
cat saved
if "$nft" -c -f saved 2>said; then echo "CHANGED: the listing is read again"; exit 1; fi
head -1 said
grep -q "unexpected masquerade, expecting string" said
if "$nft" delete chain ip t masquerade 2>said; then echo "CHANGED: text can name the chain"; exit 1; fi
head -1 said
echo '{"nftables": [{"delete": {"chain": '"$object"'}}}]}' | "$nft" -j -f /proc/self/fd/0 && echo "deleted by JSON"
TRIED
unshare -n sh tried.sh "$nft"
echo "as expected with nftables $version"
