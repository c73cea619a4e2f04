import { describe, expect, it } from 'vitest'
import { type IncidentSettings, incidentConfig, limitOf, ruleFor, settingsFault } from './config.ts'
import { dutyOf, teamFor } from './duty.ts'

const person = (name: string) => ({ name, contact: { channel: 'webhook', address: name } })
const SETTINGS: IncidentSettings = {
  people: { day: person('day'), night: person('night'), both: person('both'), chief: person('chief') },
  teams: {
    patrol: {
      name: '巡逻',
      sort: 'patrol',
      tier: 'building',
      skills: ['patrol'],
      shifts: [
        { from: '08:00', to: '20:00', people: ['day'] },
        { from: '20:00', to: '08:00', people: ['night'] },
        { days: ['sat'], from: '18:00', to: '22:00', people: ['both', 'night'] },
      ],
    },
    east: { name: '东区', sort: 'patrol', tier: 'estate', places: [{ building: '3' }], shifts: [] },
    property: {
      name: '物业',
      sort: 'property',
      tier: 'estate',
      shifts: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:00', people: ['chief'] }],
    },
  },
}
const config = incidentConfig(SETTINGS, 'Europe/Berlin')
const at = (time: string, quality: 'synced' | 'unsynced' = 'synced') => ({
  run_ms: 0,
  wall_ms: Date.parse(time),
  quality,
})
const on = (time: string) => dutyOf(config, 'building', undefined, at(time))

describe('who is on shift', () => {
  it('goes by the time of the site, over midnight, with shifts that overlap', () => {
    expect(on('2026-11-23T08:00:00+01:00')).toEqual(['day'])
    expect(on('2026-11-23T07:59:59+01:00')).toEqual(['night'])
    expect(on('2026-11-28T21:00:00+01:00')).toEqual(['night', 'both'])
    expect(on('2026-11-28T19:00:00+01:00')).toEqual(['day', 'both', 'night'])
    expect(on('2026-11-29T21:00:00+01:00')).toEqual(['night'])
  })

  it('has no gap and nobody twice when the clocks are changed', () => {
    for (const night of ['2026-03-28T12:00:00Z', '2026-10-24T12:00:00Z'])
      for (let quarter = 0; quarter < 96; quarter++) {
        const there = dutyOf(config, 'building', undefined, {
          ...at(night),
          wall_ms: Date.parse(night) + quarter * 900_000,
        })
        expect(there.filter((one) => one !== 'both')).toHaveLength(new Set(there.filter((one) => one !== 'both')).size)
        expect(there.some((one) => one === 'day' || one === 'night')).toBe(true)
      }
    expect(on('2026-10-25T08:30:00+02:00')).toEqual(['night'])
    expect(on('2026-10-25T08:30:00+01:00')).toEqual(['day'])
  })

  it('is everybody where nobody is on shift, or nobody knows what time it is', () => {
    expect(dutyOf(config, 'estate', undefined, at('2026-11-22T12:00:00+01:00'))).toEqual(['chief'])
    expect(dutyOf(config, 'building', undefined, at('1970-01-01T12:00:00Z', 'unsynced'))).toEqual([
      'day',
      'night',
      'both',
    ])
    expect(dutyOf(config, 'street', undefined, at('2026-11-23T12:00:00Z'))).toEqual([])
  })
})

describe('the team', () => {
  it('has the skill, somebody on shift, and rather this place alone', () => {
    const now = at('2026-11-23T12:00:00Z')
    expect(teamFor(config, { skill: 'patrol' }, { building: '3' }, now)).toBe('patrol')
    expect(teamFor(config, { skill: 'property' }, undefined, now)).toBe('property')
    expect(teamFor(config, { skill: 'diving' }, undefined, now)).toBeUndefined()
    expect(teamFor(config, { team: 'east', skill: 'property' }, undefined, now)).toBe('east')
  })
})

describe('the settings', () => {
  it('of the site come before the shipped rules, which they can switch off', () => {
    const rules = [
      { name: 'quiet', class: 'access-gate', events: ['held-open'], places: [{ spot: 'gate 2' }], kind: 'none' },
    ]
    const own = incidentConfig({ rules } as IncidentSettings)
    expect(ruleFor(own, { class: 'access-gate', type: 'held-open', place: { spot: 'gate 2' } })).toBeUndefined()
    expect(ruleFor(own, { class: 'access-gate', type: 'held-open' })).toMatchObject({
      name: 'held-open',
      kind: 'shared',
    })
    expect(ruleFor(own, { class: 'access-gate', type: 'passage' })).toBeUndefined()
  })

  it('give each kind and place its limits', () => {
    const own = incidentConfig({ limits: [{ kinds: ['shared'], places: [{ building: '3' }], resolve_s: 600 }] })
    expect(limitOf(own, 'resolve', 'shared', { building: '3' })?.limit_ms).toBe(600_000)
    expect(limitOf(own, 'resolve', 'shared', { building: '4' })?.limit_ms).toBe(7_200_000)
    expect(limitOf(own, 'dispatch', 'private', undefined)).toBeUndefined()
  })

  it('name nobody who is not there', () => {
    expect(settingsFault(SETTINGS)).toBeUndefined()
    const { chief: _gone, ...people } = SETTINGS.people ?? {}
    expect(settingsFault({ ...SETTINGS, people })).toMatchObject({ path: '/teams/property/shifts/0/people' })
  })
})
