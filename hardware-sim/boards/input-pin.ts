import { integerBetween, type Random } from '../random.ts'
import { VCC_V } from './board.ts'

/** ATmega328P datasheet, DC characteristics at 2.4–5.5 V: input low at most 0.3 Vcc, input high at least 0.6 Vcc. */
const LOW_BELOW = 0.3
const HIGH_ABOVE = 0.6
const ADC_STEPS = 1024

/** What a digital input reads; between the thresholds it keeps what it read last. */
export function digitalLevel(previous: boolean, volts: number): boolean {
  if (volts < LOW_BELOW * VCC_V) return false
  if (volts > HIGH_ABOVE * VCC_V) return true
  return previous
}

/** What the 10-bit converter reads, with ±1 step of noise. */
export function adcReading(volts: number, random: Random): number {
  const exact = Math.floor((volts / VCC_V) * ADC_STEPS)
  return Math.max(0, Math.min(ADC_STEPS - 1, exact + integerBetween(random, -1, 1)))
}
