/* SPDX-License-Identifier: Apache-2.0
 * Which addresses an outsider may make this server call: the guard against server-side request
 * forgery. It judges the address a socket is about to connect to, after name resolution, so neither
 * odd spellings (0x7f.1) nor a name that resolves differently the second time get past it. */
#ifndef SOCLE_NET_ADDRESS_H
#define SOCLE_NET_ADDRESS_H

#include <sys/socket.h>

#include "core/base.h"

/* Is it a unicast address of the public internet? False for loopback, private, link-local, carrier
 * NAT, multicast, documentation and benchmark ranges, v4 inside v6, cloud metadata services, and
 * every family that is not IP. */
bool address_is_public(const struct sockaddr *address);

#endif
