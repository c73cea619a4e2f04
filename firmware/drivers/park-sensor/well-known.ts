import type { Quantity } from './quantity.ts'

/**
 * Defaults for the quantities of a park, for cheap RS-485 sensors in the open. Sources, where a figure has one:
 * [WMO] rates of change of one-minute values (doubtful above): I. Zahumenský, Guidelines on Quality Control Procedures for Data
 *   from Automatic Weather Stations, WMO CBS ET-AWS 2004, table of the time consistency check; WMO-No. 8, Vol. III, ch. 1;
 * [EPA] EPA-454/R-99-005, table 8-4: wind speed within 0.1 m/s or direction within 1° for three hours is doubtful;
 * [SHT] Sensirion SHT20 (in XY-MD02 and its like), [PMS] Plantower PMS5003/7003, [MHZ] Winsen MH-Z19B: their datasheets;
 * the rest is judged from what such sensors resolve, and measured on synthetic seasons (`npm run bench -- --only detectors`).
 */

const minute_ms = 60_000
const hour_ms = 60 * minute_ms

export const wellKnown = {
  /** [SHT] −40…125 °C, but the housings end at 80; ±0.3 °C. [WMO] 3 °C a minute. */
  temperature: {
    name: 'temperature',
    unit: 'Cel',
    kind: 'gauge',
    range: { min: -40, max: 80 },
    resolution: 0.1,
    noise: 0.05,
    rate_max: 3 / 60,
    spike_min: 1.2,
    stuck: { after_ms: 4 * hour_ms },
    drift: { limit: 2 },
    poll_ms: minute_ms,
    report: { summary: 'last', deadband: 0.2, heartbeat_ms: 15 * minute_ms },
  },
  /** [SHT] 0…100 %, ±3 %. [WMO] 10 % a minute. Fog stands at the upper end for days. */
  humidity: {
    name: 'humidity',
    unit: '%RH',
    kind: 'gauge',
    range: { min: 0, max: 100 },
    resolution: 0.1,
    noise: 0.2,
    rate_max: 10 / 60,
    spike_min: 5,
    stuck: { after_ms: 3 * hour_ms, natural: [{ min: 98, max: 100 }], together: true },
    drift: { limit: 10 },
    poll_ms: minute_ms,
    report: { summary: 'last', deadband: 1, heartbeat_ms: 15 * minute_ms },
  },
  /** [PMS] up to 1,000 µg/m³, ±10 µg/m³ or ±10 %, whole µg/m³; clean air may stay at the same few for hours. */
  'pm2.5': {
    name: 'pm2.5',
    unit: 'ug/m3',
    kind: 'gauge',
    range: { min: 0, max: 1000 },
    resolution: 1,
    noise: 1.5,
    noiseShare: 0.03,
    rate_max: 2,
    spike_min: 20,
    stuck: {
      after_ms: 3 * hour_ms,
      natural: [
        { min: 0, max: 5 },
        { min: 995, max: 1000 },
      ],
    },
    drift: { limit: 15, limitShare: 0.35 },
    poll_ms: minute_ms,
    report: { summary: 'last', deadband: 3, heartbeat_ms: 15 * minute_ms },
  },
  /** As pm2.5; dust blown up by a passing vehicle is coarse. */
  pm10: {
    name: 'pm10',
    unit: 'ug/m3',
    kind: 'gauge',
    range: { min: 0, max: 1000 },
    resolution: 1,
    noise: 2,
    noiseShare: 0.04,
    rate_max: 4,
    spike_min: 35,
    stuck: {
      after_ms: 3 * hour_ms,
      natural: [
        { min: 0, max: 5 },
        { min: 995, max: 1000 },
      ],
    },
    drift: { limit: 25, limitShare: 0.35 },
    poll_ms: minute_ms,
    report: { summary: 'last', deadband: 5, heartbeat_ms: 15 * minute_ms },
  },
  /** Class 2 level meters of this kind: 30…130 dB, 0.1 dB. A bark or a horn is a true peak: no spikes, no rate. */
  noise: {
    name: 'noise',
    unit: 'dB',
    kind: 'gauge',
    range: { min: 25, max: 130 },
    resolution: 0.1,
    noise: 0.5,
    stuck: { after_ms: 10 * minute_ms },
    poll_ms: 5000,
    report: { summary: 'energy', interval_ms: minute_ms, deadband: 1, heartbeat_ms: 15 * minute_ms },
  },
  /** 0…200,000 lx; clouds and shadows jump. A park lamp at night stands still. */
  illuminance: {
    name: 'illuminance',
    unit: 'lx',
    kind: 'gauge',
    range: { min: 0, max: 200_000 },
    resolution: 1,
    noise: 1,
    noiseShare: 0.01,
    stuck: { after_ms: 2 * hour_ms, natural: [{ min: 0, max: 100 }], together: true },
    poll_ms: minute_ms,
    report: { summary: 'mean', interval_ms: 5 * minute_ms, deadband: 50, heartbeat_ms: hour_ms },
  },
  /** [MHZ] 400…5,000 ppm, ±50 ppm + 5 %; self-calibration holds it at 400. Breath near the sensor lasts longer than a sample. */
  co2: {
    name: 'co2',
    unit: 'ppm',
    kind: 'gauge',
    range: { min: 300, max: 5000 },
    resolution: 1,
    noise: 4,
    noiseShare: 0.01,
    rate_max: 10,
    spike_min: 100,
    stuck: { after_ms: 2 * hour_ms, natural: [{ min: 300, max: 401 }] },
    drift: { limit: 100 },
    poll_ms: minute_ms,
    report: { summary: 'last', deadband: 15, heartbeat_ms: 15 * minute_ms },
  },
  /** Volumetric water content. Irrigation reaches the probe within minutes; dry soil stands for days. */
  'soil-moisture': {
    name: 'soil-moisture',
    unit: '/100',
    kind: 'gauge',
    range: { min: 0, max: 100 },
    resolution: 0.1,
    noise: 0.15,
    rate_max: 5 / 60,
    spike_min: 3,
    stuck: { after_ms: 48 * hour_ms, natural: [{ min: 0, max: 0 }] },
    poll_ms: 5 * minute_ms,
    report: { summary: 'last', deadband: 0.5, heartbeat_ms: hour_ms },
  },
  /** At 10 cm the day still comes through, damped to a few degrees. [WMO] 0.5 °C a minute for soil. */
  'soil-temperature': {
    name: 'soil-temperature',
    unit: 'Cel',
    kind: 'gauge',
    range: { min: -40, max: 80 },
    resolution: 0.1,
    noise: 0.05,
    rate_max: 0.5 / 60,
    spike_min: 1,
    stuck: { after_ms: 24 * hour_ms },
    poll_ms: 5 * minute_ms,
    report: { summary: 'last', deadband: 0.2, heartbeat_ms: hour_ms },
  },
  /** Bulk conductivity, in S/m: 1 µS/cm is 0.0001 S/m. 0…2 S/m (20,000 µS/cm) in steps of 1 µS/cm. */
  'soil-ec': {
    name: 'soil-ec',
    unit: 'S/m',
    kind: 'gauge',
    range: { min: 0, max: 2 },
    resolution: 0.0001,
    noise: 0.0002,
    noiseShare: 0.01,
    rate_max: 0.02 / 60,
    spike_min: 0.01,
    stuck: { after_ms: 48 * hour_ms, natural: [{ min: 0, max: 0 }] },
    poll_ms: 5 * minute_ms,
    report: { summary: 'last', deadband: 0.001, heartbeat_ms: hour_ms },
  },
  /** Tipping bucket of 0.2 mm; it counts up to 4 mm a minute well and to 8 somehow. More than 2 mm in a minute is confirmed. */
  rain: {
    name: 'rain',
    unit: 'mm',
    kind: 'counter',
    range: { min: 0, max: 65_535 },
    resolution: 0.2,
    noise: 0,
    rate_max: 10 / 60,
    spike_min: 2,
    counter: { bits: 16, step: 0.2 },
    poll_ms: minute_ms,
    report: { summary: 'sum', interval_ms: 5 * minute_ms, deadband: 0, heartbeat_ms: hour_ms },
  },
  /** Cup anemometer, 0…60 m/s, 0.1 m/s, starts at 0.5. [WMO] 20 m/s between samples is erroneous. [EPA] three hours. */
  'wind-speed': {
    name: 'wind-speed',
    unit: 'm/s',
    kind: 'gauge',
    range: { min: 0, max: 60 },
    resolution: 0.1,
    noise: 0.2,
    rate_max: 20 / 5,
    stuck: { after_ms: 3 * hour_ms, band: 0.1, natural: [{ min: 0, max: 0.5 }] },
    poll_ms: 5000,
    report: { summary: 'mean-max', interval_ms: 10 * minute_ms, deadband: 0.5, heartbeat_ms: 30 * minute_ms },
  },
  /** Where the wind comes from. [EPA] within 1° for three hours, unless there is too little wind to turn the vane. */
  'wind-direction': {
    name: 'wind-direction',
    unit: 'deg',
    kind: 'direction',
    range: { min: 0, max: 360 },
    resolution: 1,
    noise: 5,
    stuck: { after_ms: 3 * hour_ms, band: 1, unless: { quantity: 'wind-speed', below: 1 } },
    poll_ms: 5000,
    report: {
      summary: 'vector',
      interval_ms: 10 * minute_ms,
      deadband: 15,
      heartbeat_ms: 30 * minute_ms,
      weight: 'wind-speed',
    },
  },
  /** Submersible pressure probe, 0…5 m, in mm. Ponds stand still for days; a storm sewer fills within minutes. */
  'water-level': {
    name: 'water-level',
    unit: 'm',
    kind: 'gauge',
    range: { min: 0, max: 5 },
    resolution: 0.001,
    noise: 0.002,
    rate_max: 0.5 / 60,
    spike_min: 0.06,
    stuck: { after_ms: 24 * hour_ms, natural: [{ min: 0, max: 0 }] },
    poll_ms: minute_ms,
    report: { summary: 'last', deadband: 0.01, heartbeat_ms: 30 * minute_ms },
  },
  /** Index 0…15 (WHO/SDE/OEH/02.2 has 11+ as extreme), 0.1. Clouds jump; night and deep shade stand at 0. */
  uv: {
    name: 'uv',
    unit: '/',
    kind: 'gauge',
    range: { min: 0, max: 20 },
    resolution: 0.1,
    noise: 0.05,
    stuck: { after_ms: 4 * hour_ms, natural: [{ min: 0, max: 0.3 }], together: true },
    poll_ms: minute_ms,
    report: { summary: 'mean', interval_ms: 5 * minute_ms, deadband: 0.5, heartbeat_ms: hour_ms },
  },
  /** Passages at an entrance; two abreast every half second is a crowd. */
  people: {
    name: 'people',
    unit: 'count',
    kind: 'counter',
    range: { min: 0, max: 4_294_967_295 },
    resolution: 1,
    noise: 0,
    rate_max: 4,
    spike_min: 60,
    counter: { bits: 32, step: 1 },
    poll_ms: minute_ms,
    report: { summary: 'sum', interval_ms: 5 * minute_ms, deadband: 0, heartbeat_ms: hour_ms },
  },
} as const satisfies Record<string, Quantity>

export type WellKnownName = keyof typeof wellKnown
