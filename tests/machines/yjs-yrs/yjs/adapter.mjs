// Yjs behind the line protocol of tests/machines/README.md: one answer line for each command line.
import { createHash } from 'node:crypto'
import { readSync, writeSync } from 'node:fs'
import * as Y from 'yjs'

// --- Errors ---------------------------------------------------------------------------------------

// An answer `err CLASS TEXT`.
class Refusal extends Error {
  constructor (kind, text) {
    super(text)
    this.kind = kind
  }
}

const refuse = (kind, text) => { throw new Refusal(kind, text) }

// Every exception becomes an answer. Yjs throws plain errors, so the class is known by the text.
const errorAnswer = error => {
  const text = String(error.message ?? error).split('\n')[0]
  if (error instanceof Refusal) return `err ${error.kind} ${text}`
  return `err ${text === 'Length exceeded!' ? 'range' : 'panic'} ${text}`
}

// --- Words of a line ------------------------------------------------------------------------------

const number = word => {
  if (!/^[0-9]{1,9}$/.test(word)) refuse('usage', `not a number: ${word}`)
  return Number(word)
}

const json = word => {
  try {
    return JSON.parse(word)
  } catch {
    return refuse('usage', `not JSON: ${word}`)
  }
}

const string = word => {
  const value = json(word)
  // A surrogate that is alone. (`isWellFormed` needs Node.js 20.)
  if (typeof value !== 'string' || /\p{Surrogate}/u.test(value)) refuse('usage', `not a string: ${word}`)
  return value
}

const array = word => {
  const value = json(word)
  return Array.isArray(value) ? value : refuse('usage', `not an array: ${word}`)
}

const attributes = word => {
  const value = json(word)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? value : refuse('usage', `not an object: ${word}`)
}

const bytes = word => {
  if (!/^([0-9a-f]{2})+$/.test(word)) refuse('usage', `not hex: ${word}`)
  return new Uint8Array(Buffer.from(word, 'hex'))
}

const hex = update => Buffer.from(update).toString('hex')

// --- The canonical form of a value ----------------------------------------------------------------

const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))

// JSON without spaces, members in the order of their names' bytes, numbers that are no safe
// integers as the bytes of a double.
const canonical = value => {
  if (value === undefined) return '"undefined"'
  if (typeof value === 'bigint') return `"bigint:${value}"`
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return String(value)
    const double = Buffer.alloc(8)
    double.writeDoubleBE(value)
    return `"double:${double.toString('hex')}"`
  }
  if (value instanceof Y.Text) return `{"text":${delta(value)}}`
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value === 'object' && value !== null) return members(Object.entries(value))
  return JSON.stringify(value)
}

const members = entries => {
  const sorted = entries.sort(([a], [b]) => byBytes(a, b))
  return `{${sorted.map(([name, value]) => `${JSON.stringify(name)}:${canonical(value)}`).join()}}`
}

// Runs of text with their attributes. The places at which a run is split have no meaning, nor has
// a null attribute.
const delta = text => {
  const runs = []
  for (const { insert, attributes = {} } of text.toDelta()) {
    const set = canonical(Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== null)))
    const last = runs.at(-1)
    if (last?.set === set) last.insert += insert
    else runs.push({ insert, set })
  }
  return `[${runs.map(({ insert, set }) => `[${JSON.stringify(insert)},${set}]`).join()}]`
}

// --- Replicas -------------------------------------------------------------------------------------

let replicas = []

const replica = (id, hasUndo) => {
  const doc = new Y.Doc()
  doc.clientID = id
  const self = { doc, text: doc.getText('t'), map: doc.getMap('m'), array: doc.getArray('a'), last: null }
  const scope = [self.text, self.map, self.array]
  self.undo = hasUndo ? new Y.UndoManager(scope, { captureTimeout: 0 }) : null
  doc.on('update', update => { self.last = update })
  return self
}

const at = word => replicas[number(word)] ?? refuse('usage', `no replica ${word}`)

// `t` is the text of the replica, `m/KEY` the text at a key of its map.
const textAt = (self, word) => {
  if (word === 't') return self.text
  if (!word.startsWith('m/')) refuse('usage', `no text ${word}`)
  const value = self.map.get(word.slice(2))
  return value instanceof Y.Text ? value : refuse('type', `no text at ${word}`)
}

const undoOf = self => self.undo ?? refuse('usage', 'started without undo')

const vectorOf = doc => {
  const clocks = [...Y.decodeStateVector(Y.encodeStateVector(doc))].sort(([a], [b]) => a - b)
  return clocks.map(([client, clock]) => `${client}:${clock}`).join() || '-'
}

const vectorFrom = word => {
  if (word === '-') return Y.encodeStateVector(new Map())
  if (!/^[0-9]{1,9}:[0-9]{1,9}(,[0-9]{1,9}:[0-9]{1,9})*$/.test(word)) refuse('usage', `no vector: ${word}`)
  return Y.encodeStateVector(new Map(word.split(',').map(clock => clock.split(':').map(Number))))
}

// Errors of Yjs for bytes that are not an update have no class of their own.
const decoding = f => {
  try {
    return f()
  } catch (error) {
    return refuse('decode', String(error.message).split('\n')[0])
  }
}

const stateOf = ({ array, map, text }) =>
  `{"a":${canonical(array.toArray())},"m":${members([...map.entries()])},"t":${delta(text)}}`

// --- Commands -------------------------------------------------------------------------------------

const start = (count, undo) => {
  const n = number(count)
  if (n < 1 || n > 3 || ![undefined, 'undo'].includes(undo)) refuse('usage', 'new 1..3 [undo]')
  for (const { doc } of replicas) doc.destroy()
  replicas = Array.from({ length: n }, (_, i) => replica(i + 1, undo === 'undo'))
}

const insert = (self, name, pos, set, word) => {
  const [text, index, chunk] = [textAt(self, name), number(pos), string(word)]
  if (set === '-') text.insert(index, chunk)
  else text.insert(index, chunk, attributes(set))
}

const sync = (from, to) => {
  const update = Y.encodeStateAsUpdate(from.doc, Y.encodeStateVector(to.doc))
  Y.applyUpdate(to.doc, update, 'remote')
}

const load = update => {
  const fresh = replica(9, false)
  decoding(() => Y.applyUpdate(fresh.doc, update, 'remote'))
  return stateOf(fresh)
}

// The least and the greatest number of words, and the command. Its last word takes the rest of the
// line; its result follows `ok`.
const COMMANDS = {
  hello: [0, 0, () => 'yjs-yrs 1'],
  new: [1, 2, start],
  insert: [5, 5, (r, name, pos, set, word) => insert(at(r), name, pos, set, word)],
  delete: [4, 4, (r, name, pos, len) => textAt(at(r), name).delete(number(pos), number(len))],
  format: [5, 5, (r, name, pos, len, set) =>
    textAt(at(r), name).format(number(pos), number(len), attributes(set))],
  len: [2, 2, (r, name) => (name === 'a' ? at(r).array : textAt(at(r), name)).length],
  text: [2, 2, (r, name) => delta(textAt(at(r), name))],
  set: [3, 3, (r, key, value) => { at(r).map.set(key, json(value)) }],
  unset: [2, 2, (r, key) => at(r).map.delete(key)],
  get: [2, 2, (r, key) => (at(r).map.has(key) ? canonical(at(r).map.get(key)) : '-')],
  nest: [2, 2, (r, key) => { at(r).map.set(key, new Y.Text()) }],
  add: [3, 3, (r, pos, values) => at(r).array.insert(number(pos), array(values))],
  remove: [3, 3, (r, pos, len) => at(r).array.delete(number(pos), number(len))],
  undo: [1, 1, r => undoOf(at(r)).undo() !== null],
  redo: [1, 1, r => undoOf(at(r)).redo() !== null],
  state: [1, 1, r => stateOf(at(r))],
  sv: [1, 1, r => vectorOf(at(r).doc)],
  dump: [1, 1, r => hex(Y.encodeStateAsUpdate(at(r).doc))],
  hash: [1, 1, r => createHash('sha256').update(Y.encodeStateAsUpdate(at(r).doc)).digest('hex')],
  diff: [2, 2, (r, vector) => hex(Y.encodeStateAsUpdate(at(r).doc, vectorFrom(vector)))],
  last: [1, 1, r => (at(r).last === null ? '-' : hex(at(r).last))],
  apply: [2, 2, (r, update) => {
    const [self, sent] = [at(r), bytes(update)]
    decoding(() => Y.applyUpdate(self.doc, sent, 'remote'))
  }],
  sync: [2, 2, (from, to) => sync(at(from), at(to))],
  merge: [2, 2, (a, b) => {
    const updates = [bytes(a), bytes(b)]
    return hex(decoding(() => Y.mergeUpdates(updates)))
  }],
  load: [1, 1, update => load(bytes(update))]
}

const answer = line => {
  try {
    const [name, ...words] = line.split(' ')
    if (!Object.hasOwn(COMMANDS, name)) refuse('unknown', `no command ${name}`)
    const [least, most, run] = COMMANDS[name]
    if (words.length > most && most > 0) words.push(words.splice(most - 1).join(' '))
    if (words.length < least || words.length > most) refuse('usage', `${name}: ${words.length} words`)
    const result = run(...words)
    return result === undefined ? 'ok' : `ok ${result}`
  } catch (error) {
    return errorAnswer(error)
  }
}

// --- Lines ----------------------------------------------------------------------------------------

// Blocking reads and writes, so that an answer has left the process before the next line runs.
const chunk = Buffer.alloc(1 << 16)
let rest = Buffer.alloc(0)
for (let n; (n = readSync(0, chunk)) > 0;) {
  rest = Buffer.concat([rest, chunk.subarray(0, n)])
  for (let end; (end = rest.indexOf(10)) >= 0;) {
    writeSync(1, `${answer(rest.toString('utf8', 0, end))}\n`)
    rest = rest.subarray(end + 1)
  }
}
