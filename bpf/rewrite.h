// SPDX-License-Identifier: GPL-2.0
// Checksums of what is rewritten. On tc a checksum may be unfinished (its sender leaves that to hardware), which the kernel's helpers
// know about; on XDP the difference is added here.
#pragma once

#include "hook.h"
#include "choose.h"

INLINE __u16 folded(__u64 sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16);
}

// RFC 1624, equation 3.
INLINE void add_to_checksum(__u16 *checksum, __u64 difference) {
  *checksum = ~folded((__u64)(__u16)~*checksum + difference);
}

INLINE __u64 difference32(__be32 before, __be32 after) {
  return (__u64)(__u32)~before + after;
}

INLINE __u64 difference16(__be16 before, __be16 after) {
  return (__u64)(__u16)~before + after;
}

// Corrects the checksum at `at` from the start of the frame. `address`: difference of what stands in the pseudo header too. A UDP
// checksum of 0 stands for none and stays; one that becomes 0 is sent as 0xffff (RFC 768).
INLINE int correct_checksum(hook_context *context, __u32 at, __u64 address, __be16 port_before, __be16 port_after, int is_udp) {
#ifdef XDP
  void *data = (void *)(long)context->data;
  void *end = (void *)(long)context->data_end;
  __u16 *checksum = data + (at & 0x1ff);
  if ((void *)(checksum + 1) > end) return -1;
  if (is_udp && *checksum == 0) return 0;
  add_to_checksum(checksum, address + difference16(port_before, port_after));
  if (is_udp && *checksum == 0) *checksum = 0xffff;
  return 0;
#else
  __u64 flags = is_udp ? BPF_F_MARK_MANGLED_0 : 0;
  if (bpf_l4_csum_replace(context, at, 0, folded(address), flags | BPF_F_PSEUDO_HDR)) return -1;
  if (port_before != port_after && bpf_l4_csum_replace(context, at, port_before, port_after, flags | 2)) return -1;
  return 0;
#endif
}
