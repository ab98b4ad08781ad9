// The client library of InfluxDB 3 for JavaScript.

import assert from 'node:assert/strict'
import {HttpError, InfluxDBClient, Point, collectAll, setLogger} from '@influxdata/influxdb3-client'
import * as kit from './kit.mjs'

// The library prints failed writes, which are meant here.
setLogger({error() {}, warn() {}})

async function withClient(use, options = {}) {
  const client = new InfluxDBClient({host: kit.URL_V2, token: kit.TOKEN, database: kit.DATABASE, ...options})
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

const rows = (sql, options, queryOptions) =>
  withClient((client) => collectAll(client.query(sql, undefined, queryOptions)), options)

async function writesLinesAndPoints() {
  await withClient(async (client) => {
    await client.write(kit.LINES)
    const point = Point.measurement('points').setTag('host', 'a').setFloatField('v', 1.25).setIntegerField('n', 3)
    await client.write(point.setTimestamp(new Date(1_700_000_000_000)))
    const found = await collectAll(client.query('SELECT host, v, n, time FROM points'))
    assert.deepEqual(found, [{host: 'a', v: 1.25, n: 3, time: 1_700_000_000_000}])
  })
}

async function writesByBothEndpointsAndCompressed() {
  const seconds = [...Array(500).keys()]
  const lines = seconds.map((second) => `batch,k=${second % 7} v=${second} ${1_700_000_000 + second}`)
  for (const [host, writeOptions] of [
    [kit.URL_V2, {precision: 's', gzipThreshold: 1}],
    [kit.URL_V3, {precision: 's'}],
    [kit.URL_V3, {precision: 's', noSync: true}],
  ]) {
    await withClient((client) => client.write(lines, undefined, undefined, writeOptions), {host})
    const sql = 'SELECT count(*) AS n, sum(v) AS total FROM batch'
    assert.deepEqual(await rows(sql, {host}), [{n: 500n, total: 124750}])
  }
}

async function readsEveryTypeOnBothAddresses() {
  const time = Number(kit.BASE / 1_000_000n)
  // The library makes doubles of signed integers whose kind it knows.
  const expected = [
    {host: 'a', region: null, f: 1.5, i: -2, u: 18446744073709551615n, b: true, s: 'x y', time},
    {host: 'b', region: 'r 1', f: -1e300, i: null, u: null, b: null, s: null, time},
    {host: null, region: 'é', f: null, i: Number(9223372036854775807n), u: null, b: false, s: 'é"q', time},
  ]
  for (const host of [kit.URL_V2, kit.URL_V3]) {
    assert.deepEqual(await rows(kit.SQL, {host}), expected)
    // Expressions are of no kind: their integers come whole.
    const sql = 'SELECT max(i) AS i, max(u) AS u, max(CAST(time AS BIGINT)) AS ns FROM types'
    const whole = [{i: 9223372036854775807n, u: 18446744073709551615n, ns: kit.BASE + 2n}]
    assert.deepEqual(await rows(sql, {host}), whole)
  }
}

async function readsPointsByTheirMetadata() {
  // Smaller numbers: the library's points refuse integers that are no exact doubles.
  await withClient((client) => client.write(String.raw`kinds,host=a f=1.5,i=-2i,u=7u,b=true,s="x y" ${kit.BASE}
kinds,host=b,region=r\ 1 f=-1e300 ${kit.BASE + 1n}`))
  const sql = 'SELECT host, region, f, i, u, b, s, time FROM kinds ORDER BY time'
  const points = await withClient((client) => collectAll(client.queryPoints(sql)))
  assert.deepEqual(points.map((point) => point.getTagNames().sort()), [['host'], ['host', 'region']])
  const [first, second] = points
  assert.deepEqual(
    ['f', 'i', 'u', 'b', 's'].map((name) => first.getFieldType(name)),
    ['float', 'integer', 'uinteger', 'boolean', 'string'],
  )
  assert.equal(first.getFloatField('f'), 1.5)
  assert.equal(first.getIntegerField('i'), -2)
  assert.equal(first.getUintegerField('u'), 7)
  assert.equal(first.getBooleanField('b'), true)
  assert.equal(first.getStringField('s'), 'x y')
  assert.equal(first.getTimestamp(), 1_700_000_000_000)
  assert.deepEqual([second.getTag('region'), second.getFieldNames()], ['r 1', ['f']])
}

async function bindsParameters() {
  const bound = (sql, params) => rows(sql, {}, {type: 'sql', params})
  const sql = 'SELECT f FROM types WHERE host = $host AND f > $least'
  assert.deepEqual(await bound(sql, {host: 'a', least: 1}), [{f: 1.5}])
  const values = {a: 0.5, b: 'x', c: true}
  assert.deepEqual(await bound('SELECT $a AS a, $b AS b, $c AS c', values), [values])
  await kit.fails('$host', bound('SELECT f FROM types WHERE host = $host', {other: 1}))
}

async function streamsALargeResult() {
  let count = 0
  let total = 0n
  await withClient(async (client) => {
    for await (const row of client.query(kit.LARGE)) {
      count += 1
      total += row.n
    }
  })
  assert.deepEqual([count, total], [kit.LARGE_ROWS, kit.LARGE_SUM])
}

async function readsAnEmptyResult() {
  assert.deepEqual(await rows("SELECT * FROM types WHERE host = 'nobody'"), [])
}

async function listsTablesBySql() {
  const sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'iox' ORDER BY 1"
  assert.deepEqual((await rows(sql)).map((row) => row.table_name), ['batch', 'kinds', 'points', 'types'])
}

async function tellsTheVersion() {
  for (const host of [kit.URL_V2, kit.URL_V3]) {
    assert.match(await withClient((client) => client.getServerVersion(), {host}), /^v?\d+\.\d+/)
  }
}

async function explainsFailedQueries() {
  for (const [text, code, sql, options] of [
    ['not found', 'INVALID_ARGUMENT', 'SELECT * FROM nothing', {}],
    ['SELEKT', 'INVALID_ARGUMENT', 'SELEKT 1', {}],
    ['database not found: missing', 'NOT_FOUND', 'SELECT 1', {database: 'missing'}],
    ['not authenticated', 'UNAUTHENTICATED', 'SELECT 1', {token: 'wrong'}],
    ['COPY', 'PERMISSION_DENIED', "COPY types TO 'x'", {}],
  ]) {
    const error = await kit.fails(text, rows(sql, options))
    assert.equal(error.code, code, error.message)
  }
}

async function explainsFailedWrites() {
  const write = (lines, options) => withClient((client) => client.write(lines), options)
  for (const [text, status, lines, options] of [
    ['missing field value', 400, 'types,host=a f=', {}],
    ['field type conflict', 422, 'types f="text"', {}],
    ['missing', 404, 'types f=1', {database: 'missing'}],
    ['unauthorized', 401, 'types f=1', {token: 'wrong'}],
    ['line protocol parse failed', 400, 'types,host=a f=', {host: kit.URL_V3}],
  ]) {
    const error = await kit.fails(text, write(lines, options))
    assert(error instanceof HttpError, error)
    assert.equal(error.statusCode, status, error.message)
  }
}

async function aDeadlineStopsAQuery() {
  const error = await kit.fails('', rows(kit.ENDLESS, {queryTimeout: 500}))
  assert.equal(error.code, 'DEADLINE_EXCEEDED', error.message)
  await kit.waitFor('the query has ended', async () => (await kit.runningQueries()) === 0)
}

async function aStreamIsLeftEarly() {
  // The library does not cancel the call when its rows are no longer taken: the deadline does.
  await withClient(async (client) => {
    let count = 0
    for await (const row of client.query(kit.ENDLESS_ROWS, undefined, {type: 'sql', timeout: 3000})) {
      assert.equal(typeof row.n, 'bigint')
      count += 1
      if (count === 10) break
    }
    assert.equal(count, 10)
  })
  await kit.waitFor('the query has ended', async () => (await kit.runningQueries()) === 0)
}

await kit.main([
  writesLinesAndPoints,
  writesByBothEndpointsAndCompressed,
  readsEveryTypeOnBothAddresses,
  readsPointsByTheirMetadata,
  bindsParameters,
  streamsALargeResult,
  readsAnEmptyResult,
  listsTablesBySql,
  tellsTheVersion,
  explainsFailedQueries,
  explainsFailedWrites,
  aDeadlineStopsAQuery,
  aStreamIsLeftEarly,
])
