import type { Random } from '../../../hardware-sim/random.ts'
import { gauss, poisson, type Sky, wanderer } from './weather.ts'

/** What cheap sensors make of the sky of their park: each with its own place, its error, its noise and its steps. */

export type Sensor = (sky: Sky) => number

const rounded = (value: number, step: number) => Number((Math.round(value / step) * step).toFixed(6))
const between = (value: number, min: number, max: number) => Math.min(max, Math.max(min, value))

/** @param step_s between two calls */
export function createSensor(quantity: string, random: Random, step_s: number): Sensor {
  const noise = (sigma: number) => sigma * gauss(random)
  const place = (sigma: number, memory_s: number) => wanderer(random, sigma, memory_s, step_s)
  const bias = gauss(random)
  switch (quantity) {
    case 'temperature': {
      // A radiation shield of plastic errs by a degree or so in still sun; some hang better than others.
      const shield = 0.2 + 1.2 * random()
      const local = place(0.12, 600)
      return (sky) =>
        rounded(sky.temperature + 0.2 * bias + shield * (sky.light / 100_000) + local() + noise(0.05), 0.1)
    }
    case 'humidity': {
      const local = place(0.5, 600)
      return (sky) => between(rounded(sky.humidity + 1.5 * bias + local() + noise(0.2), 0.1), 0, 100)
    }
    case 'pm2.5':
    case 'pm10': {
      const share = quantity === 'pm10' ? 1.5 : 1
      const local = place(0.05, 1200)
      const plume = createPlumes(random, step_s, quantity === 'pm10' ? 50 : 30)
      return (sky) => {
        const true_ = share * sky.pm * (1 + 0.08 * bias + local()) + plume()
        return between(rounded(true_ + noise(Math.max(1.5, 0.03 * true_)), 1), 0, 1000)
      }
    }
    case 'co2': {
      const breath = createPlumes(random, step_s, 80)
      const local = place(4, 900)
      return (sky) => rounded(Math.max(400, sky.co2 + 12 * bias + local() + breath() + noise(4)), 1)
    }
    case 'illuminance':
      return (sky) => rounded(sky.light * (1 + 0.1 * bias) + (sky.light < 10 ? 8 : 0) + noise(0.01 * sky.light), 1)
    case 'uv':
      return (sky) => between(rounded((sky.light / 110_000) ** 1.3 * 9 + noise(0.03), 0.1), 0, 15)
    case 'noise': {
      let event = 0
      return (sky) => {
        // Horns, barks and children last for seconds.
        if (random() < step_s / 90) event = 6 + 22 * random() ** 2
        event *= Math.exp(-step_s / 6)
        return rounded(sky.hum + bias + Math.max(0, event) + noise(0.8), 0.1)
      }
    }
    case 'wind-speed':
      return (sky) => (sky.wind < 0.5 ? 0 : rounded(sky.wind + noise(0.1), 0.1))
    case 'wind-direction': {
      // A vane does not turn without wind.
      let vane = 180
      return (sky) => {
        if (sky.wind >= 0.8) vane = sky.direction
        return rounded((((vane + noise(1)) % 360) + 360) % 360, 1) % 360
      }
    }
    case 'soil-temperature':
      return (sky) => rounded(sky.soilTemperature + 0.2 * bias + noise(0.05), 0.1)
    case 'soil-moisture':
      return (sky) =>
        between(rounded(sky.moisture + bias + 0.02 * (sky.soilTemperature - 15) + noise(0.12), 0.1), 0, 100)
    case 'soil-ec':
      return (sky) => Math.max(0, rounded(0.0012 * sky.moisture * (1 + 0.1 * bias) + noise(0.0003), 0.0001))
    case 'water-level':
      return (sky) => Math.max(0, rounded(sky.level + 0.01 * bias + noise(0.002), 0.001))
    default:
      throw new Error(`the bench has no sensor for ${quantity}`)
  }
}

/** Smoke of a barbecue, a bus that waits, a group around the sensor: minutes, with a rise that a sample can see. */
function createPlumes(random: Random, step_s: number, size: number): () => number {
  let goal = 0
  let left_s = 0
  let value = 0
  const swirl = wanderer(random, 0.2, 180, step_s)
  return () => {
    left_s -= step_s
    if (left_s <= 0) goal = 0
    if (poisson(random, step_s / (10 * 3600)) > 0) {
      goal = size * (0.2 + 2 * random() ** 2)
      left_s = 60 * (4 + 20 * random())
    }
    value += (goal - value) * (1 - Math.exp(-step_s / 150))
    return Math.max(0, value * (1 + swirl() + 0.05 * gauss(random)))
  }
}
