/** What the page uses of a node of a syntax tree. */
export interface SyntaxNode {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly parent: SyntaxNode | null
  readonly firstChild: SyntaxNode | null
  readonly nextSibling: SyntaxNode | null
  cursor(): { iterate(enter: (node: { name: string, from: number, to: number }) => boolean | void): void }
}
export interface Tree {
  readonly topNode: SyntaxNode
  resolveInner(at: number, side?: -1 | 0 | 1): SyntaxNode
  iterate(visit: { enter(node: { name: string, from: number, to: number }): boolean | void }): void
}
export declare const parser: { parse(text: string): Tree }
