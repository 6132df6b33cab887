import { reserveBlock } from "../../platform/libc.ts";

/**
 * One block of memory in which heads are parsed and rebuilt. An event of the loop runs to its end before the next
 * begins, so one block serves every connection of a worker: nothing may be left in it when an event ends.
 */

/**
 * Room for a target and fields of the largest size that the configuration takes (1 MiB each), a body part that is sent
 * with them, and appended fields. What has never been used costs no memory.
 */
export const SCRATCH_BYTES = 4 * 1024 * 1024;
/** A body part up to this size is copied behind its head so that both leave in one write. */
export const JOIN_BYTES = 32 * 1024;

const block = reserveBlock(SCRATCH_BYTES + 8);
export const scratch = new Uint8Array(block.buffer);
/** Where it lies, for system calls. */
export const scratchAddress: number = block.address;
/** The same memory, four bytes at a time. */
export const scratchWords = new Int32Array(scratch.buffer, 0, SCRATCH_BYTES / 4);

/** A head is looked for in so many bytes first, so that a body behind it is not copied into the scratch block. */
export const FIRST_LOOK_BYTES = 4 * 1024;

class ScratchOwner {
  /** The bytes that stand in the scratch block at their own positions, or null. */
  bytes: Uint8Array | null = null;
}
export const scratchOwner = new ScratchOwner();
