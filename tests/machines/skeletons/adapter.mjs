// An adapter: it reads a command line and writes exactly one answer line, until its input ends.
import { readSync, writeSync } from 'node:fs'

// --- To keep --------------------------------------------------------------------------------------

// An answer `err CLASS TEXT`: the program refuses the command, and nothing has changed.
class Refusal extends Error {
  constructor (kind, text) {
    super(text)
    this.kind = kind
  }
}

const refuse = (kind, text) => { throw new Refusal(kind, text) }

const answer = line => {
  try {
    const result = run(...line.split(' '))
    return result === undefined ? 'ok' : `ok ${result}`
  } catch (error) {
    if (error instanceof Refusal) return `err ${error.kind} ${error.message}`
    // An unexpected error becomes an answer, too, of one line.
    return `err panic ${error?.message ?? error}`.replaceAll('\n', ' ')
  }
}

// Blocking reads and writes: an answer leaves the process before the next line runs. Answers that
// are written to `process.stdout` may still wait in it when the program hangs or ends.
const main = () => {
  const chunk = Buffer.alloc(1 << 16)
  let rest = Buffer.alloc(0)
  const reply = bytes => writeSync(1, `${answer(bytes.toString('utf8'))}\n`)
  for (let n; (n = readSync(0, chunk)) > 0;) {
    rest = Buffer.concat([rest, chunk.subarray(0, n)])
    for (let end; (end = rest.indexOf(10)) >= 0;) {
      reply(rest.subarray(0, end))
      rest = rest.subarray(end + 1)
    }
  }
  if (rest.length > 0) reply(rest)
}

// --- To replace by your program: a counter with a log ---------------------------------------------

const usage = {
  hello: 'hello',
  new: 'new LIMIT',
  add: 'add N',
  sub: 'sub N',
  undo: 'undo',
  clear: 'clear',
  value: 'value',
  len: 'len',
  entry: 'entry INDEX',
  log: 'log',
  tally: 'tally',
  fail: 'fail'
}

let state

// A start line makes the program forget everything before it.
const start = limit => { state = { limit, value: 0, log: [] } }

const signed = by => (by < 0 ? String(by) : `+${by}`)

const run = (name, ...words) => {
  if (!Object.hasOwn(usage, name)) refuse('unknown', 'no such command')
  if (words.length !== usage[name].split(' ').length - 1) refuse('usage', usage[name])
  switch (name) {
    case 'hello': return 'counter 1'
    case 'new': return start(number(words[0], usage.new, 1, 65535, 'a limit is 1 to 65535'))
    case 'add': return change(number(words[0], usage.add, 0, 65535, 'a number is at most 65535'))
    case 'sub': return change(-number(words[0], usage.sub, 0, 65535, 'a number is at most 65535'))
    case 'undo':
      if (state.log.length === 0) refuse('empty', 'the log is empty')
      return (state.value -= state.log.pop())
    case 'clear': state.log = []; return undefined
    case 'value': return state.value
    case 'len': return state.log.length
    case 'entry':
      return signed(state.log[number(words[0], usage.entry, 0, state.log.length - 1, 'no such entry')])
    case 'log': return state.log.map(signed).join() || '-'
    case 'tally': return tally()
    default: throw new Error('as asked')
  }
}

// Entries of an object are in the order of their arrival; the answer needs one that means nothing.
const tally = () => {
  const counts = {}
  for (const by of state.log.map(signed)) counts[by] = (counts[by] ?? 0) + 1
  return Object.keys(counts).sort().map(by => `${by}:${counts[by]}`).join() || '-'
}

const change = by => {
  if (state.value + by < 0) refuse('range', 'below zero')
  if (state.value + by > state.limit) refuse('range', 'above the limit')
  state.log.push(by === 0 ? 0 : by)
  return (state.value += by)
}

const number = (word, usage, low, high, text) => {
  if (!/^[0-9]{1,10}$/.test(word)) refuse('usage', usage)
  if (Number(word) < low || Number(word) > high) refuse('range', text)
  return Number(word)
}

start(10)
main()
