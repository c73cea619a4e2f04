/** A URL for logs and pages: without user name and password. */
export function redacted(text: string): string {
  const url = new URL(text)
  url.username = ''
  url.password = ''
  return url.toString()
}
