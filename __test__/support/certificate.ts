/** A self-signed certificate for 127.0.0.1, made by Node alone, without a tool that may be missing. */

import { generateKeyPairSync, sign } from 'node:crypto'

const SEQUENCE = 0x30
const SET = 0x31
const INTEGER = 0x02
const BIT_STRING = 0x03
const OCTET_STRING = 0x04
const OBJECT_ID = 0x06
const UTF8 = 0x0c
const GENERALIZED_TIME = 0x18
const EXPLICIT_0 = 0xa0
const EXPLICIT_3 = 0xa3
/** An IP address among the alternative names (RFC 5280, 4.2.1.6). */
const IP_ADDRESS = 0x87

function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')
const time = (text: string): Buffer => der(GENERALIZED_TIME, Buffer.from(text))

export interface Certificate {
  key: string
  cert: string
}

let made: Certificate | undefined

export function certificate(): Certificate {
  made ??= make()
  return made
}

function make(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const ecdsaWithSha256 = der(SEQUENCE, der(OBJECT_ID, bytes('2a8648ce3d040302')))
  const commonName = der(SEQUENCE, der(OBJECT_ID, bytes('550403')), der(UTF8, Buffer.from('loom-live test')))
  const name = der(SEQUENCE, der(SET, commonName))
  const alternativeName = der(SEQUENCE, der(IP_ADDRESS, Buffer.from([127, 0, 0, 1])))
  const extension = der(SEQUENCE, der(OBJECT_ID, bytes('551d11')), der(OCTET_STRING, alternativeName))
  const toBeSigned = der(
    SEQUENCE,
    der(EXPLICIT_0, der(INTEGER, Buffer.from([2]))),
    der(INTEGER, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    der(SEQUENCE, time('20200101000000Z'), time('20991231235959Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(EXPLICIT_3, der(SEQUENCE, extension)),
  )
  const signature = sign('sha256', toBeSigned, privateKey)
  const whole = der(SEQUENCE, toBeSigned, ecdsaWithSha256, der(BIT_STRING, Buffer.from([0]), signature))
  const body = whole.toString('base64').replace(/.{64}/g, '$&\n')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`,
  }
}
