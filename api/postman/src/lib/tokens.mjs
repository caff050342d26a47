import { call } from "./author.mjs";

// tokenCases are the requests of an operation that come without a good token. o has the parts of
// the request, and wrongScope, otherService, expired: variables with tokens that are good for
// something else.
export function tokenCases(operation, what, { wrongScope, otherService, expired, ...o }) {
  const kinds = [
    ["without a token", { token: null, refused: "unauthenticated" }],
    ["with what is no token", { token: null, headers: { Authorization: "Bearer abcdef.abcdef.abcdef" }, refused: "unauthenticated" }],
    ["with two tokens", { token: null, headers: { Authorization: "Bearer {{adminToken}}, Bearer {{adminToken}}" }, refused: "unauthenticated" }],
    expired && ["with a token that has expired", { token: expired, refused: "unauthenticated" }],
    otherService && ["with a token for another service", { token: otherService, refused: "unauthenticated" }],
    wrongScope && ["with a good token of the wrong scope", { token: wrongScope, refused: "refused" }],
  ];
  return kinds.filter(Boolean).map(([how, more]) => call(operation, `${what} ${how}`, { ...o, ...more }));
}
