/* SPDX-License-Identifier: Apache-2.0
 * Tells systemd how we are (the sd_notify protocol: one datagram to $NOTIFY_SOCKET). */
#ifndef PLM_DAEMON_NOTIFY_H
#define PLM_DAEMON_NOTIFY_H

/* Sends lines such as "READY=1" or "WATCHDOG=1"; does nothing without a NOTIFY_SOCKET. */
void plm_notify(const char *lines);

#endif
