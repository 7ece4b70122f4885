import { posix } from 'node:path'
import ts from 'typescript'

/** One import, export-from, dynamic import or import type of a file. */
export interface Import {
  /** As written. */
  specifier: string
  /** Path from the root of the repo for a relative import, null for a package. */
  target: string | null
  /** It vanishes when the types are stripped. */
  typeOnly: boolean
}

export interface SourceFile {
  /** From the root of the repo, with slashes. */
  path: string
  lines: number
  imports: Import[]
  /** Reads of the machine's clock and timers, such as `Date.now`. */
  clockReads: string[]
}

const TIMERS = new Set(['setTimeout', 'setInterval'])
const CLOCKS = new Set(['Date.now', 'performance.now', 'process.hrtime', 'process.uptime'])

export function parseSource(path: string, text: string): SourceFile {
  const root = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const file: SourceFile = { path, lines: countLines(text), imports: [], clockReads: [] }
  const visit = (node: ts.Node): void => {
    const found = importOf(node)
    if (found) {
      const [specifier, typeOnly] = found
      file.imports.push({ specifier, target: targetOf(path, specifier), typeOnly })
    }
    const read = clockReadOf(node)
    if (read) {
      file.clockReads.push(read)
    }
    ts.forEachChild(node, visit)
  }
  visit(root)
  return file
}

function countLines(text: string): number {
  return text.replace(/\n$/, '').split('\n').length
}

function targetOf(path: string, specifier: string): string | null {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : null
}

function importOf(node: ts.Node): [specifier: string, typeOnly: boolean] | null {
  if (ts.isImportDeclaration(node)) {
    return [textOf(node.moduleSpecifier), isTypeImport(node.importClause)]
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
    const names = node.exportClause && ts.isNamedExports(node.exportClause)
    const elements = names ? (node.exportClause as ts.NamedExports).elements : []
    return [textOf(node.moduleSpecifier), node.isTypeOnly || allTypes(elements)]
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return [textOf(node.arguments[0]), false]
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return [textOf(node.argument.literal), true]
  }
  return null
}

function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  if (!clause) {
    return false
  }
  const { namedBindings } = clause
  const elements = namedBindings && ts.isNamedImports(namedBindings) ? namedBindings.elements : []
  return clause.phaseModifier === ts.SyntaxKind.TypeKeyword || (!clause.name && allTypes(elements))
}

function allTypes(elements: readonly (ts.ImportSpecifier | ts.ExportSpecifier)[]): boolean {
  return elements.length > 0 && elements.every(({ isTypeOnly }) => isTypeOnly)
}

/** A specifier that is computed cannot be judged: it is shown as its source. */
function textOf(node: ts.Node): string {
  return ts.isStringLiteralLike(node) ? node.text : `(${node.getText()})`
}

function clockReadOf(node: ts.Node): string | null {
  if (ts.isPropertyAccessExpression(node) && CLOCKS.has(node.getText())) {
    return node.getText()
  }
  if (ts.isCallExpression(node) && TIMERS.has(node.expression.getText())) {
    return node.expression.getText()
  }
  if (ts.isImportSpecifier(node) && TIMERS.has((node.propertyName ?? node.name).text)) {
    return `import of ${(node.propertyName ?? node.name).text}`
  }
  const isNow =
    ts.isNewExpression(node) &&
    node.expression.getText() === 'Date' &&
    (node.arguments ?? []).length === 0
  return isNow ? 'new Date()' : null
}
