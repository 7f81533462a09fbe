/*
 * vf-mac INTERFACE N MAC: gives the N-th virtual function of a network
 * interface its address, as "ip link set INTERFACE vf N mac MAC" does, which
 * busybox cannot. Without an address from the host a guest's driver makes one
 * up, and a failover pair is known by having the same.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
    struct nlmsghdr head;
    struct ifinfomsg link;
    struct rtattr list, info, mac;
    struct ifla_vf_mac vf;
};

struct answer {
    struct nlmsghdr head;
    struct nlmsgerr error;
    char more[256];
};

static struct rtattr attribute(unsigned short type, size_t payload)
{
    return (struct rtattr) { .rta_len = RTA_LENGTH(payload),
                             .rta_type = type };
}

static int read_mac(const char *text, unsigned char *mac)
{
    return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", mac, mac + 1,
                  mac + 2, mac + 3, mac + 4, mac + 5) == 6;
}

/* 0, or the kernel's negative errno. */
static int ask_kernel(const struct request *r)
{
    struct answer a = { .error.error = -1 };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0 || send(fd, r, sizeof(*r), 0) != sizeof(*r) ||
        recv(fd, &a, sizeof(a), 0) < 0) {
        perror("vf-mac");
    }
    close(fd);
    return a.error.error;
}

int main(int argc, char **argv)
{
    struct request r = {
        .head = { .nlmsg_len = sizeof(r), .nlmsg_type = RTM_SETLINK,
                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
        .list = attribute(IFLA_VFINFO_LIST | NLA_F_NESTED,
                          sizeof(r) - offsetof(struct request, info)),
        .info = attribute(IFLA_VF_INFO | NLA_F_NESTED,
                          sizeof(r) - offsetof(struct request, mac)),
        .mac = attribute(IFLA_VF_MAC, sizeof(r.vf)),
    };
    int ret;

    if (argc != 4 || !read_mac(argv[3], r.vf.mac)) {
        fprintf(stderr, "usage: vf-mac INTERFACE N MAC\n");
        return 2;
    }
    r.link.ifi_index = if_nametoindex(argv[1]);
    r.vf.vf = atoi(argv[2]);
    ret = ask_kernel(&r);
    if (ret) {
        fprintf(stderr, "vf-mac: %s, %s: %s\n", argv[1], argv[2],
                strerror(-ret));
    }
    return ret != 0;
}
