import packageFile from '../../../package.json' with { type: 'json' }
import type { TSchema } from '../../contract/type.ts'
import type { Words } from '../../contract/words.ts'
import type { Role } from '../../people/roles.ts'

/** The HTTP API as an OpenAPI 3.1 document, made from the very schemas that requests are checked against. */

export interface ApiRoute {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With `{name}` for a parameter. */
  path: string
  /** Absent: open to whoever asks. */
  role?: Role
  says: Words
  query?: TSchema
  /** What may be there in the path. */
  params?: Readonly<Record<string, TSchema>>
  headers?: Readonly<Record<string, TSchema>>
  body?: TSchema
  /** Of a body that is no JSON. */
  bodyTypes?: readonly string[]
  answers: Readonly<Record<number, Answer>>
}

export interface Answer {
  says: string
  schema?: TSchema
  /** JSON when absent. */
  type?: string
  headers?: Readonly<Record<string, TSchema>>
}

type Json = Record<string, unknown>

/** @param named schemas that stand once, under their names */
export function openApi(routes: readonly ApiRoute[], named: Readonly<Record<string, TSchema>>): Json {
  const paths: Record<string, Json> = {}
  for (const route of routes)
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) }
  const document = {
    openapi: '3.1.0',
    info: {
      title: 'Linli 邻里',
      version: packageFile.version,
      description:
        'What the pages and flows of a hub use. Log in at `POST /api/v1/session`; viewer reads, operator acts. 页面与流程使用的接口:先登录,查看者可读,值班员可操作。',
    },
    servers: [{ url: '/' }],
    security: [{ session: [] }],
    paths,
  }
  const names = new Map(Object.entries(named).map(([name, schema]): [unknown, string] => [schema, name]))
  const schemas = Object.fromEntries(Object.entries(named).map(([name, schema]) => [name, plain({ ...schema }, names)]))
  const cookie = { type: 'apiKey', in: 'cookie', name: '__Host-linli', description: '`linli` on loopback' }
  return { ...plain(document, names), components: { securitySchemes: { session: cookie }, schemas } }
}

function operation({
  method,
  path,
  role,
  says,
  query,
  params,
  headers,
  body,
  bodyTypes = [],
  answers,
}: ApiRoute): Json {
  const bodies = Object.fromEntries([
    ...(body ? [['application/json', { schema: body }] as const] : []),
    ...bodyTypes.map((type) => [type, {}] as const),
  ])
  return {
    operationId:
      `${method.toLowerCase()}${path.replace(/[^a-zA-Z]+([a-zA-Z])/g, (_, letter: string) => letter.toUpperCase())}`.replace(
        /[^a-zA-Z]/g,
        '',
      ),
    summary: `${says.zh} ${says.en}`,
    description: `Role 角色: ${role ?? '–'}`,
    parameters: [
      ...Object.entries(params ?? {}).map(([name, schema]) => ({ in: 'path', name, required: true, schema })),
      ...Object.entries(propertiesOf(query)).map(([name, schema]) => ({ in: 'query', name, schema })),
      ...Object.entries(headers ?? {}).map(([name, schema]) => ({ in: 'header', name, schema })),
    ],
    ...(Object.keys(bodies).length > 0 ? { requestBody: { content: bodies } } : {}),
    ...(role === undefined ? { security: [] } : {}),
    responses: Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, response(answer)])),
  }
}

function response({ says, schema, type = 'application/json', headers }: Answer): Json {
  return {
    description: says,
    ...(headers
      ? { headers: Object.fromEntries(Object.entries(headers).map(([name, one]) => [name, { schema: one }])) }
      : {}),
    ...(schema || type !== 'application/json' ? { content: { [type]: schema ? { schema } : {} } } : {}),
  }
}

function propertiesOf(schema: TSchema | undefined): Record<string, TSchema> {
  return ((schema as { properties?: Record<string, TSchema> } | undefined)?.properties ?? {}) as Record<string, TSchema>
}

/** Without what a builder keeps hidden in a schema, and with names for what has one. */
function plain(value: Json, names: ReadonlyMap<unknown, string>): Json {
  const named = (_key: string, one: unknown) => {
    const name = names.get(one)
    return name === undefined ? one : { $ref: `#/components/schemas/${name}` }
  }
  return JSON.parse(JSON.stringify(value, named)) as Json
}
