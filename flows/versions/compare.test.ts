import { expect, it } from 'vitest'
import { compareFlows } from './compare.ts'

it('tells by node what was added, removed and changed, and no moving about', () => {
  const tab = { id: 'tab', type: 'tab', label: '报警声光' }
  const siren = {
    id: 'a',
    type: 'linli command',
    z: 'tab',
    name: '鸣笛',
    args: '{"on":true}',
    x: 1,
    y: 1,
    wires: [['b']],
  }
  const lamp = { id: 'b', type: 'linli command', z: 'tab', name: '亮灯', x: 1, y: 2 }
  const after = [tab, { ...siren, args: '{"on":false}', wires: [[]], x: 9 }, { ...lamp, id: 'c' }]
  expect(compareFlows([tab, siren, lamp], after)).toEqual([
    { what: 'changed', flow: '报警声光', id: 'a', type: 'linli command', name: '鸣笛', properties: ['args', 'wires'] },
    { what: 'removed', flow: '报警声光', id: 'b', type: 'linli command', name: '亮灯', properties: [] },
    { what: 'added', flow: '报警声光', id: 'c', type: 'linli command', name: '亮灯', properties: [] },
  ])
  expect(compareFlows(after, [tab, { ...after[1], x: 0, y: 0 }, after[2]] as typeof after)).toEqual([])
})
