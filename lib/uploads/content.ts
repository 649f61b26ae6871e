/**
 * Looks at the first bytes of a file to see its type. Only types are here whose files begin with bytes of their own:
 * for all others, only the page's word is known.
 */

/** So many bytes are looked at. */
export const HEAD_BYTES = 16

const latin = (text: string): Buffer => Buffer.from(text, 'latin1')

/** Signatures by type: the bytes, and their places. */
const SIGNATURES: Readonly<Record<string, readonly (readonly [at: number, bytes: Buffer])[][]>> = {
  'image/png': [[[0, latin('\x89PNG\r\n\x1a\n')]]],
  'image/jpeg': [[[0, latin('\xff\xd8\xff')]]],
  'image/gif': [[[0, latin('GIF87a')]], [[0, latin('GIF89a')]]],
  'image/webp': [
    [
      [0, latin('RIFF')],
      [8, latin('WEBP')],
    ],
  ],
  'image/bmp': [[[0, latin('BM')]]],
  'image/tiff': [[[0, latin('II*\0')]], [[0, latin('MM\0*')]]],
  'image/avif': [[[4, latin('ftypavif')]], [[4, latin('ftypavis')]]],
  'application/pdf': [[[0, latin('%PDF-')]]],
  'application/zip': [[[0, latin('PK\x03\x04')]], [[0, latin('PK\x05\x06')]]],
  'application/gzip': [[[0, latin('\x1f\x8b')]]],
  'video/mp4': [[[4, latin('ftyp')]]],
  'video/webm': [[[0, latin('\x1a\x45\xdf\xa3')]]],
  'audio/mpeg': [[[0, latin('ID3')]], [[0, latin('\xff\xfb')]], [[0, latin('\xff\xf3')]], [[0, latin('\xff\xf2')]]],
  'audio/ogg': [[[0, latin('OggS')]]],
  'audio/flac': [[[0, latin('fLaC')]]],
}

/** Types by the endings of names, so that `a.png` with no type, or with another type, is looked at as well. */
const ENDINGS: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  pdf: 'application/pdf',
  zip: 'application/zip',
  gz: 'application/gzip',
  mp4: 'video/mp4',
  webm: 'video/webm',
}

/** Whether a file that begins so can be of this type and have this name. */
export function canBe(type: string, name: string, head: Buffer): boolean {
  const ending = ENDINGS[name.toLowerCase().split('.').at(-1) ?? '']
  return [type, ending].every((one) => {
    const known = one === undefined || !Object.hasOwn(SIGNATURES, one) ? undefined : SIGNATURES[one]
    return (
      known?.some((parts) => parts.every(([at, bytes]) => bytes.equals(head.subarray(at, at + bytes.length)))) ?? true
    )
  })
}
