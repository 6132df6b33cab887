// SPDX-License-Identifier: GPL-2.0
// Runs another program on the same packet again and again. The kernel's own repetition hands over the packet as the last run left it,
// rewritten already: this puts its bytes back first, and gives each run another source port where the bench wants many flows.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "hook.h"

#define PACKET_BYTES 96

// In words of eight bytes, because that is how they are copied.
struct packet {
  __u64 words[PACKET_BYTES / 8];
};

struct plan {
  // Runs so far.
  __u64 runs;
  // So many flows less one, a power of two less one; 0 = one flow.
  __u64 mask;
  __u32 is_ipv6;
  __u32 zero;
};

// Where the source port stands, and the last bytes of the source address.
#define PORT_AT_4 34
#define ADDRESS_AT_4 28
#define PORT_AT_6 54
#define ADDRESS_AT_6 36

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __type(key, __u32);
  __type(value, struct packet);
  __uint(max_entries, 1);
} wrapped_packet SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __type(key, __u32);
  __type(value, struct plan);
  __uint(max_entries, 1);
} wrapper_plan SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __type(key, __u32);
  __type(value, __u32);
  __uint(max_entries, 1);
} wrapped_program SEC(".maps");

SEC(HOOK)
int wrapper(hook_context *context) {
  __u32 first = 0;
  struct packet *packet = bpf_map_lookup_elem(&wrapped_packet, &first);
  struct plan *plan = bpf_map_lookup_elem(&wrapper_plan, &first);
  void *data = (void *)(long)context->data;
  void *end = (void *)(long)context->data_end;
  if (!packet || !plan || data + PACKET_BYTES > end) return HOOK_DROP;
  __u64 *words = data;
#pragma unroll
  for (int word = 0; word < PACKET_BYTES / 8; word++) words[word] = packet->words[word];
  __u64 flow = plan->runs++ & plan->mask;
  if (plan->mask) {
    *(__u16 *)(data + (plan->is_ipv6 ? PORT_AT_6 : PORT_AT_4)) = flow;
    *(__u16 *)(data + (plan->is_ipv6 ? ADDRESS_AT_6 : ADDRESS_AT_4)) ^= flow >> 16;
  }
  bpf_tail_call(context, &wrapped_program, 0);
  return HOOK_DROP;
}

const char license_text[] SEC("license") = "GPL";
