// The client library of InfluxDB 2 for JavaScript, and its generated APIs.

import assert from 'node:assert/strict'
import {randomBytes} from 'node:crypto'
import {HttpError, InfluxDB, Point, setLogger} from '@influxdata/influxdb-client'
import {
  AuthorizationsAPI,
  BucketsAPI,
  DbrpsAPI,
  DashboardsAPI,
  DeleteAPI,
  HealthAPI,
  LabelsAPI,
  MeAPI,
  OrgsAPI,
  PingAPI,
  ReadyAPI,
  ResourcesAPI,
  SetupAPI,
  TasksAPI,
  UsersAPI,
} from '@influxdata/influxdb-client-apis'
import * as kit from './kit.mjs'

const ORG = process.env.TIDEMILL_ORG
assert(ORG, 'TIDEMILL_ORG is not in the environment; start this by tests/kits/run')

// The library prints failed writes, which are meant here.
setLogger({error() {}, warn() {}})

const client = (options = {}) => new InfluxDB({url: kit.URL_V2, token: kit.TOKEN, ...options})
const fresh = (name) => `${name} ${randomBytes(4).toString('hex')}`

async function rows(sql, database = kit.DATABASE, token = kit.TOKEN) {
  const response = await fetch(`${kit.URL_V2}/api/v3/query_sql`, {
    method: 'POST',
    headers: {Authorization: `Bearer ${token}`, 'Content-Type': 'application/json'},
    body: JSON.stringify({db: database, q: sql, format: 'json'}),
  })
  assert.equal(response.status, 200, await response.clone().text())
  return response.json()
}

async function refused(status, text, promise) {
  try {
    await promise
  } catch (error) {
    assert(error instanceof HttpError, error.stack)
    assert.equal(error.statusCode, status)
    assert(`${error.message} ${error.body}`.includes(text), `'${text}' is not in '${error.message}'`)
    return error
  }
  assert.fail(`no error ${status} ${text}`)
}

async function isHealthy() {
  const health = await new HealthAPI(client()).getHealth()
  assert.deepEqual([health.name, health.status, health.message], ['influxdb', 'pass', 'ready for queries and writes'])
  assert.equal((await new ReadyAPI(client()).getReady()).status, 'ready')
  await new PingAPI(client()).getPing()
  assert.equal((await new SetupAPI(client()).getSetup()).allowed, false)
  assert((await new ResourcesAPI(client()).getResources()).includes('buckets'))
}

async function writesPointsInBatches() {
  const failures = []
  let sent = 0
  const write = client().getWriteApi(ORG, kit.DATABASE, 'ns', {
    batchSize: 1000,
    flushInterval: 100,
    defaultTags: {site: 'north'},
    gzipThreshold: 100,
    writeFailed(error) {
      failures.push(error)
    },
    writeSuccess(lines) {
      sent += lines.length
    },
  })
  for (let n = 0; n < 5000; n++) {
    const point = new Point('points').tag('k', `${n % 7}`).floatField('v', n / 4).intField('n', n).booleanField('ok', true)
    write.writePoint(point.stringField('s', 'a "b"').timestamp(`${kit.BASE + BigInt(n)}`))
  }
  await write.close()
  // The library closes without waiting for batches that are under way.
  await kit.waitFor('all batches are sent', () => sent === 5000 || failures.length > 0)
  assert.deepEqual(failures, [])
  const found = await rows('SELECT count(*) AS n, sum(n) AS total, max(site) AS site FROM points')
  assert.deepEqual(found, [{n: 5000, total: 12497500, site: 'north'}])
}

async function writesRecordsInEveryPrecision() {
  for (const [precision, time] of [['s', 1_700_000_000], ['ms', 1_700_000_000_000], ['us', 1_700_000_000_000_000]]) {
    const write = client().getWriteApi(ORG, kit.DATABASE, precision)
    write.writeRecords([`precise,p=${precision} v=1 ${time}`])
    await write.close()
  }
  const found = await rows('SELECT count(*) AS n, count(DISTINCT time) AS times FROM precise')
  assert.deepEqual(found, [{n: 3, times: 1}])
}

async function explainsFailedWrites() {
  const put = async (lines, bucket = kit.DATABASE, options = {}) => {
    const write = client(options).getWriteApi(ORG, bucket, 'ns', {maxRetries: 0})
    write.writeRecords(lines)
    await write.close()
  }
  await refused(400, 'missing field value', put(['types,host=a f=']))
  await put(['typed v=1 1'])
  await refused(422, 'field type conflict', put(['typed v="x" 2']))
  await refused(404, 'bucket "nowhere" not found', put(['m v=1'], 'nowhere'))
  await refused(401, 'unauthorized access', put(['m v=1'], kit.DATABASE, {token: 'wrong'}))
}

async function asksForBucketsByFlux() {
  const found = await client().getQueryApi(ORG).collectRows('buckets()')
  assert(found.some((row) => row.name === kit.DATABASE), JSON.stringify(found))
  await refused(501, 'not implemented', client().getQueryApi(ORG).collectRows('from(bucket: "x")'))
}

async function managesBuckets() {
  const [buckets, orgs] = [new BucketsAPI(client()), new OrgsAPI(client())]
  const {orgs: [org]} = await orgs.getOrgs({org: ORG})
  const name = fresh('bucket')
  const retentionRules = [{type: 'expire', everySeconds: 86400}]
  const made = await buckets.postBuckets({body: {orgID: org.id, name, retentionRules}})
  assert.deepEqual([made.name, made.orgID, made.retentionRules[0].everySeconds], [name, org.id, 86400])
  const {buckets: [found]} = await buckets.getBuckets({name, orgID: org.id})
  assert.equal(found.id, made.id)
  const changed = await buckets.patchBucketsID({bucketID: made.id, body: {description: 'changed'}})
  assert.equal(changed.description, 'changed')
  await refused(422, `bucket with name ${name} already exists`, buckets.postBuckets({body: {orgID: org.id, name}}))

  const labels = new LabelsAPI(client())
  const {label} = await labels.postLabels({body: {orgID: org.id, name: fresh('label'), properties: {color: 'red'}}})
  await buckets.postBucketsIDLabels({bucketID: made.id, body: {labelID: label.id}})
  assert.deepEqual((await buckets.getBucketsIDLabels({bucketID: made.id})).labels.map(({id}) => id), [label.id])
  assert.deepEqual((await buckets.getBucketsID({bucketID: made.id})).labels.map(({id}) => id), [label.id])
  await buckets.deleteBucketsIDLabelsID({bucketID: made.id, labelID: label.id})

  const users = new UsersAPI(client())
  const user = await users.postUsers({body: {name: fresh('user')}})
  await buckets.postBucketsIDMembers({bucketID: made.id, body: {id: user.id}})
  assert.deepEqual((await buckets.getBucketsIDMembers({bucketID: made.id})).users.map(({id}) => id), [user.id])
  await buckets.deleteBucketsIDMembersID({bucketID: made.id, userID: user.id})
  await users.deleteUsersID({userID: user.id})
  await labels.deleteLabelsID({labelID: label.id})
  await buckets.deleteBucketsID({bucketID: made.id})
  await refused(404, 'bucket not found', buckets.getBucketsID({bucketID: made.id}))
}

async function makesTokensForABucket() {
  const [authorizations, orgs] = [new AuthorizationsAPI(client()), new OrgsAPI(client())]
  const {orgs: [org]} = await orgs.getOrgs({org: ORG})
  const {buckets: [bucket]} = await new BucketsAPI(client()).getBuckets({name: kit.DATABASE})
  const resource = {type: 'buckets', id: bucket.id, orgID: org.id}
  const made = await authorizations.postAuthorizations({
    body: {orgID: org.id, description: 'to write', permissions: [{action: 'write', resource}]},
  })
  assert.deepEqual(made.permissions, [{action: 'write', resource}])
  const write = client({token: made.token}).getWriteApi(ORG, kit.DATABASE)
  write.writeRecord('scoped v=1')
  await write.close()
  const found = await authorizations.getAuthorizationsID({authID: made.id})
  assert.deepEqual([found.description, found.token, found.org], ['to write', undefined, ORG])
  assert.equal((await new MeAPI(client({token: made.token})).getMe()).status, 'active')
  await authorizations.deleteAuthorizationsID({authID: made.id})
  await refused(401, 'unauthorized access', new MeAPI(client({token: made.token})).getMe())
}

async function mapsDatabasesOfV1() {
  const dbrps = new DbrpsAPI(client())
  const {orgs: [org]} = await new OrgsAPI(client()).getOrgs({org: ORG})
  const {buckets: [bucket]} = await new BucketsAPI(client()).getBuckets({name: kit.DATABASE})
  const body = {orgID: org.id, bucketID: bucket.id, database: 'from_v1', retention_policy: 'raw', default: true}
  const made = await dbrps.postDBRP({body})
  for (const query of ['db=from_v1', 'db=from_v1&rp=raw']) {
    const headers = {Authorization: `Token ${kit.TOKEN}`}
    const response = await fetch(`${kit.URL_V2}/write?${query}`, {method: 'POST', headers, body: `mapped,q=${query.length} v=1 1`})
    assert.equal(response.status, 204, await response.text())
  }
  assert.deepEqual(await rows('SELECT count(*) AS n FROM mapped'), [{n: 2}])
  const {content} = await dbrps.getDBRPs({orgID: org.id, db: 'from_v1'})
  assert.deepEqual(content.map(({id, bucketID}) => [id, bucketID]), [[made.id, bucket.id]])
  await dbrps.deleteDBRPID({dbrpID: made.id, orgID: org.id})
}

async function deletesRows() {
  const write = client().getWriteApi(ORG, kit.DATABASE)
  write.writeRecords(['doomed,k=a v=1 1', 'doomed,k=b v=2 2'])
  await write.close()
  const body = {start: '1970-01-01T00:00:00Z', stop: '1970-01-02T00:00:00Z', predicate: '_measurement="doomed" AND k="a"'}
  await new DeleteAPI(client()).postDelete({org: ORG, bucket: kit.DATABASE, body})
  assert.deepEqual(await rows('SELECT k FROM doomed'), [{k: 'b'}])
}

async function listsTasks() {
  const { tasks } = await new TasksAPI(client()).getTasks()
  assert.deepEqual(tasks, [])
}

async function saysWhatIsNotThere() {
  const error = await refused(501, 'not implemented', new DashboardsAPI(client()).getDashboards())
  assert.match(error.contentType, /^application\/json/)
}

await kit.main([
  isHealthy,
  writesPointsInBatches,
  writesRecordsInEveryPrecision,
  explainsFailedWrites,
  asksForBucketsByFlux,
  managesBuckets,
  makesTokensForABucket,
  mapsDatabasesOfV1,
  deletesRows,
  listsTasks,
  saysWhatIsNotThere,
])
