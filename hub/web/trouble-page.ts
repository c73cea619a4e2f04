import type { ServerResponse } from 'node:http'

/** What somebody sees when the flows process does not answer: in both languages, and it tries again by itself. */

export type Trouble = keyof typeof WORDS

const WORDS = {
  400: { zh: '这个地址有误。', en: 'This address is wrong.' },
  413: { zh: '内容太大。', en: 'That is too large.' },
  502: {
    zh: '流程正在启动或已停止。报警照常送达，本页会自动重试。',
    en: 'The flows start or stand still. Alarms are delivered all the same; this page tries again by itself.',
  },
  503: { zh: '流程正忙，请稍候。', en: 'The flows are busy; this page tries again by itself.' },
  504: {
    zh: '流程没有响应，枢纽会自动重启它。报警照常送达，本页会自动重试。',
    en: 'The flows do not answer; the hub starts them again. Alarms are delivered all the same; this page tries again by itself.',
  },
} as const

const RETRY_S = 5

export function sendTrouble(response: ServerResponse, status: Trouble): void {
  if (response.headersSent || response.destroyed) return
  const { zh, en } = WORDS[status]
  const again = status >= 500 ? `<meta http-equiv="refresh" content="${RETRY_S}">` : ''
  const page = `<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">${again}<meta name="viewport" content="width=device-width, initial-scale=1"><title>邻里 Linli</title><link rel="stylesheet" href="/login/login.css"></head><body><main><section><h1>邻里 Linli</h1><p>${zh}</p><p lang="en">${en}</p></section></main></body></html>`
  response
    .writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'self'; frame-ancestors 'self'",
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-length': Buffer.byteLength(page),
      // The rest of a body that nobody reads.
      connection: 'close',
      ...(status >= 500 ? { 'retry-after': String(RETRY_S) } : {}),
    })
    .end(page)
}
