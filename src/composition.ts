/** The composition root: the only place that knows every part by name. Parts are loaded when a command asks for them. */
import { programCommand, workerCommand } from "./cli/main.ts";
import type { ProgramParts } from "./cli/program_parts.ts";
import { REDIRECT_STEP } from "./core/defaults.ts";
import { poolOfId } from "./core/health/members.ts";
import { VERSION } from "./core/version.ts";
import type { SupervisorMetrics } from "./observe/supervisor_metrics.ts";
import type { SupervisorFacade } from "./run/parts.ts";
import type { HostsPart } from "./planes/hosts/part.ts";
import type { RedirectPart } from "./planes/redirect/part.ts";

const programModules = () =>
  Promise.all([
    import("./planes/http/program.ts"),
    import("./planes/http/middleware/all.ts"),
    import("./planes/redirect/gateway/lazy_gateway.ts"),
    import("./core/strategies/all.ts"),
    import("./platform/clock.ts"),
  ]);

/** As the plan has them. */
interface RedirectStepOptions {
  readonly takes_body: boolean;
}

export const parts: ProgramParts = {
  async config() {
    const [strategies, probes, middlewares, stores, rules, certificates, processes] = await Promise.all([
      import("./core/strategies/all_parts.ts"),
      import("./probes/all.ts"),
      import("./planes/http/middleware/all_parts.ts"),
      import("./store/all.ts"),
      import("./core/rules/rule_problem.ts"),
      import("./platform/certificate_reader.ts"),
      import("./platform/processes.ts"),
    ]);
    const ruleChecks = new rules.RuleChecks();
    return {
      strategies: strategies.strategyParts,
      probes: probes.probes,
      middlewares: middlewares.middlewareParts,
      stores: stores.stores,
      checkRule: ruleChecks.problem,
      rulesWarning: ruleChecks.warning,
      certificates: certificates.certificateReader(Date.now),
      accounts: { user: processes.userId, group: processes.groupId },
    };
  },
  async createProgram(identity, warn, tell) {
    const [{ HttpProgram }, { createStep }, { LazyGateway }, { strategyByName }, { realClock }] =
      await programModules();
    const redirect = new LazyGateway({
      random: Math.random,
      strategy: strategyByName,
      clock: realClock,
      tell: (message) => tell("redirect", message),
    });
    return new HttpProgram(identity, {
      createStep: (kind, options, context) =>
        kind === REDIRECT_STEP
          ? redirect.step((options as RedirectStepOptions).takes_body)
          : createStep(kind, options, context),
      parts: [redirect],
      warn,
    });
  },
  loadProgram: programModules,
  async supervisor() {
    const [
      { adminParts },
      { ExplainPart },
      { HostsPart },
      makeRedirect,
      { MetricsKeeper },
      { PoolWatch },
      { realClock },
      { machineHash },
      { limitNumbers },
      { healthPart },
      { strategyByName },
    ] = await Promise.all([
      import("./admin/parts.ts"),
      import("./run/explain.ts"),
      import("./planes/hosts/part.ts"),
      redirectParts(),
      import("./observe/metrics_keeper.ts"),
      import("./observe/pool_watch.ts"),
      import("./platform/clock.ts"),
      import("./platform/machine_id.ts"),
      import("./planes/http/connection_counts.ts"),
      import("./probes/part.ts"),
      import("./core/strategies/all.ts"),
    ]);
    const metrics = new MetricsKeeper((plan) => limitNumbers(plan.listeners.length));
    const hosts: HostsPart[] = [];
    const redirects: RedirectPart[] = [];
    return {
      counters: metrics,
      parts: [
        ...adminParts({
          metrics,
          hosts: () => hosts[0]!.status(),
          mounts: () => redirects.flatMap((part) => part.mounts()),
          version: VERSION,
          runtime: `bun ${Bun.version}`,
        }),
        (supervisor) => new ExplainPart(supervisor),
        // Before the health checks, so that it hears their first results.
        (supervisor) => {
          const part = new HostsPart(supervisor, {
            clock: realClock,
            metrics: metrics.supervisor,
            strategy: strategyByName,
            random: Math.random,
            machine_hash: machineHash(),
          });
          hosts.push(part);
          return part;
        },
        (supervisor) =>
          healthPart({
            report: (event) => supervisor.report(event),
            probed(member, result, tookMs) {
              const pool = poolOfId(member.id);
              metrics.supervisor.count("probes_total", [pool, result.healthy ? "success" : "failure"]);
              metrics.supervisor.observe("probe_duration_seconds", [pool], tookMs);
              for (const part of hosts) part.probed(member, result);
            },
          })(supervisor),
        (supervisor) => {
          const part = makeRedirect(supervisor, metrics.supervisor);
          redirects.push(part);
          return part;
        },
        // Behind the health checks, whose first results it judges.
        (supervisor) => new PoolWatch(supervisor, realClock),
      ],
    };
  },
  workerCommand: workerCommand(Bun.main),
  program: programCommand(Bun.main),
};

/** Content of the files that the plan names; throws for others. */
function fileOf(supervisor: SupervisorFacade): (path: string) => string {
  return (path) => {
    const content = supervisor.snapshot().files[path];
    if (content === undefined) throw new Error(`${path} was not read`);
    return content;
  };
}

/** What makes the control side of the redirector for a supervisor. */
async function redirectParts() {
  const [
    { RedirectPart: Part },
    { AddressProbes },
    { probes },
    { realClock: clock },
    { realFiles: files },
    { SystemNames },
  ] = await Promise.all([
    import("./planes/redirect/part.ts"),
    import("./probes/address_probes.ts"),
    import("./probes/all.ts"),
    import("./platform/clock.ts"),
    import("./platform/files.ts"),
    import("./platform/names_system.ts"),
  ]);
  const random = Math.random;
  return (supervisor: SupervisorFacade, metrics: SupervisorMetrics): RedirectPart =>
    new Part(supervisor, {
      clock,
      random,
      files,
      metrics,
      names: new SystemNames({ clock }),
      async authenticator(plan) {
        const { createAuthenticator } = await import("./planes/redirect/service/access/authenticator.ts");
        return createAuthenticator(plan, { clock, fetch, report: (event) => supervisor.report(event) });
      },
      countFeedback: (result, amount) => metrics.count("redirect_feedback_total", [result], amount),
      makeProbes: (result) =>
        new AddressProbes({
          probes,
          names: new SystemNames({ clock }),
          clock,
          random,
          nextTurn: (run) => void setImmediate(run),
          readFile: fileOf(supervisor),
          result,
        }),
    });
}
