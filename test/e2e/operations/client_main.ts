/** The clients of the load in a process of its own: many requests at a rate, two streams, and no second try for anything. */
import { LoadClient } from "./load_client.ts";
import { KeptStream } from "./kept_stream.ts";
import type { FromClient, ToClient } from "./messages.ts";

const say = (message: FromClient): void => void process.send?.(message);
const client = new LoadClient((failure) => say({ type: "failure", failure }));
const streams: KeptStream[] = [];

async function receive(message: ToClient): Promise<void> {
  switch (message.type) {
    case "start":
      client.start(message.plain, message.secure, message.ratePerSecond);
      for (const kind of ["websocket", "events"] as const)
        streams.push(new KeptStream(kind, message.plain.port, (end) => say({ type: "stream_end", end })));
      return;
    case "visit":
      client.visit(message.target, message.ratePerSecond);
      return;
    case "leave":
      await client.leave(message.forMs);
      say({ type: "visit_over" });
      return;
    case "stop": {
      const report = await client.stop();
      const [websockets, events] = streams.map((stream) => stream.stop());
      say({ type: "report", ...report, streams: { websockets: websockets!, events: events! } });
    }
  }
}

process.on("message", (message) => void receive(message as ToClient));
process.on("disconnect", () => process.exit(0));
