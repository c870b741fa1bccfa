/* SPDX-License-Identifier: Apache-2.0
 * Ranges by the IANA special-purpose registries (RFC 6890 and its updates). For IPv4 everything not
 * listed is public; for IPv6 only 2000::/3 is, without the ranges listed. Translation prefixes
 * (6to4, Teredo, NAT64) are refused whole: each embeds an IPv4 address that could be private. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

typedef struct Range4 {
    uint32_t base;
    int bits;
} Range4;

#define IP4(a, b, c, d) \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const Range4 closed4[] = {
    {IP4(0, 0, 0, 0), 8},        /* this host */
    {IP4(10, 0, 0, 0), 8},       /* private */
    {IP4(100, 64, 0, 0), 10},    /* carrier NAT; Alibaba's metadata service */
    {IP4(127, 0, 0, 0), 8},      /* loopback */
    {IP4(168, 63, 129, 16), 32}, /* Azure's platform service, reachable from its machines only */
    {IP4(169, 254, 0, 0), 16},   /* link-local; the metadata services of most clouds */
    {IP4(172, 16, 0, 0), 12},    /* private */
    {IP4(192, 0, 0, 0), 24},     /* protocol assignments; Oracle's metadata service */
    {IP4(192, 0, 2, 0), 24},     /* documentation */
    {IP4(192, 88, 99, 0), 24},   /* 6to4 relays */
    {IP4(192, 168, 0, 0), 16},   /* private */
    {IP4(198, 18, 0, 0), 15},    /* benchmarks */
    {IP4(198, 51, 100, 0), 24},  /* documentation */
    {IP4(203, 0, 113, 0), 24},   /* documentation */
    {IP4(224, 0, 0, 0), 3},      /* multicast, reserved, broadcast */
};

typedef struct Range6 {
    uint8_t base[4];
    int bits; /* at most 32 */
} Range6;

static const Range6 closed6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* protocol assignments, Teredo, ORCHID */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02, 0x00, 0x00}, 16}, /* 6to4 */
    {{0x3f, 0xff, 0x00, 0x00}, 20}, /* documentation */
};

static bool in_range(uint32_t address, uint32_t base, int bits) {
    assert(bits > 0 && bits <= 32);
    return (address ^ base) >> (32 - bits) == 0;
}

static uint32_t big_endian(const uint8_t *at) { return IP4(at[0], at[1], at[2], at[3]); }

static bool public4(uint32_t address) {
    for (ptrdiff_t i = 0; i < COUNT(closed4); i++)
        if (in_range(address, closed4[i].base, closed4[i].bits)) return false;
    return true;
}

static bool public6(const uint8_t address[16]) {
    uint32_t head = big_endian(address);
    if (head >> 29 != 1) return false; /* 2000::/3 */
    for (ptrdiff_t i = 0; i < COUNT(closed6); i++)
        if (in_range(head, big_endian(closed6[i].base), closed6[i].bits)) return false;
    return true;
}

bool address_is_public(const struct sockaddr *address) {
    assert(address);
    if (address->sa_family == AF_INET)
        return public4(ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
    if (address->sa_family == AF_INET6)
        return public6(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
    return false;
}
