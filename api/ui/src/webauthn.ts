/**
 * Passkeys: creation and assertion with user verification, and the secret of
 * the PRF extension that opens a store. All binary fields are base64url.
 */

export function toBase64url(bytes: ArrayBuffer | Uint8Array): string {
  const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)
  let text = ''
  for (const b of view) text += String.fromCharCode(b)
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Throws for what is not base64url. */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new Error('not base64url')
  const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(bytes, (c) => c.charCodeAt(0))
}

/** Why there is no passkey: the person or the device said no, the device cannot, or something failed. */
export class PasskeyError extends Error {
  constructor(
    readonly code: 'cancelled' | 'unsupported' | 'noPRF' | 'alreadyThere' | 'failed',
    says: string,
  ) {
    super(says)
    this.name = 'PasskeyError'
  }
}

/** Whether this device can verify its user for a passkey of its own. */
export async function passkeysAvailable(): Promise<boolean> {
  if (typeof PublicKeyCredential === 'undefined') return false
  try {
    return await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()
  } catch {
    return false
  }
}

export interface NewPasskey {
  credentialId: string
  attestationObject: string
  clientDataJSON: string
  /** 32 bytes, the same at every later use; undefined if the authenticator has no PRF. */
  prf?: Uint8Array
}

export interface CreateOptions {
  rpName: string
  userName: string
  /** A domain that the page is in; its host if not said. */
  rpId?: string
  displayName?: string
  /** base64url, at most 64 bytes; random if not said. */
  userId?: string
  /** base64url; random if nobody checks it. */
  challenge?: string
  /** Credential ids of passkeys that must not be replaced. */
  exclude?: string[]
}

/**
 * Makes a passkey on this device: discoverable, with user verification, ES256 or
 * EdDSA. Some authenticators give the PRF's output only at the first use; it is
 * then asked for at once, which the person sees as a second prompt.
 */
export async function createPasskey(o: CreateOptions): Promise<NewPasskey> {
  const publicKey: PublicKeyCredentialCreationOptions = {
    rp: { name: o.rpName, ...(o.rpId && { id: o.rpId }) },
    user: { id: o.userId ? fromBase64url(o.userId) : random(16), name: o.userName, displayName: o.displayName ?? o.userName },
    challenge: o.challenge ? fromBase64url(o.challenge) : random(32),
    pubKeyCredParams: [
      { type: 'public-key', alg: -7 },
      { type: 'public-key', alg: -8 },
    ],
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    attestation: 'none',
    excludeCredentials: descriptors(o.exclude ?? []),
    extensions: { prf: { eval: { first: await prfSalt() } } },
  }
  const credential = await ask(() => navigator.credentials.create({ publicKey }))
  const response = credential.response as AuthenticatorAttestationResponse
  const made: NewPasskey = {
    credentialId: toBase64url(credential.rawId),
    attestationObject: toBase64url(response.attestationObject),
    clientDataJSON: toBase64url(response.clientDataJSON),
  }
  const { prf } = credential.getClientExtensionResults()
  if (prf?.results?.first) return { ...made, prf: bytesOf(prf.results.first) }
  if (!prf?.enabled) return made
  const { prf: secret } = await getPasskey({ credentialIds: [made.credentialId], rpId: o.rpId, prf: true })
  return { ...made, prf: secret }
}

export interface Assertion {
  credentialId: string
  authenticatorData: string
  clientDataJSON: string
  signature: string
  userHandle?: string
  /** 32 bytes, if asked for. */
  prf?: Uint8Array
}

export interface GetOptions {
  /** Empty or not given: any passkey of this page. */
  credentialIds?: string[]
  /** base64url; random if the signature is not used. */
  challenge?: string
  rpId?: string
  /** The PRF's output is needed; without it there is an error. */
  prf?: boolean
  signal?: AbortSignal
}

/** Has the person confirm with a passkey and returns the signed fields as they came. */
export async function getPasskey(o: GetOptions): Promise<Assertion> {
  const publicKey: PublicKeyCredentialRequestOptions = {
    challenge: o.challenge ? fromBase64url(o.challenge) : random(32),
    allowCredentials: descriptors(o.credentialIds ?? []),
    userVerification: 'required',
    ...(o.rpId && { rpId: o.rpId }),
    ...(o.prf && { extensions: { prf: { eval: { first: await prfSalt() } } } }),
  }
  const credential = await ask(() => navigator.credentials.get({ publicKey, ...(o.signal && { signal: o.signal }) }))
  const response = credential.response as AuthenticatorAssertionResponse
  const secret = credential.getClientExtensionResults().prf?.results?.first
  if (o.prf && !secret) throw new PasskeyError('noPRF', 'this passkey gives no secret (PRF)')
  return {
    credentialId: toBase64url(credential.rawId),
    authenticatorData: toBase64url(response.authenticatorData),
    clientDataJSON: toBase64url(response.clientDataJSON),
    signature: toBase64url(response.signature),
    ...(response.userHandle?.byteLength && { userHandle: toBase64url(response.userHandle) }),
    ...(secret && { prf: bytesOf(secret) }),
  }
}

// The same at every page and version: another salt would be another secret.
async function prfSalt(): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', new TextEncoder().encode('medunion store v1'))
}

function random(n: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(n))
}

function descriptors(ids: string[]): PublicKeyCredentialDescriptor[] {
  return ids.map((id) => ({ type: 'public-key', id: fromBase64url(id) }))
}

// A copy: what the browser hands out may be shared with the page's other code.
function bytesOf(source: BufferSource): Uint8Array {
  return source instanceof ArrayBuffer ? new Uint8Array(source.slice(0)) : new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength).slice()
}

async function ask(f: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  if (typeof navigator === 'undefined' || !navigator.credentials || typeof PublicKeyCredential === 'undefined') {
    throw new PasskeyError('unsupported', 'this browser has no passkeys here')
  }
  try {
    const credential = await f()
    if (credential) return credential as PublicKeyCredential
  } catch (e) {
    throw reason(e)
  }
  throw new PasskeyError('failed', 'the browser returned no passkey')
}

const codes: Record<string, PasskeyError['code']> = {
  NotAllowedError: 'cancelled', // also when the time is over or no passkey fits
  AbortError: 'cancelled',
  InvalidStateError: 'alreadyThere',
  NotSupportedError: 'unsupported',
  SecurityError: 'unsupported', // the page's address can have no passkeys
}

function reason(e: unknown): PasskeyError {
  const name = e instanceof Error || e instanceof DOMException ? e.name : ''
  return new PasskeyError(codes[name] ?? 'failed', e instanceof Error ? e.message : String(e))
}
