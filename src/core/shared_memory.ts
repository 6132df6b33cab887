/** Memory that the supervisor fills once and all workers read: for documents that are too large to be copied to each. */
export interface SharedMemory {
  /** By which a document names it. */
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** No document that is published names it any more. A second call does nothing. */
  drop(): void;
}
