// rrule.js's recurrence sets behind the line protocol of the machine file beside this folder. Times
// have no zone; rrule.js has them as UTC.
import { readSync, writeSync } from 'node:fs'
import rrule from 'rrule'

// An answer `err CLASS TEXT`.
class Refusal extends Error {
  constructor (kind, text) {
    super(text)
    this.kind = kind
  }
}

const refuse = (kind, text) => { throw new Refusal(kind, text) }

const timeOf = word => {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)$/.exec(word)
  if (parts === null) refuse('usage', `not a time: ${word}`)
  const [year, month, ...rest] = parts.slice(1).map(Number)
  const time = new Date(Date.UTC(year, month - 1, ...rest))
  return written(time) === word ? time : refuse('usage', `no such time: ${word}`)
}

const written = time => time.toISOString().replace(/[-:]|\.\d*Z/g, '')

const listed = times => times.map(written).join() || '-'

let start = new Date(Date.UTC(2000, 0, 1))
let set = new rrule.RRuleSet()

// `all` of a set goes through one rule after the other, so each has to end.
const addRule = text => {
  if (!/(^|;)(UNTIL|COUNT)=/.test(text)) refuse('usage', 'a rule has UNTIL or COUNT')
  try {
    set.rrule(rrule.rrulestr(text, { dtstart: start }))
  } catch (error) {
    refuse('rule', error.message)
  }
}

const first = word => {
  if (!/^[0-9]{1,3}$/.test(word)) refuse('usage', `not a count: ${word}`)
  return listed(set.all().slice(0, Number(word)))
}

const found = time => listed(time === null ? [] : [time])

// The number of words, and the command, whose result follows `ok`.
const COMMANDS = {
  hello: [0, () => 'recurrence 1'],
  new: [1, word => { [start, set] = [timeOf(word), new rrule.RRuleSet()] }],
  rule: [1, addRule],
  rdate: [1, word => set.rdate(timeOf(word))],
  exdate: [1, word => set.exdate(timeOf(word))],
  first: [1, first],
  between: [2, (low, high) => listed(set.between(timeOf(low), timeOf(high), true))],
  after: [1, word => found(set.after(timeOf(word)))],
  before: [1, word => found(set.before(timeOf(word)))]
}

const answer = line => {
  try {
    const [name, ...words] = line.split(' ')
    if (!Object.hasOwn(COMMANDS, name)) refuse('unknown', `no command ${name}`)
    const [arity, run] = COMMANDS[name]
    if (words.length !== arity) refuse('usage', `${name}: ${words.length} words`)
    const result = run(...words)
    return result === undefined ? 'ok' : `ok ${result}`
  } catch (error) {
    return `err ${error instanceof Refusal ? error.kind : 'panic'} ${error.message}`.replaceAll('\n', ' ')
  }
}

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
