import type { Words } from '../contract/words.ts'

/** What Home Assistant calls our units and quantities (its sensor device classes and the units each of them allows). */

/** SenML (RFC 8428 §12.1) → Home Assistant; a unit that is not here is shown as it is. */
const UNITS: Readonly<Record<string, string>> = {
  Cel: '°C',
  '%RH': '%',
  'ug/m3': 'µg/m³',
  deg: '°',
  '/100': '%',
  '/': '',
  count: '',
  'S/m': 'S/m',
}

interface Quantity extends Words {
  deviceClass?: string
  /** Not a level that statistics may average: what came since the last report, or a direction. */
  noMean?: true
}

const QUANTITIES: Readonly<Record<string, Quantity>> = {
  temperature: { zh: '温度', en: 'Temperature', deviceClass: 'temperature' },
  humidity: { zh: '湿度', en: 'Humidity', deviceClass: 'humidity' },
  'pm2.5': { zh: 'PM2.5', en: 'PM2.5', deviceClass: 'pm25' },
  pm10: { zh: 'PM10', en: 'PM10', deviceClass: 'pm10' },
  noise: { zh: '噪声', en: 'Noise', deviceClass: 'sound_pressure' },
  illuminance: { zh: '光照度', en: 'Illuminance', deviceClass: 'illuminance' },
  co2: { zh: '二氧化碳', en: 'Carbon dioxide', deviceClass: 'carbon_dioxide' },
  'soil-moisture': { zh: '土壤湿度', en: 'Soil moisture', deviceClass: 'moisture' },
  'soil-temperature': { zh: '土壤温度', en: 'Soil temperature', deviceClass: 'temperature' },
  'soil-ec': { zh: '土壤电导率', en: 'Soil conductivity' },
  rain: { zh: '雨量', en: 'Rain', noMean: true },
  'wind-speed': { zh: '风速', en: 'Wind speed', deviceClass: 'wind_speed' },
  'wind-direction': { zh: '风向', en: 'Wind direction', noMean: true },
  'water-level': { zh: '水位', en: 'Water level', deviceClass: 'distance' },
  uv: { zh: '紫外线指数', en: 'UV index' },
  people: { zh: '人数', en: 'People', noMean: true },
  'heat-index': { zh: '体感温度', en: 'Heat index', deviceClass: 'temperature' },
  'dew-point': { zh: '露点', en: 'Dew point', deviceClass: 'temperature' },
  aqi: { zh: '空气质量指数', en: 'Air quality index', deviceClass: 'aqi' },
}

/** The unit that a device class demands; the class is left away where the device measures in another one. */
const UNIT_OF_CLASS: Readonly<Record<string, string>> = {
  temperature: '°C',
  humidity: '%',
  moisture: '%',
  pm25: 'µg/m³',
  pm10: 'µg/m³',
  sound_pressure: 'dB',
  illuminance: 'lx',
  carbon_dioxide: 'ppm',
  wind_speed: 'm/s',
  distance: 'm',
  aqi: '',
}

export interface SensorKind {
  words: Words
  deviceClass: string | undefined
  unit: string
  hasMean: boolean
}

export function sensorKind(quantity: string, senmlUnit: string): SensorKind {
  const unit = UNITS[senmlUnit] ?? senmlUnit
  const known = Object.hasOwn(QUANTITIES, quantity) ? QUANTITIES[quantity] : undefined
  const wanted = known?.deviceClass
  return {
    words: known ?? { zh: quantity, en: quantity },
    deviceClass: wanted !== undefined && UNIT_OF_CLASS[wanted] === unit ? wanted : undefined,
    unit,
    hasMean: known !== undefined && known.noMean !== true,
  }
}
