/* SPDX-License-Identifier: Apache-2.0
 * The ranges that guarded calls may not reach, each at both of its edges, and their
 * public neighbours. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "net/address.h"
#include "t.h"

static bool is_public(const char *text) {
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return address_is_public((struct sockaddr *)&v4);
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        return address_is_public((struct sockaddr *)&v6);
    printf("  not an address: %s\n", text);
    t_failures++;
    return false;
}

static void check_all(const char *const *texts, ptrdiff_t count, bool want) {
    for (ptrdiff_t i = 0; i < count; i++)
        if (!CHECK_INT(is_public(texts[i]), want)) printf("  %s\n", texts[i]);
}

TEST(closed_ipv4_ranges_are_closed_to_their_edges) {
    static const char *const closed[] = {
        "0.0.0.0",         "0.255.255.255",   "10.0.0.0",        "10.255.255.255",
        "100.64.0.0",      "100.100.100.200", "100.127.255.255", "127.0.0.1",
        "127.255.255.255", "168.63.129.16",   "169.254.0.0",     "169.254.169.254",
        "169.254.255.255", "172.16.0.0",      "172.31.255.255",  "192.0.0.0",
        "192.0.0.192",     "192.0.2.1",       "192.88.99.1",     "192.168.0.0",
        "192.168.255.255", "198.18.0.0",      "198.19.255.255",  "198.51.100.7",
        "203.0.113.255",   "224.0.0.1",       "239.255.255.255", "240.0.0.1",
        "255.255.255.255"};
    check_all(closed, COUNT(closed), false);
}

TEST(their_ipv4_neighbours_are_public) {
    static const char *const open[] = {
        "1.0.0.0",        "1.1.1.1",         "8.8.8.8",         "9.255.255.255",  "11.0.0.0",
        "100.63.255.255", "100.128.0.0",     "126.255.255.255", "128.0.0.0",      "168.63.129.15",
        "168.63.129.17",  "169.253.255.255", "169.255.0.0",     "172.15.255.255", "172.32.0.0",
        "192.0.1.0",      "192.0.3.0",       "192.167.255.255", "192.169.0.0",    "198.17.255.255",
        "198.20.0.0",     "203.0.114.0",     "223.255.255.255"};
    check_all(open, COUNT(open), true);
}

TEST(closed_ipv6_ranges_are_closed) {
    static const char *const closed[] = {"::",
                                         "::1",
                                         "::127.0.0.1",
                                         "::ffff:127.0.0.1",
                                         "::ffff:8.8.8.8",
                                         "64:ff9b::7f00:1",
                                         "64:ff9b:1::1",
                                         "100::1",
                                         "1fff:ffff::1",
                                         "2001::1",
                                         "2001:0:7f00:1::",
                                         "2001:1ff:ffff::",
                                         "2001:db8::1",
                                         "2001:db8:ffff::",
                                         "2002:7f00:1::",
                                         "2002:ffff::1",
                                         "3fff::1",
                                         "3fff:fff::1",
                                         "4000::1",
                                         "5f00::1",
                                         "fc00::1",
                                         "fd00:ec2::254",
                                         "fdff::1",
                                         "fe80::1",
                                         "fec0::1",
                                         "ff02::1"};
    check_all(closed, COUNT(closed), false);
}

TEST(global_ipv6_is_public) {
    static const char *const open[] = {
        "2000::1", "2001:200::1",          "2001:4860:4860::8888", "2001:db7::1", "2001:db9::1",
        "2003::1", "2606:4700:4700::1111", "2a00:1450::1",         "3ffe::1"};
    check_all(open, COUNT(open), true);
}

TEST(other_families_are_not_public) {
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    CHECK(!address_is_public((struct sockaddr *)&local));
    CHECK(!address_is_public(&none));
}

T_MAIN(T_ROW(closed_ipv4_ranges_are_closed_to_their_edges), T_ROW(their_ipv4_neighbours_are_public),
       T_ROW(closed_ipv6_ranges_are_closed), T_ROW(global_ipv6_is_public),
       T_ROW(other_families_are_not_public))
