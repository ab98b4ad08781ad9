// Where the server is, the rows that are expected, how checks are run: what kit.py is for Python.

import assert from 'node:assert/strict'

export const {
  TIDEMILL_URL: URL_V2,
  TIDEMILL_V3_URL: URL_V3,
  TIDEMILL_TOKEN: TOKEN,
  TIDEMILL_DATABASE: DATABASE,
} = process.env
for (const [name, value] of Object.entries({URL_V2, URL_V3, TOKEN, DATABASE})) {
  assert(value, `${name} is not in the environment; start this by tests/kits/run`)
}

export const BASE = 1_700_000_000_000_000_000n
// Every type, and a NULL of every type.
export const LINES = String.raw`types,host=a f=1.5,i=-2i,u=18446744073709551615u,b=true,s="x y" ${BASE}
types,host=b,region=r\ 1 f=-1e300 ${BASE + 1n}
types,region=é s="é\"q",b=false,i=9223372036854775807i ${BASE + 2n}`
export const SQL = 'SELECT host, region, f, i, u, b, s, time FROM types ORDER BY time'

export const LARGE_ROWS = 1_000_000
export const LARGE =
  `SELECT value AS n, value * 0.5 AS half, 'row ' || value AS name FROM generate_series(1, ${LARGE_ROWS})`
export const LARGE_SUM = (BigInt(LARGE_ROWS) * BigInt(LARGE_ROWS + 1)) / 2n

// Runs for minutes if nothing stops it.
export const ENDLESS = 'SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b'
// Gives rows for minutes if nothing stops it.
export const ENDLESS_ROWS = 'SELECT a.value AS n FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b'

/** How many queries the server runs, by its own figures. */
export async function runningQueries() {
  const response = await fetch(`${URL_V2}/metrics`, {headers: {Authorization: `Bearer ${TOKEN}`}})
  return Number((await response.text()).match(/^tidemill_queries_running (\d+)$/m)[1])
}

/** Asks again and again until it is so. */
export async function waitFor(what, done, seconds = 30) {
  const deadline = Date.now() + seconds * 1000
  while (!(await done())) {
    assert(Date.now() < deadline, `still not so after ${seconds} s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Checks that a promise fails and that the error's message holds a text; gives the error. */
export async function fails(text, promise) {
  let result
  try {
    result = await promise
  } catch (error) {
    assert(error.message.includes(text), `'${text}' is not in '${error.message}'`)
    return error
  }
  assert.fail(`no error, but ${JSON.stringify(result)}`)
}

/** Runs functions one after another and says how they went. */
export async function main(checks) {
  let failed = 0
  for (const check of checks) {
    const started = Date.now()
    try {
      await check()
      console.log(`ok    ${check.name} (${((Date.now() - started) / 1000).toFixed(2)} s)`)
    } catch (error) {
      failed += 1
      console.log(`FAIL  ${check.name}\n${error.stack}`)
    }
  }
  console.log(`${checks.length - failed} passed, ${failed} failed`)
  process.exit(failed ? 1 : 0)
}
