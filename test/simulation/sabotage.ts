/** Faults that are put in on purpose, to see that the simulation finds them. */
import { ClientConnection } from "../../src/net/h1/client.ts";
import { BackendConnections } from "../../src/planes/http/backend_connections.ts";

export const SABOTAGES = [
  "loses_a_byte",
  "repeats_posts",
  "reuses_cut_connections",
  "forgets_connections",
] as const;
export type Sabotage = "none" | (typeof SABOTAGES)[number];

/** Runs `run` while the fault is in; those of the network and of the plan are put in where these are made. */
export function withSabotage<Result>(sabotage: Sabotage, run: () => Result): Result {
  if (sabotage === "reuses_cut_connections") {
    // A connection whose answer nobody wants any more goes back to the others before its bytes have come.
    const { abort } = ClientConnection.prototype;
    ClientConnection.prototype.abort = function (this: ClientConnection): void {
      if (this.answering && this.connected) {
        this.exchange = null;
        this.owner.idle(this);
      } else abort.call(this);
    };
    try {
      return run();
    } finally {
      ClientConnection.prototype.abort = abort;
    }
  }
  if (sabotage === "forgets_connections") {
    const { idle } = BackendConnections.prototype;
    BackendConnections.prototype.idle = function (
      this: BackendConnections,
      connection: ClientConnection,
    ): void {
      if (connection.served % 3 !== 0) idle.call(this, connection);
    };
    try {
      return run();
    } finally {
      BackendConnections.prototype.idle = idle;
    }
  }
  return run();
}
