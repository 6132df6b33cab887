// SPDX-License-Identifier: GPL-2.0
// The packet plane's program: packets of clients to a virtual service go to one of its backends, and the answers come from the service.
// It stands between two interfaces and hands everything else across as it is.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/icmpv6.h>
#include <linux/pkt_cls.h>
#include <linux/stddef.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "hook.h"
#include "maps.h"
#include "choose.h"
#include "rewrite.h"

// Each interface has a program of its own: what it need not look up costs nothing, and branches of the other side are left out.
const volatile struct port own = {};

const volatile struct timeouts timeouts = {28, 6706, 28, 28, 112, 10};

// What becomes of a packet.
#define FATE_FOREIGN 0
#define FATE_REPLACE 1
#define FATE_DROP 2
// The balancer answers itself.
#define FATE_ECHO 3

// Backends that are tried for a flow whose way back is taken.
#define CHOICES 8

#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO 8
#define ICMPV6_ECHO 128
#define ICMPV6_ECHO_REPLY 129

// What is known of a packet beside its key.
struct packet {
  // From the start of the IP header.
  __u32 bytes;
  // Where the header behind that of IP begins, from the start of the frame.
  __u32 payload_at;
  // A SYN that opens a connection.
  __u8 is_first;
  // FIN or RST.
  __u8 is_last;
};

// Of ICMP nothing else is balanced.
INLINE int is_echo(__u8 protocol) {
  return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

INLINE void count_traffic(__u32 backend, __u32 bytes, __u32 flows) {
  struct traffic *traffic = bpf_map_lookup_elem(&backend_traffic, &backend);
  if (!traffic) return;
  traffic->packets++;
  traffic->bytes += bytes;
  traffic->flows += flows;
}

#define FAMILY 4
#include "family.h"
#undef FAMILY
#define FAMILY 6
#include "family.h"
#undef FAMILY

INLINE int leave_by(__u32 interface) {
#ifdef XDP
  return bpf_redirect_map(&doors, interface, 0);
#else
  return bpf_redirect(interface, 0);
#endif
}

// The ports of a key, from the header behind that of IP. Returns 0 for protocols and messages that are not balanced, -1 for a header
// that is cut off.
INLINE int read_ports(hook_context *context, struct packet *packet, __u8 protocol, __be16 *source, __be16 *target) {
  void *data = (void *)(long)context->data;
  void *end = (void *)(long)context->data_end;
  __u32 at = packet->payload_at & 0x1ff;
  if (protocol == IPPROTO_TCP) {
    struct tcphdr *tcp = data + at;
    if ((void *)(tcp + 1) > end) return -1;
    *source = tcp->source;
    *target = tcp->dest;
    packet->is_first = tcp->syn && !tcp->ack;
    packet->is_last = tcp->fin || tcp->rst;
    return 1;
  }
  if (protocol == IPPROTO_UDP) {
    struct udphdr *udp = data + at;
    if ((void *)(udp + 1) > end) return -1;
    *source = udp->source;
    *target = udp->dest;
    return 1;
  }
  if (!is_echo(protocol)) return 0;
  // Type, code and checksum, then identifier and sequence number of an echo (RFC 792, RFC 4443).
  struct {
    __u8 type, code;
    __be16 checksum, identifier, sequence;
  } *echo = data + at;
  if ((void *)(echo + 1) > end) return -1;
  int is_v6 = protocol == IPPROTO_ICMPV6;
  if (echo->type == (is_v6 ? ICMPV6_ECHO : ICMP_ECHO)) {
    *source = echo->identifier;
    *target = 0;
    return 1;
  }
  if (echo->type == (is_v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY)) {
    *source = 0;
    *target = echo->identifier;
    return 1;
  }
  return 0;
}

// Writes the ports and corrects the checksum behind them. `addresses`: the difference that these make in the pseudo header.
INLINE int replace_port(hook_context *context, const struct packet *packet, __u8 protocol, __u32 is_target, __be16 port, __u64 addresses) {
  // ICMP has neither ports nor, for IPv4, a pseudo header.
  if (protocol == IPPROTO_ICMP) return 0;
  __u32 at = packet->payload_at & 0x1ff;
  if (protocol == IPPROTO_ICMPV6)
    return correct_checksum(context, at + offsetof(struct icmp6hdr, icmp6_cksum), addresses, 0, 0, 0);
  void *data = (void *)(long)context->data;
  void *end = (void *)(long)context->data_end;
  __be16 *ports = data + at;
  if ((void *)(ports + 2) > end) return -1;
  __be16 before = ports[is_target ? 1 : 0];
  ports[is_target ? 1 : 0] = port;
  int is_udp = protocol == IPPROTO_UDP;
  __u32 checksum = is_udp ? offsetof(struct udphdr, check) : offsetof(struct tcphdr, check);
  return correct_checksum(context, at + checksum, addresses, before, port, is_udp);
}

INLINE int replace4(hook_context *context, const struct packet *packet, __u8 protocol, const struct replacement4 *by) {
  void *data = (void *)(long)context->data;
  void *end = (void *)(long)context->data_end;
  struct iphdr *ip = data + sizeof(struct ethhdr);
  if ((void *)(ip + 1) > end) return -1;
  __be32 before = by->direction ? ip->daddr : ip->saddr;
  if (by->direction) ip->daddr = by->address[0];
  else ip->saddr = by->address[0];
  __u64 difference = difference32(before, by->address[0]);
  add_to_checksum(&ip->check, difference);
  return replace_port(context, packet, protocol, by->direction, by->port, difference);
}

INLINE int replace6(hook_context *context, const struct packet *packet, __u8 protocol, const struct replacement6 *by) {
  void *data = (void *)(long)context->data;
  void *end = (void *)(long)context->data_end;
  struct ipv6hdr *ip = data + sizeof(struct ethhdr);
  if ((void *)(ip + 1) > end) return -1;
  __be32 *address = by->direction ? ip->daddr.in6_u.u6_addr32 : ip->saddr.in6_u.u6_addr32;
  __u64 difference = 0;
#pragma unroll
  for (int word = 0; word < 4; word++) {
    difference += difference32(address[word], by->address[word]);
    address[word] = by->address[word];
  }
  return replace_port(context, packet, protocol, by->direction, by->port, difference);
}

// Turns an echo request into its reply: addresses of both layers change places, which no checksum notices.
INLINE int answer_echo(hook_context *context, const struct packet *packet, __u8 protocol) {
  void *data = (void *)(long)context->data;
  void *end = (void *)(long)context->data_end;
  struct ethhdr *ethernet = data;
  __u32 at = packet->payload_at & 0x1ff;
  __u8 *type = data + at;
  if ((void *)(ethernet + 1) > end || (void *)(type + 8) > end) return HOOK_DROP;
  __u8 mac[ETH_ALEN];
  __builtin_memcpy(mac, ethernet->h_dest, ETH_ALEN);
  __builtin_memcpy(ethernet->h_dest, ethernet->h_source, ETH_ALEN);
  __builtin_memcpy(ethernet->h_source, mac, ETH_ALEN);
  int is_v6 = protocol == IPPROTO_ICMPV6;
  if (is_v6) {
    struct ipv6hdr *ip = (void *)(ethernet + 1);
    if ((void *)(ip + 1) > end) return HOOK_DROP;
    struct in6_addr source = ip->saddr;
    ip->saddr = ip->daddr;
    ip->daddr = source;
    ip->hop_limit = 64;
  } else {
    struct iphdr *ip = (void *)(ethernet + 1);
    if ((void *)(ip + 1) > end) return HOOK_DROP;
    __be32 source = ip->saddr;
    ip->saddr = ip->daddr;
    ip->daddr = source;
    // Time to live and protocol are one word of the sum.
    __be16 before = *(__be16 *)&ip->ttl;
    ip->ttl = 64;
    add_to_checksum(&ip->check, difference16(before, *(__be16 *)&ip->ttl));
  }
  __be16 before = bpf_htons((is_v6 ? ICMPV6_ECHO : ICMP_ECHO) << 8);
  __be16 after = bpf_htons((is_v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY) << 8);
  *type = is_v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY;
  count(COUNT_ECHO_ANSWERED);
  return correct_checksum(context, at + offsetof(struct icmp6hdr, icmp6_cksum), 0, before, after, 0) ? HOOK_DROP : leave_by(own.interface);
}

// A header is cut off.
INLINE int malformed(void) {
  count(COUNT_MALFORMED);
  return HOOK_DROP;
}

// Nothing of ours: across, as it is.
INLINE int pass_across(void) {
  count(COUNT_PASSED);
  return leave_by(own.opposite);
}

INLINE int balance_ipv4(hook_context *context, struct packet *packet) {
  void *data = (void *)(long)context->data;
  void *end = (void *)(long)context->data_end;
  struct iphdr *ip = data + sizeof(struct ethhdr);
  if ((void *)(ip + 1) > end || ip->ihl < 5) return malformed();
  struct flow_key4 key = {.source = ip->saddr, .target = ip->daddr, .protocol = ip->protocol};
  packet->bytes = bpf_ntohs(ip->tot_len);
  packet->payload_at = sizeof(struct ethhdr) + ip->ihl * 4;
  if (ip->frag_off & bpf_htons(0x3fff)) {
    count(COUNT_FRAGMENT);
    return pass_across();
  }
  int read = read_ports(context, packet, key.protocol, &key.source_port, &key.target_port);
  if (read <= 0) return read < 0 ? malformed() : pass_across();
  struct replacement4 by = {};
  int fate = balance4(&key, packet, &by);
  if (fate == FATE_ECHO) return answer_echo(context, packet, key.protocol);
  if (fate == FATE_DROP) return HOOK_DROP;
  if (fate == FATE_FOREIGN) return pass_across();
  return replace4(context, packet, key.protocol, &by) < 0 ? malformed() : leave_by(own.opposite);
}

INLINE int balance_ipv6(hook_context *context, struct packet *packet) {
  void *data = (void *)(long)context->data;
  void *end = (void *)(long)context->data_end;
  struct ipv6hdr *ip = data + sizeof(struct ethhdr);
  if ((void *)(ip + 1) > end) return malformed();
  struct flow_key6 key = {.protocol = ip->nexthdr};
  __builtin_memcpy(key.source, &ip->saddr, 16);
  __builtin_memcpy(key.target, &ip->daddr, 16);
  packet->bytes = bpf_ntohs(ip->payload_len) + sizeof *ip;
  packet->payload_at = sizeof(struct ethhdr) + sizeof *ip;
  int read = read_ports(context, packet, key.protocol, &key.source_port, &key.target_port);
  if (read <= 0) return read < 0 ? malformed() : pass_across();
  struct replacement6 by = {};
  int fate = balance6(&key, packet, &by);
  if (fate == FATE_ECHO) return answer_echo(context, packet, key.protocol);
  if (fate == FATE_DROP) return HOOK_DROP;
  if (fate == FATE_FOREIGN) return pass_across();
  return replace6(context, packet, key.protocol, &by) < 0 ? malformed() : leave_by(own.opposite);
}

// Enough for the headers of every packet that is looked into.
#define HEADER_BYTES 134

SEC(HOOK)
int packet(hook_context *context) {
#ifndef XDP
  // Headers may lie in pages of their own.
  __u32 needed = context->len < HEADER_BYTES ? context->len : HEADER_BYTES;
  if (context->data_end - context->data < needed) bpf_skb_pull_data(context, needed);
#endif
  void *data = (void *)(long)context->data;
  void *end = (void *)(long)context->data_end;
  struct ethhdr *ethernet = data;
  if ((void *)(ethernet + 1) > end) return malformed();
  struct packet found = {};
  if (ethernet->h_proto == bpf_htons(ETH_P_IP)) return balance_ipv4(context, &found);
  if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) return balance_ipv6(context, &found);
  return pass_across();
}

const char license_text[] SEC("license") = "GPL";
