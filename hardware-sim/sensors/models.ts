import type { ParkQuantity } from '../park/park.ts'
import type { ProbeSpec } from './probe.ts'

/** Register maps of sensors as their makers publish them. Written from the documents named, not from anybody's driver. */

export interface Register {
  quantity: ParkQuantity
  address: number
  /** What the registers hold for a value in the quantity's unit (counts, if it counts). */
  words: (value: number) => number[]
}

export interface SensorModel {
  registers: readonly Register[]
  /** Where the measurements stand: holding registers (function 3), input registers (4), or the same in both. */
  table: 'holding' | 'input' | 'both'
  /** Holding registers that are kept and do nothing here. */
  kept?: readonly { address: number; values: readonly number[]; writable?: boolean }[]
  /** Holding registers that add to a value, in its registers' steps. */
  corrections?: readonly { address: number; quantity: ParkQuantity; per: number }[]
  unit_register?: number
  /** Where the parts differ from the usual ones. */
  probes?: Partial<Record<ParkQuantity, Partial<ProbeSpec>>>
  /** Counts are lost with the power. */
  forgets?: boolean
}

const whole = (value: number, min: number, max: number) => Math.min(max, Math.max(min, Math.round(value)))
const unsigned =
  (per = 1) =>
  (value: number) => [whole(value * per, 0, 0xffff)]
const signed =
  (per = 1) =>
  (value: number) => [whole(value * per, -0x8000, 0x7fff) & 0xffff]
const long =
  (per = 1) =>
  (value: number) => {
    const all = whole(value * per, 0, 0xffff_ffff)
    return [Math.floor(all / 0x1_0000), all % 0x1_0000]
  }
/** Counters wrap. */
const counter = (value: number) => [((Math.floor(value) % 0x1_0000) + 0x1_0000) % 0x1_0000]
/** 0 north, 1 north-east … 7 north-west. */
const eighth = (value: number) => [Math.round(value / 45) % 8]
const degrees = (value: number) => [Math.round(value) % 360]

/** Baud codes and the like, behind the address. */
const settings = (address: number, ...values: number[]) => ({ address, values, writable: true })

export const SENSOR_MODELS = {
  /** XY-MD02 manual (SHT20): input 1 and 2 in tenths; holding 0x101 address, 0x102 baud, 0x103 and 0x104 corrections in tenths. */
  'xy-md02': {
    table: 'input',
    registers: [
      { quantity: 'temperature', address: 1, words: signed(10) },
      { quantity: 'humidity', address: 2, words: unsigned(10) },
    ],
    unit_register: 0x101,
    kept: [settings(0x102, 9600)],
    corrections: [
      { address: 0x103, quantity: 'temperature', per: 10 },
      { address: 0x104, quantity: 'humidity', per: 10 },
    ],
  },
  /** Delta OHM PM[B]sense manual V1.3, p. 15: inputs 0–2 particles/ml, 3–5 PM1, PM2.5, PM10 in tenths of µg/m³, 6–11 the same over 10 s. */
  'deltaohm-pmbsense': {
    table: 'input',
    registers: [
      { quantity: 'pm2.5', address: 0, words: unsigned(9) },
      { quantity: 'pm2.5', address: 1, words: unsigned(11) },
      { quantity: 'pm10', address: 2, words: unsigned(9) },
      { quantity: 'pm2.5', address: 3, words: unsigned(7) },
      { quantity: 'pm2.5', address: 4, words: unsigned(10) },
      { quantity: 'pm10', address: 5, words: unsigned(10) },
      { quantity: 'pm2.5', address: 9, words: unsigned(7) },
      { quantity: 'pm2.5', address: 10, words: unsigned(10) },
      { quantity: 'pm10', address: 11, words: unsigned(10) },
    ],
    unit_register: 2,
    kept: [settings(0, 4, 2)],
  },
  /**
   * DFRobot SEN0657/SEN0658 wiki, "General register address": holding 500 wind in tenths, 502 eighths, 503 degrees, 504 humidity and
   * 505 temperature in tenths, 506 noise in tenths, 507 PM2.5, 508 PM10, 509 pressure in tenths of kPa, 510–511 lx, 512 hundreds of lx,
   * 513 rain in tenths of mm; 2000 address, 2001 baud.
   */
  'dfrobot-sen0658': {
    table: 'holding',
    registers: [
      { quantity: 'wind-speed', address: 500, words: unsigned(10) },
      { quantity: 'wind-speed', address: 501, words: (value) => [whole((value / 0.836) ** (2 / 3), 0, 17)] },
      { quantity: 'wind-direction', address: 502, words: eighth },
      { quantity: 'wind-direction', address: 503, words: degrees },
      { quantity: 'humidity', address: 504, words: unsigned(10) },
      { quantity: 'temperature', address: 505, words: signed(10) },
      { quantity: 'noise', address: 506, words: unsigned(10) },
      { quantity: 'pm2.5', address: 507, words: unsigned() },
      { quantity: 'pm10', address: 508, words: unsigned() },
      { quantity: 'pressure', address: 509, words: unsigned() },
      { quantity: 'illuminance', address: 510, words: long() },
      { quantity: 'illuminance', address: 512, words: unsigned(0.01) },
      { quantity: 'rain', address: 513, words: (counts) => unsigned(2)(counts) },
    ],
    unit_register: 2000,
    kept: [settings(2001, 1)],
  },
  /** DFRobot SEN0659 wiki: holding 0 CO2 in ppm, 0x66 address, 0x67 baud, 0x6B correction. */
  'dfrobot-sen0659': {
    table: 'holding',
    registers: [{ quantity: 'co2', address: 0, words: unsigned() }],
    unit_register: 0x66,
    kept: [settings(0x67, 3)],
    corrections: [{ address: 0x6b, quantity: 'co2', per: 1 }],
  },
  /** DFRobot SEN0642 wiki: holding 0 UV intensity in hundredths of mW/cm², 1 UV index, 0x52 deviation, 2000 address, 2001 baud. */
  'dfrobot-sen0642': {
    table: 'holding',
    registers: [
      // UVA and UVB together: about 0.55 mW/cm² at index 1.
      { quantity: 'uv', address: 0, words: unsigned(55) },
      { quantity: 'uv', address: 1, words: unsigned() },
    ],
    unit_register: 2000,
    kept: [settings(2001, 1), settings(0x52, 0)],
  },
  /** NHZD210 manual 5.3–5.5, as cited in philipgreat/hw2000-to-knx-gateway: inputs 0–1 lx, high word first; holding 66 address. */
  nhzd210: {
    table: 'input',
    registers: [{ quantity: 'illuminance', address: 0, words: long() }],
    unit_register: 66,
  },
  /**
   * Seeed S-Temp&VWC&EC-02 manual, 5.2: functions 3 and 4 alike; 0 temperature and 1 water content in hundredths, 2 EC in µS/cm,
   * 3 salinity and 4 TDS in mg/l, 5 permittivity in hundredths; 0x20–0x24 soil type, unit, coefficients; 0x200 address, 0x201 baud.
   */
  'seeed-soil-ec': {
    table: 'both',
    registers: [
      { quantity: 'soil-temperature', address: 0, words: signed(100) },
      { quantity: 'soil-moisture', address: 1, words: unsigned(100) },
      { quantity: 'soil-ec', address: 2, words: unsigned() },
      { quantity: 'soil-ec', address: 3, words: unsigned(0.55) },
      { quantity: 'soil-ec', address: 4, words: unsigned(0.5) },
      // Topp's curve is near enough to a straight line here.
      { quantity: 'soil-moisture', address: 5, words: (value) => unsigned(100)(3 + 0.6 * value) },
    ],
    unit_register: 0x200,
    kept: [settings(0x20, 0, 0, 20, 55, 50), settings(0x201, 3)],
  },
  /** SONBEST/XUNCHIP XM9505 page: holding 0 counts of 0.1 mm; 0x64 model, 0x65 points, 0x66 address, 0x67 baud, 0x68 mode. */
  'xunchip-xm9505': {
    table: 'holding',
    registers: [{ quantity: 'rain', address: 0, words: counter }],
    unit_register: 0x66,
    kept: [{ address: 0x64, values: [9505, 1] }, settings(0x67, 3, 1)],
    probes: { rain: { counts: 0.1 } },
    forgets: true,
  },
  /** Renke RS-FSJT-N01, as read by angara/ws_espy: holding 0 tenths of m/s, 2000 address, 2001 baud. */
  'renke-rs-fsjt': {
    table: 'holding',
    registers: [{ quantity: 'wind-speed', address: 0, words: unsigned(10) }],
    unit_register: 2000,
    kept: [settings(2001, 1)],
  },
  /** Renke RS-FX-N01 manual, p. 9: holding 0 eighths, 1 their degrees. */
  'renke-rs-fx': {
    table: 'holding',
    registers: [
      { quantity: 'wind-direction', address: 0, words: eighth },
      { quantity: 'wind-direction', address: 1, words: (value) => [(Math.round(value / 45) % 8) * 45] },
    ],
    unit_register: 2000,
    kept: [settings(2001, 1)],
  },
  /** Pressure transmitters with "unit, decimals, value" registers (Lobaro's description): 0 address, 1 baud, 2 unit (7 = mH2O), 3 decimals, 4 value, 5 and 6 range, 12 zero. */
  'pressure-probe-5m': {
    table: 'holding',
    registers: [{ quantity: 'water-level', address: 4, words: signed(1000) }],
    unit_register: 0,
    kept: [settings(1, 3), { address: 2, values: [7, 3] }, { address: 5, values: [0, 5000] }],
    corrections: [{ address: 12, quantity: 'water-level', per: 1000 }],
  },
  /** Ebyte E831-RTU manual, p. 19: holding 0x30 and on counts of its inputs, anew after power-up; here barriers for in and out; 0x53–0x55 settings. */
  'ebyte-e831-people': {
    table: 'holding',
    registers: [
      { quantity: 'people', address: 0x30, words: counter },
      { quantity: 'people', address: 0x31, words: (counts) => counter(Math.max(0, counts - 3)) },
    ],
    kept: [settings(0x53, 0, 10, 0)],
    forgets: true,
  },
} as const satisfies Record<string, SensorModel>

export type SensorModelName = keyof typeof SENSOR_MODELS
