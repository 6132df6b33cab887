/** Where the management service stands, and where clients of the original look for it. */
export const SERVICE_PREFIXES = ["/admin/redirect/", "/redirectorWebService/data/"] as const;
