/** What those get who are not let in. */
import { ServiceError } from "../service_error.ts";

const CHALLENGE = 'WWW-Authenticate: Bearer realm="fairlead"';

/** 401 for a request that shows nothing. */
export function missingCredentials(message: string): ServiceError {
  return new ServiceError(401, message, { fields: `${CHALLENGE}\r\n` });
}

/** 401 for a request that shows what is not good. `message` must not quote it. */
export function badCredentials(message: string): ServiceError {
  return new ServiceError(401, message, { fields: `${CHALLENGE}, error="invalid_token"\r\n` });
}
