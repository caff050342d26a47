import { createPasskey, fromBase64url, getPasskey, PasskeyError, passkeysAvailable, toBase64url } from '@medunion/ui/webauthn'
import { Problem } from '../api/client.ts'
import type { Approval, Assertion, NewPasskey, PasskeyChallenge, Status } from '../api/types.ts'

const codes: Record<PasskeyError['code'], string> = {
  cancelled: 'passkey-cancelled',
  unsupported: 'passkey-unavailable',
  noPRF: 'passkey-no-prf',
  alreadyThere: 'passkey-exists',
  failed: 'passkey-other',
}

/** What the device's or browser's refusal means to a person. */
async function ceremony<T>(f: () => Promise<T>): Promise<T> {
  try {
    return await f()
  } catch (e) {
    if (e instanceof Problem) throw e
    throw new Problem('page', e instanceof PasskeyError ? codes[e.code] : 'passkey-other', String(e))
  }
}

/** A passkey needs the page's own name to be the one that the agent expects, and a secure context. */
export async function passkeysWork(): Promise<boolean> {
  return isSecureContext && (await passkeysAvailable())
}

/** Has the device make a passkey; without `prf`, it cannot open the store. */
export function newPasskey(c: PasskeyChallenge): Promise<NewPasskey> {
  return ceremony(async () => {
    const made = await createPasskey({
      rpName: c.rpName, rpId: c.rpId, userName: c.user.name, displayName: c.user.displayName, userId: c.user.id, challenge: c.challenge,
    })
    const { prf, ...fields } = made
    return prf === undefined ? fields : { ...fields, prf: toBase64url(prf) }
  })
}

/** What opens the store: the secret that the passkey gives only to its owner. */
export function unlockSecret(s: Status): Promise<string> {
  return ceremony(async () => {
    if (s.passkey === undefined) throw new PasskeyError('unsupported', 'the store has no passkey')
    const { prf } = await getPasskey({ credentialIds: [s.passkey.credentialId], rpId: s.passkey.rpId, prf: true })
    if (prf === undefined) throw new PasskeyError('noPRF', 'no PRF output')
    return toBase64url(prf)
  })
}

/** Has the device sign the challenge of an approval: exactly this consent. */
export function assertion(a: Approval): Promise<Assertion> {
  return ceremony(async () => {
    if (a.passkey === undefined) throw new PasskeyError('unsupported', 'the approval names no passkey')
    const { credentialId, authenticatorData, clientDataJSON, signature } = await getPasskey({
      credentialIds: [a.passkey.credentialId], rpId: a.passkey.rpId, challenge: a.challenge,
    })
    return { credentialId, authenticatorData, clientDataJSON, signature }
  })
}

/** The challenge in hex, as the consent's technical detail shows it. */
export const hexOf = (base64url: string) => [...fromBase64url(base64url)].map((b) => b.toString(16).padStart(2, '0')).join('')
