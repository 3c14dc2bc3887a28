-- The clock and the keys, in front of every script. ledger/scripts.py puts two constants before
-- them:
--   PREFIX   the prefix of all keys (ledger/keys.py says what each holds)
--   MESSAGE  a Celery message as kombu renders it, with @id@, @queue@, @task@ and @tag@ to fill in
-- Scripts are not rolled back on an error: each checks everything before its first write.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function record_key(id) return PREFIX .. 'record:' .. id end
local function history_key(id) return PREFIX .. 'history:' .. id end
local function line_key(queue, lane) return PREFIX .. 'line:' .. queue .. ':' .. lane end
local function turns_key(queue) return PREFIX .. 'turns:' .. queue end
local function past_key(queue) return PREFIX .. 'past:' .. queue end
local function clock_key(queue) return PREFIX .. 'clock:' .. queue end
local function out_key(queue, tenant) return PREFIX .. 'out:' .. queue .. ':' .. tenant end
local function dispatched_key(queue) return PREFIX .. 'dispatched:' .. queue end
local function leased_key(queue) return PREFIX .. 'leased:' .. queue end
local function capacity_key(queue) return PREFIX .. 'capacity:' .. queue end
local function held_key(worker) return PREFIX .. 'held:' .. worker end
local function called_key(worker) return PREFIX .. 'called:' .. worker end
local function worker_key(worker) return PREFIX .. 'worker:' .. worker end
local function suspects_key(queue) return PREFIX .. 'suspects:' .. queue end
local function alone_key(queue) return PREFIX .. 'alone:' .. queue end
local WORKERS = PREFIX .. 'workers'
local function window_key(queue) return PREFIX .. 'window:' .. queue end
local function endpoint_key(id) return PREFIX .. 'endpoint:' .. id end
local function endpoints_key(tenant) return PREFIX .. 'endpoints:' .. tenant end
local function deliveries_key(endpoint) return PREFIX .. 'deliveries:' .. endpoint end
local function deliveries_of_key(tenant) return PREFIX .. 'deliveries_of:' .. tenant end
local function under_way_key(receiver) return PREFIX .. 'underway:' .. receiver end
local function behind_key(receiver) return PREFIX .. 'behind:' .. receiver end
local function receiver_key(receiver) return PREFIX .. 'receiver:' .. receiver end
local BROKEN = PREFIX .. 'broken'
local HELD_UP = PREFIX .. 'heldup'
local DELIVER = 'deliver'
local function jobs_key(tenant) return PREFIX .. 'jobs:' .. tenant end
local function reviews_key(tenant) return PREFIX .. 'reviews:' .. tenant end
local INDEXED = PREFIX .. 'indexed'
local function batches_key(tenant) return PREFIX .. 'batches:' .. tenant end
local function files_key(tenant) return PREFIX .. 'files:' .. tenant end
local PARKED = PREFIX .. 'parked'
local WAITING = PREFIX .. 'waiting'
local DEAD = PREFIX .. 'dead'
local DEAD_CODES = PREFIX .. 'dead_codes'
local function awaited_key(tenant) return PREFIX .. 'awaited:' .. tenant end
local function adopted_key(id) return PREFIX .. 'adopted:' .. id end
local function deleted_key(id) return PREFIX .. 'deleted:' .. id end
local ENDED = PREFIX .. 'ended'
local FULL = PREFIX .. 'full'
local OPENED = PREFIX .. 'opened'
local CLOSED = PREFIX .. 'closed'
local QUEUES = PREFIX .. 'queues'
local SWEPT = PREFIX .. 'swept'
local WEIGHTS = PREFIX .. 'weights'
local BOUNDS = PREFIX .. 'bounds'
local function api_key_key(id) return PREFIX .. 'api-key:' .. id end
local API_KEYS = PREFIX .. 'api-keys'
local API_KEYS_USED = PREFIX .. 'api-keys-used'
local STORED = PREFIX .. 'stored'
local MEMORY = PREFIX .. 'memory'
local AUDITED = PREFIX .. 'audited'
local function adapter_key(ref) return PREFIX .. 'adapter:' .. ref end
local ADAPTERS = PREFIX .. 'adapters'
local ADAPTERS_STABLE = PREFIX .. 'adapters-stable'
