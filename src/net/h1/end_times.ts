/** How long a connection of a client is kept on its way to the end. */

/** After an answer to an unread request, input is read and dropped for this long so that the answer arrives. */
export const LINGER_MS = 2_000;

/** A request has come that the next turn of the loop reads: the connection is not idle after all. */
export const UNREAD_MS = 50;
