import type { HubOptions } from '../config.ts'
import type { SiteConfig } from './schema.ts'

/** What `site.json` says, where the command line says nothing else for this run. */
export function withSite(
  options: HubOptions,
  isGiven: (option: keyof HubOptions) => boolean,
  {
    site,
    name,
    language,
    listen = {},
    upstreams,
  }: Pick<SiteConfig, 'site' | 'name' | 'language' | 'listen' | 'upstreams'>,
): HubOptions {
  const { host, ...ports } = listen
  const listed = Object.entries(ports).map(([option, port]) => [option, String(port)] as const)
  const said: Partial<HubOptions> = { site, name, language, ...(host ? { host } : {}), ...Object.fromEntries(listed) }
  const taken = Object.entries(said).filter(([option]) => !isGiven(option as keyof HubOptions))
  return { ...options, ...Object.fromEntries(taken), ...(upstreams ? { siteUpstreams: upstreams } : {}) }
}

/** What a hub reads only when it starts, and that is not as it was then. */
export function restartNeeded(started: SiteConfig, now: SiteConfig): string[] {
  const fields = ['site', 'name', 'language', 'timeZone', 'listen', 'upstreams'] as const
  return fields.filter((field) => JSON.stringify(started[field]) !== JSON.stringify(now[field]))
}
