// What a component of the torture run has read of its two topics. A state keeps the last message of each; the next
// one is compared with that. What is wrong is noted in the state, where the run finds it at its end.

/** A state that has read nothing. */
export const NOTHING = {
  /** Of the news: the process and the number of the last message, how many there were, and how many a gap hid. */
  news: { run: '', first: 0, last: 0, count: 0, missed: 0, gap: false },
  /** Of the talk: the last message of each page, and whether a gap was said since. */
  talk: { run: '', last: {}, early: [], gap: false },
  gaps: 0,
  faults: [],
}

/** The most faults that a state keeps: one is too many. */
const MOST_FAULTS = 4

/** The receiver of the news throws at these messages, so that they are in no state. */
export const isThrown = (number) => number % 29 === 0

/** How many of the messages up to `number` do not throw. */
export const goodUpTo = (number) => number - Math.floor(number / 29)

function faulty(read, fault) {
  return { ...read, faults: [...read.faults, fault].slice(0, MOST_FAULTS) }
}

/** A message of another process comes after a gap, and no gap comes within one process. */
function wrongRun(kept, run) {
  if (kept.run === '' || (kept.run !== run) === kept.gap) return undefined
  return kept.gap ? `a gap in process ${run}, which was not killed` : `no gap between processes ${kept.run} and ${run}`
}

export function readNews(read, data, gap) {
  const { news } = read
  if (gap) return { ...read, gaps: read.gaps + 1, news: { ...news, gap: true } }
  const { number, run } = data
  const wrong = wrongRun(news, run)
  if (wrong !== undefined) return faulty(read, `news ${number}: ${wrong}`)
  if (news.first === 0) return { ...read, news: { ...news, run, first: number, last: number, count: 1, gap: false } }
  const hidden = goodUpTo(number) - goodUpTo(news.last) - 1
  if (number <= news.last || (hidden !== 0 && !news.gap)) return faulty(read, `news ${number} after ${news.last}`)
  const next = { ...news, run, last: number, count: news.count + 1, missed: news.missed + hidden, gap: false }
  return { ...read, news: next }
}

export function readTalk(read, data, gap, current) {
  const { talk } = read
  // What was said in a killed process may be said again in the next one: after a gap each page may begin anywhere.
  if (gap) return { ...read, gaps: read.gaps + 1, talk: { ...talk, early: Object.keys(talk.last), gap: true } }
  const { name, number, run } = data
  const last = talk.last[name]
  // What the last step before a crash published is published again by the process that goes on from it, under the same
  // id. Here it is known by the process that it names.
  if (run !== current) {
    if (last !== undefined && number <= last) return read
    return { ...read, talk: { ...talk, last: { ...talk.last, [name]: number } } }
  }
  const wrong = wrongRun(talk, run)
  if (wrong !== undefined) return faulty(read, `${name} said ${number}: ${wrong}`)
  const isFirst = last === undefined || talk.early.includes(name)
  if (!isFirst && number !== last + 1) return faulty(read, `${name} said ${number} after ${last}`)
  const early = talk.early.filter((one) => one !== name)
  return { ...read, talk: { run, last: { ...talk.last, [name]: number }, early, gap: false } }
}

/** What the run compares with its model. */
export function summary({ news, talk, gaps, faults }) {
  const heard = Object.values(talk.last).reduce((sum, number) => sum + number, 0)
  return JSON.stringify([news.first, news.last, news.count, news.missed, heard, gaps, faults])
}
