import type { FastifyInstance, FastifyReply } from 'fastify'
import { LinliError } from '../contract/errors.ts'
import { checker } from '../contract/schema.ts'
import type { TSchema } from '../contract/type.ts'
import type { LoginAnswer, PeopleDesk, Person } from '../people/desk.ts'
import { NAME_PATTERN } from '../people/people.ts'
import { mayAs, ROLE_MAY, ROLES } from '../people/roles.ts'
import { LoginBody, SecretBody } from './desk-table.ts'
import { type Guard, openTo, refuse, requires, whoAsks } from './guard.ts'

/** Login, logout, who am I, and another secret, for pages and programs alike. */

const BODY_BYTES_MAX = 4 * 1024
const checkLogin = checker(LoginBody)
const checkChange = checker(SecretBody)
const isName = (text: string) => new RegExp(NAME_PATTERN, 'u').test(text)

export function addSessionRoutes(app: FastifyInstance, desk: PeopleDesk, guard: Guard): void {
  const options = { bodyLimit: BODY_BYTES_MAX }

  app.post('/api/v1/session', { ...options, config: openTo('it is how one logs in') }, async (request, reply) => {
    const body = checkLogin(request.body)
    if (!body.ok) return badBody(reply, LoginBody)
    const name = body.value.name.normalize('NFC').trim()
    const { secret } = body.value
    const answer = await desk.login({ name: isName(name) ? name : '?', secret, address: request.ip })
    // A token that was there before the login is good for nothing after it, whoever put it there.
    const before = guard.tokenOf(request.headers)
    if (answer.ok && before !== undefined) await desk.logout(before, request.ip)
    return answered(reply, guard, answer)
  })

  const own = requires('viewer', { evenWithMadeSecret: true })

  app.delete('/api/v1/session', { ...options, config: own }, async (request, reply) => {
    await desk.logout(guard.tokenOf(request.headers) ?? '', request.ip)
    guard.setCookie(reply, undefined)
    // Pages of the person before must not be seen by the one after.
    return reply.header('clear-site-data', '"cache", "storage"').code(204).send()
  })

  app.get('/api/v1/me', { config: own }, async (request) => shown(whoAsks(request)))

  app.put('/api/v1/me/secret', { ...options, config: own }, async (request, reply) => {
    const body = checkChange(request.body)
    if (!body.ok) return badBody(reply, SecretBody)
    const { name } = whoAsks(request)
    try {
      return answered(reply, guard, await desk.changeSecret({ name, ...body.value, address: request.ip }))
    } catch (error) {
      if (!(error instanceof LinliError) || error.code !== 'SECRET_WEAK') throw error
      return reply.code(422).send({ code: error.code, path: '/next', message: error.message })
    }
  })
}

function answered(reply: FastifyReply, guard: Guard, answer: LoginAnswer): FastifyReply {
  if (answer.ok) {
    guard.setCookie(reply, answer.token)
    return reply.send(shown(answer.person))
  }
  if (answer.code === 'LOGIN_REFUSED') return refuse(reply, 401, answer.code)
  const wait_s = Math.ceil(answer.for_ms / 1000)
  reply.header('retry-after', String(wait_s))
  return refuse(reply, answer.code === 'LOGIN_PAUSED' ? 429 : 503, answer.code, { wait_s })
}

function shown({ name, role, language, mustChange }: Person): object {
  const may = ROLES.filter((one) => mayAs(role, one)).map((one) => ROLE_MAY[one])
  return { name, role, language, mustChange, may }
}

/** Without what was sent, which may be a secret. */
function badBody(reply: FastifyReply, schema: TSchema): FastifyReply {
  const fields = Object.keys((schema as { properties?: object }).properties ?? {}).join(', ')
  const message = `请求格式有误 / send JSON with exactly: ${fields}`
  return reply.code(400).send({ code: 'SCHEMA_VIOLATION', message })
}
