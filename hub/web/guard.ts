import type { FastifyRequest } from 'fastify'

export type Role = 'viewer' | 'operator' | 'installer' | 'admin'
declare module 'fastify' {
  interface FastifyContextConfig {
    access?: unknown
  }
}
export function requires(role: Role): { access: unknown } {
  return { access: { role } }
}
export function openTo(everybody: string): { access: unknown } {
  return { access: { open: everybody } }
}
export function whoAsks(request: FastifyRequest): { name: string; role: Role } {
  return { name: String(request.headers['x-dev-name'] ?? 'dev'), role: 'admin' }
}
