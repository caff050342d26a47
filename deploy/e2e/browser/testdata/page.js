const says = document.getElementById('says')
const say = (text) => { says.textContent = text }
document.querySelectorAll('section').forEach((s) => s.querySelector('button').addEventListener('click', () => say('saved in ' + s.querySelector('h2').textContent)))
document.getElementById('file').addEventListener('change', async (e) => say('read ' + (await e.target.files[0].text())))
setTimeout(() => { document.getElementById('later').disabled = false }, 300)
document.getElementById('later').addEventListener('click', () => say('now'))
document.getElementById('passkey').addEventListener('click', async () => {
  try {
    const c = await navigator.credentials.create({ publicKey: {
      rp: { name: 'test' }, user: { id: new Uint8Array(8), name: 'u', displayName: 'u' }, challenge: new Uint8Array(32),
      pubKeyCredParams: [{ type: 'public-key', alg: -7 }], authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      extensions: { prf: { eval: { first: new Uint8Array(32) } } } } })
    const a = await navigator.credentials.get({ publicKey: { challenge: new Uint8Array(32), userVerification: 'required',
      allowCredentials: [{ type: 'public-key', id: c.rawId }], extensions: { prf: { eval: { first: new Uint8Array(32) } } } } })
    say('PRF of ' + a.getClientExtensionResults().prf.results.first.byteLength + ' bytes')
  } catch (e) { say(e.name) }
})
