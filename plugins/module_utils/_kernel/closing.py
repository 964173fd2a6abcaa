# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is open until it is closed: sockets of the kernel's, and what holds some."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

Opened = TypeVar("Opened", bound="Closing")


class Closing(ABC):
    """A context manager that ends with :meth:`close`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what is open; once more does no harm."""

    def __enter__(self: Opened) -> Opened:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
