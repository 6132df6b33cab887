import type { Subject } from "../subject.ts";
import { fairlead } from "./fairlead.ts";
import { haproxy } from "./haproxy.ts";
import { nginx } from "./nginx.ts";

export const SUBJECTS: readonly Subject[] = [fairlead, nginx, haproxy];
