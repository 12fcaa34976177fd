# SPDX-License-Identifier: Apache-2.0
"""`plimsoll top` on a terminal of its own: keys, resize, and the terminal as it was afterwards.

cli_screen.py PLIMSOLL WAY: WAY is "q" or the name of a signal. Ends with 0 when everything held, else says what did not.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

LEAVE_SCREEN = b"\x1b[?1049l"


def size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def until(fd, pattern, seconds=8.0):
    """Everything printed up to a match of `pattern`."""
    end, seen = time.monotonic() + seconds, b""
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                break
            if re.search(pattern, seen):
                return seen
    sys.exit(f"no {pattern!r} within {seconds} s; got {seen[-400:]!r}")


def main():
    program, way = sys.argv[1:]
    leader, follower = pty.openpty()
    size(leader, 24, 80)
    before = termios.tcgetattr(follower)
    pid = os.fork()
    if pid == 0:
        os.login_tty(follower) if hasattr(os, "login_tty") else attach(follower)
        os.environ["TERM"] = "xterm-256color"
        os.execv(program, [program, "top", "--delay", "0.2"])
    until(leader, rb"SERVICE.*DES/R/P")
    os.write(leader, b"2")
    until(leader, rb"STATUS")
    os.write(leader, b"?")
    until(leader, rb"next sort column")
    os.write(leader, b"x")
    size(leader, 10, 100)
    os.kill(pid, signal.SIGWINCH)
    os.write(leader, b"/web\r")
    until(leader, rb"only web|web/")
    if way == "q":
        os.write(leader, b"q")
    else:
        os.kill(pid, getattr(signal, way))
    until(leader, re.escape(LEAVE_SCREEN))
    status = os.waitpid(pid, 0)[1]
    wanted = 0 if way == "q" else -getattr(signal, way)
    if os.waitstatus_to_exitcode(status) != wanted:
        sys.exit(f"ended with {os.waitstatus_to_exitcode(status)}, not {wanted}")
    if termios.tcgetattr(follower) != before:
        sys.exit("the terminal's settings are not as before")


def attach(fd):
    os.setsid()
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
    for target in (0, 1, 2):
        os.dup2(fd, target)


if __name__ == "__main__":
    main()
