# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual machine in which the lab lives: its image, its process, and what is needed on this machine for both.

The role runs it as ``python -m lab_vm COMMAND`` with the settings as JSON on standard input; the answer is JSON on
standard output. An error is one message for a person on standard error and the exit code 1.
"""
