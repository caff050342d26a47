import { createHash, webcrypto } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { createPasskey, fromBase64url, getPasskey, PasskeyError, passkeysAvailable, toBase64url } from '../src/webauthn.ts'

const bytes = (...b: number[]) => Uint8Array.from(b).buffer
const salt = createHash('sha256').update('medunion store v1').digest('hex')
const secret = new Uint8Array(32).fill(7).buffer

// The browser's side of the interface; a real authenticator is in the end-to-end tests.
function browser(credentials: object) {
  vi.stubGlobal('crypto', webcrypto)
  vi.stubGlobal('PublicKeyCredential', { isUserVerifyingPlatformAuthenticatorAvailable: async () => true })
  vi.stubGlobal('navigator', { credentials })
}
afterEach(() => vi.unstubAllGlobals())

const made = (prf: object) => ({ rawId: bytes(1, 2), response: { attestationObject: bytes(3), clientDataJSON: bytes(4) }, getClientExtensionResults: () => ({ prf }) })
const asserted = (prf?: object) => ({ rawId: bytes(1, 2), response: { authenticatorData: bytes(5), clientDataJSON: bytes(6), signature: bytes(255, 254), userHandle: null }, getClientExtensionResults: () => ({ prf }) })

test('base64url there and back, and nothing else', () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i)
  expect(toBase64url(all)).toBe(Buffer.from(all).toString('base64url'))
  expect([...fromBase64url(toBase64url(all))]).toEqual([...all])
  for (const bad of ['a+b', 'a/b', 'ab==', 'a b']) expect(() => fromBase64url(bad)).toThrow()
})

test('a new passkey must verify its user and gets the salt of the store', async () => {
  const create = vi.fn(async (_: CredentialCreationOptions) => made({ enabled: true, results: { first: secret } }))
  browser({ create })
  const key = await createPasskey({ rpName: 'medunion', userName: 'dr' })
  expect(key).toEqual({ credentialId: 'AQI', attestationObject: 'Aw', clientDataJSON: 'BA', prf: new Uint8Array(32).fill(7) })
  const asked = create.mock.calls[0]![0].publicKey!
  expect(asked.authenticatorSelection).toMatchObject({ userVerification: 'required', residentKey: 'required' })
  expect(Buffer.from(asked.extensions!.prf!.eval!.first as ArrayBuffer).toString('hex')).toBe(salt)
})

test('an authenticator that gives the secret only at the first use is asked again', async () => {
  const get = vi.fn(async () => asserted({ results: { first: secret } }))
  browser({ create: async () => made({ enabled: true }), get })
  expect((await createPasskey({ rpName: 'm', userName: 'u' })).prf).toHaveLength(32)
  expect(get).toHaveBeenCalledTimes(1)
})

test('without PRF a new passkey has no secret', async () => {
  browser({ create: async () => made({}) })
  expect((await createPasskey({ rpName: 'm', userName: 'u' })).prf).toBeUndefined()
})

test('an assertion comes back as it was signed, over the challenge given', async () => {
  const get = vi.fn(async (_: CredentialRequestOptions) => asserted())
  browser({ get })
  const a = await getPasskey({ credentialIds: ['AQI'], challenge: 'AAEC' })
  expect(a).toEqual({ credentialId: 'AQI', authenticatorData: 'BQ', clientDataJSON: 'Bg', signature: '__4' })
  const asked = get.mock.calls[0]![0].publicKey!
  expect([...new Uint8Array(asked.challenge as ArrayBuffer)]).toEqual([0, 1, 2])
  expect(asked.userVerification).toBe('required')
})

test('a needed secret that does not come is an error', async () => {
  browser({ get: async () => asserted({}) })
  await expect(getPasskey({ prf: true })).rejects.toMatchObject({ code: 'noPRF' })
})

test.each([
  ['NotAllowedError', 'cancelled'],
  ['InvalidStateError', 'alreadyThere'],
  ['SecurityError', 'unsupported'],
  ['UnknownError', 'failed'],
])('%s is %s', async (name, code) => {
  browser({ get: async () => Promise.reject(new DOMException('no', name)) })
  const e = await getPasskey({}).catch((x: unknown) => x)
  expect(e).toBeInstanceOf(PasskeyError)
  expect((e as PasskeyError).code).toBe(code)
})

test('where there are no passkeys it says so', async () => {
  vi.stubGlobal('navigator', {})
  expect(await passkeysAvailable()).toBe(false)
  await expect(getPasskey({})).rejects.toMatchObject({ code: 'unsupported' })
})
