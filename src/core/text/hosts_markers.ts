/** The lines around the part of a hosts file that is kept by a program. */

export interface Markers {
  readonly begin: string;
  readonly end: string;
}

export const OWN_MARKERS: Markers = {
  begin: "# BEGIN FAIRLEAD MANAGED BLOCK",
  end: "# END FAIRLEAD MANAGED BLOCK",
};

/** Those of the original hosts redirector, whose block is taken over. */
export const ORIGINAL_MARKERS: Markers = {
  begin: "# BEGIN REDIRECTOR MANAGED BLOCK",
  end: "# END REDIRECTOR MANAGED BLOCK",
};

export const ALL_MARKERS: readonly Markers[] = [OWN_MARKERS, ORIGINAL_MARKERS];
