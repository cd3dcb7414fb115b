#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""seccomp_agent.py SOCKET STATEFILE: take one seccomp listener, write the state document that came with it, and answer
every question with ENOMEDIUM until the process is gone."""
import array, fcntl, json, os, select, socket, struct, sys

RECV, SEND = 0xC0502100, 0xC0182101
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
c, _ = s.accept()
data, fds, _, _ = socket.recv_fds(c, 65536, 4)
while True:
    more = c.recv(65536)
    if not more:
        break
    data += more
json.loads(data)
open(sys.argv[2], "wb").write(data)
p = select.poll()
p.register(fds[0], select.POLLIN)
while True:
    events = p.poll()
    if events[0][1] & select.POLLHUP:
        break
    req = array.array("B", bytes(80))
    fcntl.ioctl(fds[0], RECV, req, True)
    ident = struct.unpack_from("Q", req)[0]
    try:
        fcntl.ioctl(fds[0], SEND, array.array("B", struct.pack("QqiI", ident, 0, -123, 0)), True)
    except FileNotFoundError:
        pass
