import { createPasskey, getPasskey, PasskeyError, passkeysAvailable } from '@medunion/ui/webauthn'
import type { Opener } from './practice.ts'

export { PasskeyError }

/** Whether the browser has passkeys at all, and whether this device itself can be one. */
export async function passkeySupport(): Promise<'none' | 'elsewhere' | 'here'> {
  if (typeof PublicKeyCredential === 'undefined') return 'none'
  return (await passkeysAvailable()) ? 'here' : 'elsewhere'
}

/** Makes a passkey that opens this browser's store; those that open it already are not replaced. */
export async function newPasskey(userName: string, exclude: string[] = []): Promise<Opener> {
  const { credentialId, prf } = await createPasskey({ rpName: 'medunion', userName, exclude })
  if (!prf) throw new PasskeyError('noPRF', 'the authenticator has no PRF extension')
  return { credentialId, prf }
}

/** Has the doctor confirm with one of the passkeys that open the store. */
export async function askPasskey(credentialIds: string[]): Promise<Opener> {
  const { credentialId, prf } = await getPasskey({ credentialIds, prf: true })
  if (!prf) throw new PasskeyError('noPRF', 'the authenticator has no PRF extension')
  return { credentialId, prf }
}
