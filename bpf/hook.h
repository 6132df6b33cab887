// SPDX-License-Identifier: GPL-2.0
// The one difference between the places where packets are met: sources are compiled once for tc and, with -DXDP, once for XDP.
#pragma once

#ifdef XDP
#define HOOK "xdp"
#define HOOK_PASS XDP_PASS
#define HOOK_DROP XDP_DROP
typedef struct xdp_md hook_context;
#else
#define HOOK "tc"
#define HOOK_PASS TC_ACT_OK
#define HOOK_DROP TC_ACT_SHOT
typedef struct __sk_buff hook_context;
#endif
