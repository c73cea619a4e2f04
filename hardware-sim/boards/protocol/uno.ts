import { PIN_MODE } from './wire.ts'

/** The pins of an Arduino Uno as StandardFirmata 2.5 sees them (Boards.h of firmata/arduino). */
export const PIN_COUNT = 20
export const PORT_COUNT = 3
export const ANALOG_CHANNEL_COUNT = 6
const FIRST_ANALOG_PIN = 14
const PWM_PINS: ReadonlySet<number> = new Set([3, 5, 6, 9, 10, 11])

/** 0 and 1 are the serial line itself. */
export const isDigital = (pin: number): boolean => pin >= 2 && pin < PIN_COUNT
export const isAnalog = (pin: number): boolean => pin >= FIRST_ANALOG_PIN && pin < PIN_COUNT
export const isPwm = (pin: number): boolean => PWM_PINS.has(pin)
/** SDA and SCL. */
export const isI2c = (pin: number): boolean => pin === 18 || pin === 19
export const channelOf = (pin: number): number => pin - FIRST_ANALOG_PIN
export const pinOf = (channel: number): number => channel + FIRST_ANALOG_PIN

export function supports(pin: number, mode: number): boolean {
  return capabilitiesOf(pin).some(([supported]) => supported === mode)
}

/** Modes of a pin with their resolution in bits. */
export function capabilitiesOf(pin: number): [mode: number, bits: number][] {
  const modes: [number, number][] = []
  if (isDigital(pin)) modes.push([PIN_MODE.input, 1], [PIN_MODE.pullup, 1], [PIN_MODE.output, 1])
  if (isAnalog(pin)) modes.push([PIN_MODE.analog, 10])
  if (isPwm(pin)) modes.push([PIN_MODE.pwm, 8])
  // Since 2.4 any twelve digital pins can be servos.
  if (isDigital(pin)) modes.push([PIN_MODE.servo, 14])
  if (isI2c(pin)) modes.push([PIN_MODE.i2c, 1])
  return modes
}
