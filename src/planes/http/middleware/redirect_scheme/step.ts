import { NEXT } from "../../../../net/exchange.ts";
import type { Middleware } from "../contract.ts";
import { redirect, withoutPort } from "../redirect.ts";
import type { RedirectSchemeOptions } from "./schema.ts";

export const redirectScheme: Middleware<RedirectSchemeOptions> = {
  name: "redirect_scheme",
  create({ scheme, port, permanent }) {
    const secure = scheme === "https";
    const usual = secure ? 443 : 80;
    const portText = port === undefined || port === usual ? "" : `:${port}`;
    return {
      name: "redirect_scheme",
      pure: true,
      stage: "redirect",
      onRequest(exchange) {
        if (exchange.secure === secure) return NEXT;
        const host = withoutPort(exchange.authority);
        if (host === "") return exchange.fail("FL_BAD_HOST", "no host to redirect to");
        return redirect(exchange, `${scheme}://${host}${portText}${exchange.target}`, permanent);
      },
    };
  },
};
