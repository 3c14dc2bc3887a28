-- Write the jobs of some lines of a batch, and their places in line; those that are there are left.
-- KEYS  1 the batch's record
-- ARGV  1 id of the batch, 2 token, 3 lane, 4 milliseconds of handicap,
--       5 the most that the tenant may have in line (0: any number),
--       6 and 7 the specs of the jobs, before and after offset and length of the line,
--       8 where the next lines begin (JSON, for whoever goes on from there), 9 how many jobs the
--       batch has with these, 10 the most that the tenant may store (see share.lua), then job,
--       line, queue, offset and length for each
-- Gives 'held' when done, 'ending' when the batch is to end instead, 'full' when Redis nears its
--       limit, 'quota' when the tenant has its most in line or stored, 'lost' when the lease is; in
--       all cases but the first nothing was changed
-- Caller: ledger/openai/batches.py Batches.submit_lines

local batch, token, lane = ARGV[1], ARGV[2], ARGV[3]
local handicap, most = tonumber(ARGV[4]), tonumber(ARGV[5])
local head, tail, place = ARGV[6], ARGV[7], ARGV[8]
local FIRST, WORDS = 11, 5

if lease_of(batch, token) ~= 'held' then return 'lost' end
local created, ending = unpack(redis.call('HMGET', KEYS[1], 'created', 'ending'))
if ending then return 'ending' end
if redis.call('EXISTS', FULL) == 1 then return 'full' end
local lines = (#ARGV - FIRST + 1) / WORDS
if most > 0 and in_line(tenant_of(lane)) + lines > most then return 'quota' end
local more = lines * (#head + #tail + NEW_BYTES)
if over_share(tenant_of(lane), tonumber(ARGV[10]), more) then return 'quota' end

local now = now_ms()
for i = FIRST, #ARGV, WORDS do
  local id, line, queue, offset, length = unpack(ARGV, i, i + WORDS - 1)
  local record = record_key(id)
  if redis.call('EXISTS', record) == 0 then
    -- Records of one batch, in the order of its file.
    local rank = string.format('%.3f', created + handicap + line / 1000)
    redis.call('HSET', record, 'spec', head .. '"offset":' .. offset .. ',"length":' .. length .. tail,
      'stage', 'infer', 'rank', rank, 'handicap', handicap, 'created', now, 'attempts', 0,
      'losses', 0, 'lane', lane, 'batch', batch)
    count_opened(id)
    stand_in_line(id, queue, rank, now)
    weigh(id)
  end
end
-- Forget the lost leases of a batch that makes progress.
redis.call('HSET', KEYS[1], 'place', place, 'written', ARGV[9], 'losses', 0)
return 'held'
