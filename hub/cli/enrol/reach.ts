import { hostname, networkInterfaces } from 'node:os'
import { askCounter, type Refused } from '../../counter/counter.ts'
import type { EnrolmentAnswer, EnrolmentRequest } from '../../enrolment/counter.ts'
import { accepted, checkDataDir } from '../credential/reach.ts'

/** The enrolment of a hub that runs, for whoever needs codes. */
export async function askEnrolment<T extends EnrolmentAnswer['type']>(
  data: string,
  request: EnrolmentRequest,
): Promise<EnrolmentAnswer & { type: T }> {
  checkDataDir(data)
  return accepted(await askCounter<EnrolmentAnswer | Refused>(data, request)) as EnrolmentAnswer & { type: T }
}

/** The first address at which other machines may find this one. */
export function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((those) => those ?? [])
  return addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? hostname()
}
