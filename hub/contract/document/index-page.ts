import { type MessageKind, messageKinds } from '../messages.ts'
import { CHANNEL_WORDS, CLASS_WORDS, wordsOf } from '../words.ts'
import { addressOf } from './asyncapi.ts'
import type { Prose } from './prose.ts'
import { meaningOf, publishedSchemas } from './published-schemas.ts'

/** `/contract/`: what a platform engineer opens first. One page without scripts, in Chinese and English side by side. */

const STYLE = `body{font:15px/1.6 system-ui,"Noto Sans CJK SC","WenQuanYi Micro Hei",sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#1c2733}
table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}td,th{border-bottom:1px solid #d8dee4;padding:.35rem .6rem;text-align:left;vertical-align:top}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}pre{background:#f4f6f8;padding:.8rem;overflow-x:auto}code{overflow-wrap:anywhere}small{color:#57606a}`

const RULES = [
  [
    '<strong>去重</strong>:消息至少送达一次,按 <code>source</code> + <code>id</code> 丢弃重复。',
    '<strong>Drop duplicates</strong> by <code>source</code> + <code>id</code>: delivery is at least once.',
  ],
  [
    '<strong>排序</strong>:同一网关的事件按 <code>bootid</code>、再按 <code>sequence</code>(文本序)排列。',
    '<strong>Order</strong> the events of one gateway by <code>bootid</code>, then <code>sequence</code> (as text).',
  ],
  [
    '<strong><code>replayed: true</code> 是历史</strong>:记录即可,不要再次报警。',
    '<strong><code>replayed: true</code> is history</strong>: record it, sound no siren for it.',
  ],
  [
    '<strong>忽略不认识的内容</strong>:<code>v1</code> 内只会新增可选字段、事件、命令与设备类别。',
    '<strong>Ignore what you do not know</strong>: within <code>v1</code> only optional fields, events, commands and classes are added.',
  ],
] as const

export function indexPage(version: string, prose: Prose): string {
  const kinds = messageKinds()
  const classes = [...new Set(kinds.map((kind) => kind.class))]
  const names = publishedSchemas(prose)
  const rules = RULES.map(([zh, en]) => `<li>${zh}<br><small>${en}</small></li>`).join('\n')
  const sections = classes.map((one) => {
    const rows = kinds
      .filter((kind) => kind.class === one)
      .map((kind) => row(kind, names.get(kind.id)?.name ?? '', prose))
    return `<h2 id="${one}">${CLASS_WORDS[one].zh} ${CLASS_WORDS[one].en} <code>${one}</code></h2>
<table><tr><th>主题后缀 channel</th><th>含义 meaning</th><th>QoS 1, retain</th><th>JSON Schema</th></tr>
${rows.join('\n')}</table>`
  })
  return `<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>邻里接口契约 · Linli contract ${version}</title><style>${STYLE}</style></head><body>
<h1>邻里接口契约 <small>Linli contract v1 · ${version}</small></h1>
<p>由代码中的模式生成,与枢纽实际校验所用相同。<br><small>Generated from the very schemas that the hub validates with.</small></p>
<ul><li><a href="asyncapi.json">asyncapi.json</a> (AsyncAPI 3.0)</li><li><a href="README.md">README.md</a>: 逐字段说明 every field explained (English)</li></ul>
<h2>订阅 Subscribe</h2>
<pre>mosquitto_sub -h HOST -p 1883 -u NAME -P SECRET -i my-platform -c -q 1 -v -t 'linli/v1/STREET/COMMUNITY/ESTATE/#'</pre>
<p>主题 topic: <code>linli/v1/{street}/{community}/{estate}/{gateway}/{class}/{device}/{channel}</code></p>
<ol>${rules}</ol>
${sections.join('\n')}
</body></html>
`
}

function row(kind: MessageKind, schema: string, prose: Prose): string {
  const suffix = addressOf(kind).split('/').slice(8).join('/')
  const words = kind.name === undefined ? CHANNEL_WORDS[kind.channel] : wordsOf(kind)
  const meaning = meaningOf(kind, prose) ?? ''
  const said = [words.en, markdown(meaning)].filter(Boolean).join(': ')
  return `<tr><td><code>${suffix}</code></td><td>${words.zh}<br><small>${said}</small></td><td>${kind.retained ? 'retained' : ''}</td><td><a href="schemas/${schema}.json">${schema}</a></td></tr>`
}

/** The page's cells have code and links in them, and no more Markdown. */
function markdown(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll(/\[([^\]]+)\]\([^)]*\)/g, '$1')
}
