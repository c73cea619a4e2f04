/** The C library keeps what was freed for later; malloc_trim(3) hands it back to the system. Elsewhere than on glibc nothing is done. */
export async function openTrim(): Promise<() => void> {
  try {
    const { default: koffi } = await import('koffi')
    const trim = koffi.load('libc.so.6').func('int malloc_trim(size_t pad)')
    return () => void trim(0)
  } catch {
    return () => undefined
  }
}
