// A key and a self-signed certificate for one run.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export function makeCertificate() {
  const folder = mkdtempSync(join(tmpdir(), 'loom-live-bench-'))
  const key = join(folder, 'key.pem')
  const certificate = join(folder, 'certificate.pem')
  const openssl = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-keyout', key, '-out', certificate, '-days', '2', '-subj', '/CN=localhost'],
  ])
  if (openssl.status !== 0) throw new Error(`openssl could not make a certificate: ${openssl.stderr}`)
  return {
    environment: { BENCH_KEY: key, BENCH_CERTIFICATE: certificate },
    remove() {
      rmSync(folder, { recursive: true })
    },
  }
}
