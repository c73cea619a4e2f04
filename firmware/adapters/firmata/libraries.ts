import type { Firmata } from 'firmata-io'
import type five from 'johnny-five'

export interface Libraries {
  Firmata: typeof Firmata
  five: typeof five
}

/** Imported at first use: a gateway without Firmata boards never loads them. */
export async function loadLibraries(): Promise<Libraries> {
  const [firmata, johnny] = await Promise.all([import('firmata-io'), import('johnny-five')])
  return { Firmata: firmata.default.Firmata, five: johnny.default }
}
