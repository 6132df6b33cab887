/** Environment variables of the simulation. */

/** The one seed to run. */
export const SEED_VARIABLE = "FAIRLEAD_SEED";
/** The seed that the nightly run begins with, and its time in milliseconds. */
export const FIRST_SEED_VARIABLE = "FAIRLEAD_FIRST_SEED";
export const BUDGET_VARIABLE = "FAIRLEAD_SIMULATION_MS";
