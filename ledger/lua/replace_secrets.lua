-- Replace a tenant's callback secrets, unless another caller has replaced them since.
-- KEYS  1 the secrets
-- ARGV  1 what was read, '' for nothing, 2 what is to be there
-- Gives 'done' or 'changed'
-- Caller: ledger/access/callback_secrets.py CallbackSecrets.replace

if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'changed' end
redis.call('SET', KEYS[1], ARGV[2])
return 'done'
