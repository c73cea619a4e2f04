/** The login page: one of three parts is shown, in one of two languages. No cookie is touched here; the browser keeps it. */

const WORDS = {
  zh: {
    title: '登录',
    login: '登录',
    name: '姓名',
    secret: '密码',
    forgotten: '忘记密码？请管理员在枢纽上运行 linli user passwd。',
    change: '修改密码',
    mustChange: '这是为您生成的初始密码。请先设置自己的密码。',
    current: '当前密码',
    next: '新密码',
    rule: '至少 12 个字符，例如四个不相关的词。',
    again: '再次输入新密码',
    save: '保存',
    cancel: '取消',
    logout: '退出登录',
    hello: (name) => `您好，${name}`,
    roles: { viewer: '查看者', operator: '值班员', installer: '安装员', admin: '管理员' },
    desk: '值班台',
    editor: '流程编辑器',
    saved: '密码已修改，其他设备上的登录已失效。',
    differs: '两次输入的新密码不一致。',
    refused: '姓名或密码错误。',
    wrong: '当前密码错误。',
    paused: (wait) => `尝试次数过多，请在 ${wait} 后再试。`,
    busy: '登录人数过多，请稍候再试。',
    weak: '新密码太短、太容易猜到，或与当前密码相同。',
    lost: '连接不上枢纽，请检查网络后再试。',
    wait: (s) => (s < 90 ? `${s} 秒` : `${Math.ceil(s / 60)} 分钟`),
  },
  en: {
    title: 'Log in',
    login: 'Log in',
    name: 'Name',
    secret: 'Password',
    forgotten: 'Forgotten? An admin runs linli user passwd at the hub.',
    change: 'Change password',
    mustChange: 'This password was made for you. Choose your own first.',
    current: 'Current password',
    next: 'New password',
    rule: 'At least 12 characters, for example four unrelated words.',
    again: 'New password again',
    save: 'Save',
    cancel: 'Cancel',
    logout: 'Log out',
    hello: (name) => `Hello, ${name}`,
    roles: { viewer: 'Viewer', operator: 'Operator', installer: 'Installer', admin: 'Administrator' },
    desk: 'Duty desk',
    editor: 'Flow editor',
    saved: 'The password is changed; logins on other devices have ended.',
    differs: 'The two new passwords are not the same.',
    refused: 'Wrong name or password.',
    wrong: 'The current password is wrong.',
    paused: (wait) => `Too many wrong ones. Try again in ${wait}.`,
    busy: 'Too many people log in at once. Try again in a moment.',
    weak: 'The new password is too short, too easy to guess, or the present one.',
    lost: 'The hub does not answer. Check the network and try again.',
    wait: (s) => (s < 90 ? `${s} seconds` : `${Math.ceil(s / 60)} minutes`),
  },
}

/** Where somebody of which role goes from here. */
const PLACES = [
  { href: '/desk/', text: 'desk' },
  { href: '/editor/', text: 'editor' },
]
const LANGUAGE_KEY = 'linli-language'

const $ = (selector, root = document) => root.querySelector(selector)
const parts = { login: $('#login'), change: $('#change'), home: $('#home') }
let language = localStorage.getItem(LANGUAGE_KEY) === 'en' ? 'en' : 'zh'
let person
let shown
/** What each part has to say, as a function of the words, so that it follows the language. */
const said = new Map()

function speak() {
  const words = WORDS[language]
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  document.title = `${words.title} · 邻里 Linli`
  const other = $('#language')
  other.textContent = language === 'zh' ? 'English' : '中文'
  other.lang = language === 'zh' ? 'en' : 'zh-CN'
  for (const element of document.querySelectorAll('[data-text]')) element.textContent = words[element.dataset.text]
  for (const [element, say] of said) element.textContent = say(words)
  if (!person) return
  $('#who').textContent = words.hello(person.name)
  $('#role').textContent = words.roles[person.role]
  const may = person.may.map((one) => Object.assign(document.createElement('li'), { textContent: one[language] }))
  $('#may').replaceChildren(...may)
  const links = PLACES.map(({ href, text }) =>
    Object.assign(document.createElement('a'), { href, textContent: words[text] }),
  )
  $('#places').replaceChildren(...links)
}

function say(part, words) {
  const element = $('.problem, .done', parts[part])
  element.hidden = words === undefined
  if (words) said.set(element, words)
  else said.delete(element)
  speak()
}

function show(part) {
  shown = part
  for (const [name, element] of Object.entries(parts)) element.hidden = name !== part
  for (const element of document.querySelectorAll('[data-only]'))
    element.hidden = (element.dataset.only === 'must') !== (person?.mustChange === true)
  say(part, undefined)
  $('input:not([hidden])', parts[part])?.focus()
}

/** Only a path of this hub. */
function nextPlace() {
  const next = new URLSearchParams(location.search).get('next')
  if (!next?.startsWith('/')) return undefined
  const url = new URL(next, location.href)
  return url.origin === location.origin && !url.pathname.startsWith('/login') ? url.href : undefined
}

function arrived() {
  if (person.mustChange) {
    $('#change').elements.username.value = person.name
    return show('change')
  }
  const next = nextPlace()
  if (next) return location.replace(next)
  show('home')
}

async function ask(method, path, body) {
  try {
    const headers = body ? { 'content-type': 'application/json' } : {}
    const response = await fetch(path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) })
    const value = response.status === 204 ? {} : await response.json()
    return response.ok ? { ok: true, value } : { ok: false, ...value }
  } catch {
    return { ok: false, code: 'LOST' }
  }
}

function problemOf({ code, wait_s }, refused) {
  const simple = { LOGIN_REFUSED: refused, LOGIN_NEEDED: 'refused', LOGIN_BUSY: 'busy', SECRET_WEAK: 'weak' }
  if (code === 'LOGIN_PAUSED') return (words) => words.paused(words.wait(wait_s))
  return (words) => words[simple[code] ?? 'lost']
}

function onSubmit(part, submit) {
  parts[part].addEventListener('submit', async (event) => {
    event.preventDefault()
    const button = $('[type=submit]', parts[part])
    button.disabled = true
    say(part, undefined)
    await submit(Object.fromEntries(new FormData(parts[part])))
    button.disabled = false
  })
}

onSubmit('login', async ({ name, secret }) => {
  const answer = await ask('POST', '/api/v1/session', { name, secret })
  if (!answer.ok) return say('login', problemOf(answer, 'refused'))
  person = answer.value
  arrived()
  // A made secret is the current one of the next form; elsewhere it has no business to stay.
  if (person.mustChange) parts.change.elements.secret.value = secret
  parts.login.reset()
})

onSubmit('change', async ({ secret, next, again }) => {
  if (next !== again) return say('change', (words) => words.differs)
  const answer = await ask('PUT', '/api/v1/me/secret', { secret, next })
  if (!answer.ok) return say('change', problemOf(answer, 'wrong'))
  person = answer.value
  parts.change.reset()
  arrived()
  if (shown === 'home') say('home', (words) => words.saved)
})

$('#language').addEventListener('click', () => {
  language = language === 'zh' ? 'en' : 'zh'
  localStorage.setItem(LANGUAGE_KEY, language)
  speak()
})
$('#toChange').addEventListener('click', () => {
  $('#change').elements.username.value = person.name
  show('change')
})
$('#cancel').addEventListener('click', () => {
  parts.change.reset()
  show('home')
})
$('#logout').addEventListener('click', async () => {
  await ask('DELETE', '/api/v1/session')
  person = undefined
  history.replaceState(null, '', '/login')
  show('login')
})

const me = await ask('GET', '/api/v1/me')
if (me.ok) person = me.value
// Without a choice of their own, the language of the person.
if (person && localStorage.getItem(LANGUAGE_KEY) === null) language = person.language
if (person) arrived()
else show('login')
