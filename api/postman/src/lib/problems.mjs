// The kinds of problem (RFC 9457) and their status, as section 16 of api/doc/protocol.md has
// them.
export const problems = {
  invalid: { status: 400 },
  unauthenticated: { status: 401 },
  refused: { status: 403 },
  "not-found": { status: 404 },
  "method-not-allowed": { status: 405 },
  conflict: { status: 409 },
  "too-large": { status: 413 },
  "unsupported-media-type": { status: 415 },
  stale: { status: 422 },
  "too-many": { status: 429 },
};
