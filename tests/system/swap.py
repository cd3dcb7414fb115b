#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# swap.py A B: exchange two names as fast as possible, until killed. The attacker of mount races.
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
a, b = (p.encode() for p in sys.argv[1:3])
AT_FDCWD, RENAME_EXCHANGE = -100, 2
while True:
    libc.renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE)
