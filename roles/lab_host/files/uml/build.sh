#!/bin/sh
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Compile a user-mode Linux, in a Debian that has linux-source: /uml has this file and the configuration, and gets
# the kernel and its modules.
set -eu
mkdir /uml/source
cd /uml/source
tar --extract --strip-components=1 --file /usr/src/linux-source-*.tar.xz
make ARCH=um defconfig
ARCH=um scripts/kconfig/merge_config.sh -m .config /uml/config
make ARCH=um olddefconfig
make ARCH=um --jobs="$(nproc)" linux modules
make ARCH=um INSTALL_MOD_PATH=/uml/root INSTALL_MOD_STRIP=1 modules_install
strip --output-file=/uml/kernel linux
rm --force /uml/root/lib/modules/*/build /uml/root/lib/modules/*/source
mkdir /uml/root/usr
mv /uml/root/lib /uml/root/usr/lib
tar --create --file=/uml/modules.tar --directory=/uml/root usr
rm --recursive /uml/source
