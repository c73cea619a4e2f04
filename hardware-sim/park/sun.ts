/** Where the sun stands, and what it gives under a clear or a covered sky. */

const RAD = Math.PI / 180
const DAY_MS = 86_400_000

export interface Spot {
  latitude_deg: number
  longitude_deg: number
}

/** Days since the year began, with fractions, in UTC. */
export function dayOfYear(at_ms: number): number {
  const year = new Date(at_ms).getUTCFullYear()
  return (at_ms - Date.UTC(year, 0, 1)) / DAY_MS
}

/** Sine of the sun's elevation: declination and equation of time after Spencer (1971); within half a degree. */
export function sunHeight({ latitude_deg, longitude_deg }: Spot, at_ms: number): number {
  const year = (2 * Math.PI * dayOfYear(at_ms)) / 365.25
  const declination =
    0.006918 -
    0.399912 * Math.cos(year) +
    0.070257 * Math.sin(year) -
    0.006758 * Math.cos(2 * year) +
    0.000907 * Math.sin(2 * year)
  const equation_min =
    229.18 *
    (0.000075 +
      0.001868 * Math.cos(year) -
      0.032077 * Math.sin(year) -
      0.014615 * Math.cos(2 * year) -
      0.04089 * Math.sin(2 * year))
  const solar_h = (at_ms % DAY_MS) / 3_600_000 + longitude_deg / 15 + equation_min / 60
  const hourAngle = (solar_h - 12) * 15 * RAD
  const latitude = latitude_deg * RAD
  return Math.sin(latitude) * Math.sin(declination) + Math.cos(latitude) * Math.cos(declination) * Math.cos(hourAngle)
}

/**
 * Horizontal illuminance in lx. By day the daylight equations of IES RP-21 (127.5 klx outside of the air, extinction 0.21 a clear
 * air mass; clear and cloudy sky light); below the horizon it falls by a factor of ten each 2.5° or so, to starlight.
 * @param cover share of the sky that is covered
 * @param direct what the cloud in front of the sun lets through, 0 to 1
 */
export function illuminance_lx(height: number, cover: number, direct: number): number {
  if (height <= 0) return Math.max(0.01, 500 * (1 - 0.6 * cover) * 10 ** (height / RAD / 2.5))
  const beam = 127_500 * Math.exp(-0.21 / (height + 0.01)) * height * direct
  const clear = 800 + 15_500 * Math.sqrt(height)
  const cloudy = 300 + 21_000 * height
  const risen = Math.min(1, 0.5 + height / 0.1)
  return beam + risen * (clear * (1 - cover) + cloudy * cover)
}

/** UV index: 12.5 µ^2.42 for 300 DU of ozone (Madronich, Photochem. Photobiol. 2007); a covered sky keeps about a third. */
export function uvIndex(height: number, cover: number, direct: number): number {
  if (height <= 0) return 0
  return 12.5 * height ** 2.42 * (1 - 0.5 * cover ** 2) * (0.55 + 0.45 * direct)
}
