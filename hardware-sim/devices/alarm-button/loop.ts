/** Resistors of the supervised loop, in kΩ. */
const PULL_UP_KOHM = 4.7
const END_OF_LINE_KOHM = 10
const CONTACT_SERIES_KOHM = 2.2

export type Cable = 'whole' | 'cut' | 'shorted'

/**
 * Share of Vcc at the board's end of the cable, by Ohm's law: normal 0.680, pressed 0.277, cut 1, shorted 0.
 *
 * The pull-up inside the microcontroller (20–50 kΩ) is left out. Where it is switched on, on a real board, "pressed"
 * rises to about 0.30 and leaves the range that the datasheet guarantees to read as low.
 */
export function loopShare(contactClosed: boolean, cable: Cable): number {
  if (cable === 'cut') return 1
  if (cable === 'shorted') return 0
  const button_kohm = contactClosed
    ? (END_OF_LINE_KOHM * CONTACT_SERIES_KOHM) / (END_OF_LINE_KOHM + CONTACT_SERIES_KOHM)
    : END_OF_LINE_KOHM
  return button_kohm / (PULL_UP_KOHM + button_kohm)
}
