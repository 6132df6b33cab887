/** Reads files with the original's names, ours or the original's own, as far as they can be read. */
import { createHash } from "node:crypto";
import {
  applicationsDocument,
  modelMetadataDocument,
  stacksDocument,
  type HostSnapshot,
  type StackSnapshot,
} from "../../../core/redirect/documents/gateway_files.ts";
import { readJsonText, type DocumentKind } from "../../../core/redirect/documents/kind.ts";
import {
  gatewayListsDocument,
  namedListsDocument,
  withEncodedValues,
  type NamedListSet,
} from "../../../core/redirect/documents/named_lists.ts";
import { documentProblemText } from "../../../core/redirect/documents/reading.ts";
import {
  rulesDocument,
  selectServerDocument,
  urlRulesDocument,
} from "../../../core/redirect/documents/rule_documents.ts";
import { readRollouts } from "../../../core/redirect/documents/rollouts.ts";
import {
  settingsDocument,
  type RedirectSettings,
} from "../../../core/redirect/documents/service_documents.ts";
import { whitelistDocument } from "../../../core/redirect/documents/whitelist.ts";
import type { Host, StackHosts } from "../../../core/redirect/hosts.ts";
import type { Rollout } from "../../../core/redirect/model.ts";
import { weightOf, type WeightOptions } from "../discovery/registration.ts";
import { readXml } from "../documents/xml.ts";
import { APPLICATION_FILES, folderOf, GLOBAL_FILES, type KnownModel } from "./content.ts";

export interface ReadOptions extends WeightOptions {
  /** Their hosts are read from their own files where they have them, those of others from the common one. */
  readonly static_applications: ReadonlySet<string>;
  /** Of one file. */
  readonly max_file_bytes: number;
}

/** What was found; null = it stands in no file that can be read. */
export interface ReadContent {
  readonly applications: readonly string[] | null;
  readonly models: ReadonlyMap<string, KnownModel>;
  readonly lists: NamedListSet | null;
  readonly stacks: ReadonlyMap<string, readonly StackHosts[]> | null;
  readonly settings: RedirectSettings | null;
  /** Sentences about what cannot be used. */
  readonly problems: readonly string[];
}

/** Problems of one file that are told. */
const MOST_PROBLEMS = 10;

/** `files` by name, such as `a1/selectserver.xml`. */
export function readContent(files: ReadonlyMap<string, Uint8Array>, options: ReadOptions): ReadContent {
  return new ContentReader(files, options).read();
}

class ContentReader {
  readonly #files: ReadonlyMap<string, Uint8Array>;
  readonly #options: ReadOptions;
  readonly #problems: string[] = [];

  constructor(files: ReadonlyMap<string, Uint8Array>, options: ReadOptions) {
    this.#files = files;
    this.#options = options;
  }

  read(): ReadContent {
    const applications = this.#document(GLOBAL_FILES.applications, applicationsDocument);
    const models = new Map<string, KnownModel>();
    for (const application of applications ?? this.#foldersWithModels()) {
      const known = this.#model(application);
      if (known !== null) models.set(application, known);
    }
    return {
      applications: applications ?? (models.size > 0 ? [...models.keys()] : null),
      models,
      lists: this.#lists(),
      stacks: this.#stacks(applications ?? [...models.keys()]),
      settings: this.#document(GLOBAL_FILES.settings, settingsDocument),
      problems: this.#problems,
    };
  }

  /** Null where there is none, or none that can be read; then a problem says so. */
  #document<Value>(name: string, kind: DocumentKind<Value>): Value | null {
    const bytes = this.#files.get(name);
    if (bytes === undefined) return null;
    const limits = { max_model_bytes: this.#options.max_file_bytes };
    const isXml = name.endsWith(".xml");
    const { value, problems } = isXml ? readXml(kind, [bytes], limits) : readJsonText(kind, [bytes], limits);
    for (const problem of problems.slice(0, MOST_PROBLEMS))
      this.#problems.push(`${name}: ${documentProblemText(problem)}`);
    if (problems.length > MOST_PROBLEMS)
      this.#problems.push(`${name}: has ${problems.length - MOST_PROBLEMS} more problems`);
    return value;
  }

  /** Names of applications by their folders, where no file lists them. */
  #foldersWithModels(): string[] {
    return [...this.#files.keys()]
      .filter((name) => name.endsWith(`/${APPLICATION_FILES.rules}`))
      .flatMap((name) => {
        const folder = name.slice(0, name.indexOf("/"));
        try {
          return [decodeURIComponent(folder)];
        } catch {
          return [folder];
        }
      });
  }

  #model(application: string): KnownModel | null {
    const folder = folderOf(application);
    const needed = [APPLICATION_FILES.rules, APPLICATION_FILES.url_rules, APPLICATION_FILES.whitelist];
    const missing = needed.filter((name) => !this.#files.has(`${folder}/${name}`));
    // An application may be known and have no model yet.
    if (missing.length === needed.length) return null;
    if (missing.length > 0) {
      this.#problems.push(`${folder}: ${missing.join(" and ")} is missing, so the application has no model`);
      return null;
    }
    const selected = this.#document(`${folder}/${APPLICATION_FILES.rules}`, selectServerDocument);
    const urls = this.#document(`${folder}/${APPLICATION_FILES.url_rules}`, urlRulesDocument);
    const whitelist = this.#document(`${folder}/${APPLICATION_FILES.whitelist}`, whitelistDocument);
    if (selected === null || urls === null || whitelist === null) return null;
    const templates = this.#either(folder, "rule_templates", rulesDocument);
    const urlTemplates = this.#either(folder, "url_rule_templates", urlRulesDocument);
    return {
      version: this.#document(`${folder}/${APPLICATION_FILES.version}`, modelMetadataDocument) ?? 0,
      model: {
        default_server: selected.distribution?.default_server ?? null,
        distribution: selected.distribution?.shares ?? [],
        rules: selected.rules,
        rule_templates: templates ?? [],
        url_rules: urls.rules,
        url_rule_templates: urlTemplates?.rules ?? [],
        default_url: urls.default_url,
        whitelist,
        rollouts: this.#rollouts(`${folder}/${APPLICATION_FILES.rollouts}`),
      },
    };
  }

  #rollouts(name: string): readonly Rollout[] {
    const bytes = this.#files.get(name);
    if (bytes === undefined) return [];
    let read: readonly Rollout[] | string;
    try {
      read = readRollouts(JSON.parse(new TextDecoder().decode(bytes)));
    } catch {
      read = "is not JSON";
    }
    if (typeof read !== "string") return read;
    this.#problems.push(`${name}: ${read}`);
    return [];
  }

  /** Our file, or the one that the original's bundles have in its place. */
  #either<Value>(
    folder: string,
    file: "rule_templates" | "url_rule_templates",
    kind: DocumentKind<Value>,
  ): Value | null {
    const own = this.#document(`${folder}/${APPLICATION_FILES[file]}`, kind);
    return own ?? this.#document(`${folder}/${APPLICATION_FILES[`${file}_json`]}`, kind);
  }

  /** What clients send for a value of an ENCODED list is computed where the file has plain values only. */
  #lists(): NamedListSet | null {
    const full = this.#document(GLOBAL_FILES.full_lists, namedListsDocument);
    if (full !== null)
      return { version: full.version, lists: full.lists.map((list) => withEncodedValues(list, md5)) };
    const known = this.#document(GLOBAL_FILES.lists, gatewayListsDocument);
    if (known === null) return null;
    const lists = known.lists.map(({ name, texts }) => ({
      name,
      description: null,
      type: "TEXT" as const,
      version: 0,
      values: texts.map((value) => ({ value, encoded: null })),
    }));
    return { version: known.version, lists };
  }

  #stacks(applications: readonly string[]): ReadonlyMap<string, readonly StackHosts[]> | null {
    const shared = this.#document(GLOBAL_FILES.stacks, stacksDocument);
    const common = Map.groupBy(shared ?? [], ({ path }) => path.slice(path.lastIndexOf("/") + 1));
    const found = new Map([...common].map(([name, stacks]) => [name, this.#stacksOf(stacks)] as const));
    let isAny = shared !== null;
    for (const application of applications) {
      const isWanted = this.#options.static_applications.has(application) || !found.has(application);
      const name = `${folderOf(application)}/${APPLICATION_FILES.stacks}`;
      const own = isWanted ? this.#document(name, stacksDocument) : null;
      if (own === null) continue;
      found.set(application, this.#stacksOf(own));
      isAny = true;
    }
    return isAny ? found : null;
  }

  #stacksOf(snapshots: readonly StackSnapshot[]): StackHosts[] {
    return snapshots.map(({ path, hosts }) => {
      const [, datacenter, zone, flavor = ""] = path.split("/");
      return {
        stack: `/${datacenter}/${zone}`,
        flavor,
        hosts: hosts.map((host) => this.#hostOf(path, host)),
      };
    });
  }

  #hostOf(path: string, { id, ipv4, ipv6, weight }: HostSnapshot): Host {
    const own = id ?? ipv4 ?? ipv6 ?? "";
    return {
      key: own.startsWith("/") ? own : `${path}/${own}`,
      ipv4,
      ipv6,
      weight: weightOf(weight, this.#options).weight,
    };
  }
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}
