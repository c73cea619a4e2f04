import { createPrivateKey, webcrypto } from 'node:crypto'

/** PEM. */
export interface CertificateRequest {
  /** PKCS #10 (RFC 2986). */
  csr: string
  /** PKCS #8. It never leaves this machine. */
  key: string
}

/** A new key on P-256 and the request for its certificate. The library is loaded only for this: it costs 26 MB. */
export async function makeCertificateRequest(name: string): Promise<CertificateRequest> {
  await import('reflect-metadata')
  const { Pkcs10CertificateRequestGenerator } = await import('@peculiar/x509')
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const request = await Pkcs10CertificateRequestGenerator.create(
    { name: `CN=${name}`, keys, signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } },
    webcrypto as Crypto,
  )
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' })
  return { csr: request.toString('pem'), key: String(key) }
}
