import { readdirSync, readFileSync } from 'node:fs'

/** What `npm run contract` has generated and is checked in: the AsyncAPI document, its schemas, and their index page. */
export const PUBLISHED = new URL('published/', import.meta.url)

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  json: 'application/json; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
}

export interface PublishedFile {
  /** Below `/contract/`, e.g. `schemas/avail.json`. */
  path: string
  type: string
  read(): Buffer
}

/** All of it, and the page that explains every field. */
export function publishedFileList(): PublishedFile[] {
  const file = (path: string, url: URL): PublishedFile => ({
    path,
    type: TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
    read: () => readFileSync(url),
  })
  const schemas = readdirSync(new URL('schemas/', PUBLISHED)).sort()
  return [
    ...['index.html', 'asyncapi.json', ...schemas.map((name) => `schemas/${name}`)].map((path) =>
      file(path, new URL(path, PUBLISHED)),
    ),
    file('README.md', new URL('README.md', import.meta.url)),
  ]
}
