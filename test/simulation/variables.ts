/** Environment variables of the simulation; not FAIRLEAD_…, which the programs that tests start would take for settings. */

/** The one seed to run. */
export const SEED_VARIABLE = "SIMULATION_SEED";
/** The seed that the nightly run begins with, and its time in milliseconds. */
export const FIRST_SEED_VARIABLE = "SIMULATION_FIRST_SEED";
export const BUDGET_VARIABLE = "SIMULATION_MS";
