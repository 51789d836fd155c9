/** The next name beside one that exists: `a.txt`, `a (2).txt`, `a (3).txt`. */
export function nameBeside(name: string): string {
  const cut = name.lastIndexOf('/') + 1
  const [folder, file] = [name.slice(0, cut), name.slice(cut)]
  const dot = file.lastIndexOf('.')
  const [stem, extension] = dot > 0 ? [file.slice(0, dot), file.slice(dot)] : [file, '']
  const numbered = /^(.*) \((\d{1,6})\)$/s.exec(stem)
  const count = numbered === null ? 2 : Number(numbered[2]) + 1
  return `${folder}${numbered?.[1] ?? stem} (${count})${extension}`
}
