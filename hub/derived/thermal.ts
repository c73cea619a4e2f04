/** What temperature and humidity mean to people. Pure; undefined outside of what a formula holds for. */

/** Where the NWS has the heat index; the regression is of Steadman's data between 80 °F and about 110 °F (43 °C). */
const HEAT_INDEX = { temperature: { min: 5, max: 50 }, humidity: { min: 1, max: 100 } }
/** Full regression from here on, °F. */
const REGRESSION_F_MIN = 80

/**
 * Heat index in °C, as the US National Weather Service computes it: L. P. Rothfusz, Technical Attachment SR 90-23 (1990), with
 * the two adjustments and the simple formula of https://www.wpc.ncep.noaa.gov/html/heatindex_equation.shtml.
 * In the shade, with light wind. Undefined below 5 °C and above 50 °C: nobody measured people there.
 */
export function heatIndex(temperature_C: number, humidity_percent: number): number | undefined {
  const { temperature, humidity } = HEAT_INDEX
  if (!isWithin(temperature_C, temperature) || !isWithin(humidity_percent, humidity)) return undefined
  const t = (temperature_C * 9) / 5 + 32
  const rh = humidity_percent
  const simple = 0.5 * (t + 61 + (t - 68) * 1.2 + rh * 0.094)
  const mean = (simple + t) / 2
  return (((mean < REGRESSION_F_MIN ? mean : regression(t, rh)) - 32) * 5) / 9
}

function regression(t: number, rh: number): number {
  const index =
    -42.379 +
    2.04901523 * t +
    10.14333127 * rh -
    0.22475541 * t * rh -
    0.00683783 * t * t -
    0.05481717 * rh * rh +
    0.00122874 * t * t * rh +
    0.00085282 * t * rh * rh -
    0.00000199 * t * t * rh * rh
  if (rh < 13 && t >= 80 && t <= 112) return index - ((13 - rh) / 4) * Math.sqrt((17 - Math.abs(t - 95)) / 17)
  if (rh > 85 && t >= 80 && t <= 87) return index + ((rh - 85) / 10) * ((87 - t) / 5)
  return index
}

/** Magnus over water: WMO-No. 8 (2018), Vol. I, Annex 4.B; valid from −45 to 60 °C. */
const MAGNUS = { a: 17.62, b_C: 243.12 }
const MAGNUS_RANGE = { min: -45, max: 60 }

/** Dew point in °C, over water. Undefined outside of −45…60 °C, and without any humidity. */
export function dewPoint(temperature_C: number, humidity_percent: number): number | undefined {
  if (!isWithin(temperature_C, MAGNUS_RANGE) || !(humidity_percent > 0) || humidity_percent > 100) return undefined
  const gamma = Math.log(humidity_percent / 100) + (MAGNUS.a * temperature_C) / (MAGNUS.b_C + temperature_C)
  return (MAGNUS.b_C * gamma) / (MAGNUS.a - gamma)
}

function isWithin(value: number, { min, max }: { min: number; max: number }): boolean {
  return value >= min && value <= max
}
