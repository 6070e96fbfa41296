#!lua name=liu
-- The one place where state is written: a commit is a call of liu_commit.
--
-- Redis does not roll back, so everything that can fail is looked at first (phase 1, redis.pcall and
-- reading commands only), and what is written after that cannot fail (phase 2). Independent requests
-- of one call are taken in order: each goes through both phases, a later one sees an earlier one's
-- writes, and one that is refused leaves nothing behind. tools/check-function keeps the two apart.
--
-- KEYS: head, journal, n streams (audience index), other keys. All carry the partition's tag.
-- ARGV: epoch, receipt window in ms, receipts a party may have, number of requests, n streams; then for
-- each request a packed header and its strings, as lib/store/encode.c writes them:
--   header >HHHI8I8BBBBB: strings that follow, receipt key, counter key (0 = none), now_ms, until_ms (by Redis'
--     clock, 0 = any time), guards, puts, entries, timers, noise; then >H each: keys of guards, puts, timers, noise; for each entry the
--     number of its audience and their streams, ascending
--   strings: request hash (a restore: and the receipt's sequence), rest of the receipt | guard: id, revision | put: id, expected revision,
--     value | entry: bytes, type | timer: member, due ("" deletes), expected due ("" any) | noise: bytes
-- Revisions are 8 bytes big-endian; zero means the record does not exist.
-- Answer: one string a request: >BI8 status, first sequence; then the reason or the stored receipt.

local OK, CONFLICT, DUPLICATE, MISMATCH, REFUSED, BROKEN, LATE, COLD = 0, 1, 2, 3, 4, 7, 8, 9
local ABSENT = '\0\0\0\0\0\0\0\0'
local VALUE_BYTES_MAX = 4 * 1024 * 1024
local SEQ_MAX = 9007199254740000
-- Redis has one thread, and a critical alert waits for each call. What a trim costs are the nodes that it frees.
local TRIM_MAX = 64 -- journal entries a call, of which each may be a node
local NOISE_MAX = 64 -- of noise, all streams of a call
local NOISE_SMALL_MAX = 10000 -- when the nodes hold more than NOISE_MAX each: about a hundred nodes
local LAST_ID = '18446744073709551615-0'
local PLACES = 4 -- bits of one id in a filter
-- Filters of receipts: the least and the most bits, bits for each receipt, and how long one takes receipts.
local LEFT_BITS_MIN, LEFT_BITS_MAX, LEFT_BITS_EACH = 8388608, 4294967296, 16
local LEFT_MS = 72 * 3600 * 1000

-- ---- PHASE 1: looks, never writes

-- The head is "epoch seq at_ms link". An absent or malformed one is a reason.
local function read_head(key)
    local v = redis.pcall('GET', key)
    if type(v) == 'table' then
        return nil, 'head: ' .. v.err
    elseif not v then
        return nil, 'the partition is empty'
    elseif string.match(v, ' halted$') then
        return nil, 'the store is halted'
    end
    local epoch, seq, at_ms, link = string.match(v, '^(%x+) (%d+) (%d+) (%x+)$')
    if not epoch then
        return nil, 'the head cannot be read'
    end
    return {epoch = epoch, seq = tonumber(seq), at_ms = tonumber(at_ms), link = link}
end

-- The journal ends where the head says, with the link the head knows.
local function check_journal(key, head)
    local last = redis.pcall('XREVRANGE', key, '+', '-', 'COUNT', 1)
    if last.err then
        return 'journal: ' .. last.err
    end
    last = last[1]
    if not last or last[1] ~= string.format('%d-0', head.seq) or last[2][4] ~= head.link then
        return 'journal and head differ'
    end
    if head.seq >= SEQ_MAX then
        return 'the sequence is used up'
    end
end

local function check_stream(key, after)
    local r = redis.pcall('XREAD', 'COUNT', 1, 'STREAMS', key, after)
    if not r then
        return nil
    end
    return r.err or 'is ahead of the journal'
end

-- Streams must be streams (or absent) and not ahead of the journal: one command for all of them; only when
-- that one complains each is asked, so that the others are not held up. Returns what is wrong by key.
local function check_streams(keys, first, n, head)
    local bad, at = {}, string.format('%d-0', head.seq)
    while n > 0 do
        local m = n < 256 and n or 256
        local args = {}
        for i = 1, m do
            args[i] = keys[first + i - 1]
            args[m + i] = at
        end
        if redis.pcall('XREAD', 'COUNT', 1, 'STREAMS', unpack(args, 1, 2 * m)) then
            for i = first, first + m - 1 do
                bad[i] = check_stream(keys[i], at)
            end
        end
        first, n = first + m, n - m
    end
    return bad
end

local function revision(c, k, id)
    local memo = c.revisions[k]
    if not memo then
        memo = {}
        c.revisions[k] = memo
    end
    local rev = memo[id]
    if not rev then
        local v = redis.pcall('HGET', c.keys[k], id)
        if not v then
            rev = ABSENT
        elseif type(v) == 'table' then
            return nil, v.err
        else
            rev = string.sub(v, 1, 8)
        end
        memo[id] = rev
    end
    return rev
end

-- A receipt lives at least as long as copies of its message are taken, both by Redis' own clock: a copy that
-- slept with its machine, or lay in a socket, finds the receipt or is LATE.
local function check_time(c, r)
    r.life_ms = c.window_ms
    if r.until_ms == 0 then
        return OK
    elseif not c.server_ms then
        local t = redis.pcall('TIME')
        if t.err then
            return BROKEN, 'time: ' .. t.err
        end
        c.server_ms = t[1] * 1000 + math.floor(t[2] / 1000)
    end
    local left = r.until_ms - c.server_ms
    if left < 0 then
        return LATE, 'too old to be known from its copies'
    elseif left > r.life_ms then
        r.life_ms = left < 2 * c.window_ms and left + 1 or 2 * c.window_ms
    end
    return OK
end

-- ---- receipts that have left the memory (docs/decisions/0022)

-- The places of a name in a filter; modulo its bits.
local function places_of(name)
    local h, p = redis.sha1hex(name), {}
    for i = 1, PLACES do
        p[i] = tonumber(string.sub(h, 8 * i - 7, 8 * i), 16)
    end
    return p
end

-- Filters, oldest first: "number bits count made_ms" each. A filter's key ends in its number; it expires with
-- the last receipt that is in it, and then says of all that they are not.
local function read_left(key)
    local v, list = redis.pcall('GET', key), {}
    if type(v) == 'table' then
        return nil, key .. ': ' .. v.err
    end
    for n, bits, count, made in string.gmatch(v or '', '(%d+) (%d+) (%d+) (%d+)') do
        list[#list + 1] = {key = key .. ':' .. n, n = tonumber(n), bits = tonumber(bits), count = tonumber(count),
                           made_ms = tonumber(made)}
    end
    return list
end

-- May this receipt have left? nil and why when a filter is none.
local function in_left(list, key)
    local places = #list > 0 and places_of(key)
    for _, f in ipairs(list) do
        local all = true
        for _, p in ipairs(places) do
            local bit = redis.pcall('GETBIT', f.key, p % f.bits)
            if type(bit) == 'table' then
                return nil, f.key .. ': ' .. bit.err
            elseif bit ~= 1 then
                all = false
                break
            end
        end
        if all then
            return true
        end
    end
    return false
end

-- A receipt that is not here: nobody may take its message for new before the ledger said that it has none.
local function check_left(c, key)
    local base = string.match(c.keys[2], '^(.*):journal$')
    local why, maybe
    if not base or string.find(key, ':rcpt:ledger:r:', #base + 1, true) then
        return OK -- the ledger's own, whose id no message has, never leave (services/ledger/retention.c)
    elseif not c.left then
        c.left, why = read_left(base .. ':left')
    end
    if c.left then
        maybe, why = in_left(c.left, key)
    end
    if why then
        return BROKEN, why
    elseif not maybe then
        return OK
    end
    local said = redis.pcall('HGET', base .. ':asked', '=receipt/' .. string.sub(key, #base + 7))
    if type(said) == 'table' then
        return BROKEN, base .. ':asked: ' .. said.err
    end
    return said and string.sub(said, 1, 1) == '-' and OK or COLD, ''
end

local function check_receipt(c, r, argv, a)
    local v = redis.pcall('GET', c.keys[r.receipt])
    if v then
        if type(v) == 'table' then
            return BROKEN, c.keys[r.receipt] .. ': ' .. v.err
        elseif string.sub(v, 1, 32) == argv[a] then
            return DUPLICATE, v
        end
        return MISMATCH, ''
    end
    local status, why = OK
    if not c.restoring then -- there it may be one that has just left
        status, why = check_left(c, c.keys[r.receipt])
    end
    if status == OK then
        status, why = check_time(c, r)
    end
    if status ~= OK then
        return status, why
    end
    local n = c.counts[r.counter]
    if not n then
        v = redis.pcall('GET', c.keys[r.counter])
        if type(v) == 'table' then
            return BROKEN, c.keys[r.counter] .. ': ' .. v.err
        end
        n = v and tonumber(v) or 0
        if v and not string.match(v, '^%d+$') then
            return BROKEN, c.keys[r.counter] .. ': not a number'
        end
        c.counts[r.counter] = n
        c.counted[r.counter] = 0
        c.fresh[r.counter] = not v
    end
    if n >= c.receipts_max and not c.restoring then
        return REFUSED, 'the party has too many receipts within the window'
    end
    if (#argv[a] ~= 32 and not (c.restoring and #argv[a] == 40)) or #argv[a + 1] > VALUE_BYTES_MAX then
        return REFUSED, 'receipt: wrong size'
    end
    return OK
end

local function check_records(c, r, argv, a)
    local h, p, k = r.header, r.at
    for _ = 1, r.guards do
        k, p = struct.unpack('>H', h, p)
        k = k + c.base
        local rev, why = revision(c, k, argv[a])
        if not rev then
            return BROKEN, c.keys[k] .. ': ' .. why
        elseif rev ~= argv[a + 1] then
            return CONFLICT, c.keys[k] .. ' ' .. argv[a]
        end
        a = a + 2
    end
    local put_keys = {}
    for i = 1, r.puts do
        k, p = struct.unpack('>H', h, p)
        k = k + c.base
        put_keys[i] = k
        local rev, why = revision(c, k, argv[a])
        if not rev then
            return BROKEN, c.keys[k] .. ': ' .. why
        elseif rev ~= argv[a + 1] then
            return CONFLICT, c.keys[k] .. ' ' .. argv[a]
        end
        local bytes = #argv[a + 2]
        if bytes < 8 or bytes > VALUE_BYTES_MAX then
            return REFUSED, c.keys[k] .. ' ' .. argv[a] .. ': wrong size'
        end
        a = a + 3
    end
    r.at, r.put_keys = p, put_keys
    return OK, a
end

local function check_entries(c, r, argv, a)
    for _ = 1, r.entries do
        if #argv[a] > VALUE_BYTES_MAX then
            return REFUSED, 'entry: wrong size'
        end
        a = a + 2
    end
    return OK, a
end

local function check_timers(c, r, argv, a)
    local h, p, k = r.header, r.at
    for _ = 1, r.timers do
        k, p = struct.unpack('>H', h, p)
        k = k + c.base
        local due = redis.pcall('ZSCORE', c.keys[k], argv[a])
        if type(due) == 'table' then
            return BROKEN, c.keys[k] .. ': ' .. due.err
        end
        if argv[a + 2] ~= '' and (not due or tonumber(due) ~= tonumber(argv[a + 2])) then
            return CONFLICT, c.keys[k] .. ' ' .. argv[a]
        end
        if argv[a + 1] ~= '' and not string.match(argv[a + 1], '^%d+$') then
            return REFUSED, 'timer: not a time'
        end
        a = a + 3
    end
    for _ = 1, r.noise do
        k, p = struct.unpack('>H', h, p)
        k = k + c.base
        local why = check_stream(c.keys[k], LAST_ID)
        if why then
            return BROKEN, c.keys[k] .. ': ' .. why
        elseif #argv[a] > VALUE_BYTES_MAX then
            return REFUSED, 'noise: wrong size'
        end
        a = a + 1
    end
    r.audience_at = p
    return OK, a
end

-- Ascending, so that no entry is indexed twice for one party: the second XADD would fail.
local function check_audience(c, r)
    local h, p, n = r.header, r.audience_at
    for _ = 1, r.entries do
        local before, k = 0
        n, p = struct.unpack('>H', h, p)
        for _ = 1, n do
            k, p = struct.unpack('>H', h, p)
            if k <= before or k > c.streams then
                return REFUSED, 'audience: not ascending'
            elseif c.bad[k + 2] then
                return BROKEN, c.keys[k + 2] .. ': ' .. c.bad[k + 2]
            end
            before = k
        end
    end
    return OK
end

-- Everything about one request. Returns its status and, unless OK, the reason.
local function check(c, r, argv, a)
    local status, more
    if r.receipt ~= 0 then
        r.receipt, r.counter = r.receipt + c.base, r.counter + c.base
        status, more = check_receipt(c, r, argv, a)
        if c.restoring and (status == DUPLICATE or status == MISMATCH) then
            r.known, status = true, OK -- with its entry, or of an earlier use of the id
        end
        if status ~= OK then
            return status, more
        end
        a = a + 2
    end
    status, more = check_records(c, r, argv, a)
    if status ~= OK then
        return status, more
    end
    status, more = check_entries(c, r, argv, more)
    if status ~= OK then
        return status, more
    end
    status, more = check_timers(c, r, argv, more)
    if status ~= OK then
        return status, more
    end
    if more ~= r.last + 1 then
        return REFUSED, 'malformed request'
    end
    return check_audience(c, r)
end

local function read_request(argv, a)
    local h = argv[a]
    local n, receipt, counter, now_ms, until_ms, guards, puts, entries, timers, noise, at =
        struct.unpack('>HHHI8I8BBBBB', h)
    return {header = h, at = at, last = a + n, receipt = receipt, counter = counter, now_ms = now_ms,
            until_ms = until_ms, guards = guards, puts = puts, entries = entries, timers = timers, noise = noise}
end

-- What a call needs to know, or nil and why it cannot be served.
local function read_call(keys, argv)
    local head, why = read_head(keys[1])
    if not head then
        return nil, 'LIUBROKEN ' .. why
    elseif head.epoch ~= argv[1] then
        return nil, 'LIUEPOCH the epoch is ' .. head.epoch
    end
    why = check_journal(keys[2], head)
    if why then
        return nil, 'LIUBROKEN ' .. why
    end
    return head
end

local function new_call(keys, argv, head)
    local streams = tonumber(argv[5])
    return {keys = keys, head = head, window_ms = tonumber(argv[2]), receipts_max = tonumber(argv[3]),
            streams = streams, base = 2 + streams, revisions = {}, counts = {}, counted = {}, fresh = {},
            bad = check_streams(keys, 3, streams, head)}
end

-- The varint of field 2 of a packed Cursor; nil when it cannot be read, 0 when absent.
local function cursor_seq(v)
    local p, seq = 9, 0
    while p <= #v do
        local tag = string.byte(v, p)
        local n, scale, b = 0, 1
        repeat
            p = p + 1
            b = string.byte(v, p)
            if not b then
                return nil
            end
            n, scale = n + (b % 128) * scale, scale * 128
        until b < 128
        p = p + 1
        if tag == 16 then
            seq = n
        elseif tag % 8 == 2 then
            p = p + n
        elseif tag % 8 ~= 0 then
            return nil
        end
    end
    return seq
end

-- nil when entries up to `seq` may go: archived, and behind every consumer.
local function check_trim(keys, seq, archived, head)
    if not seq or not archived or seq > archived or seq >= head.seq then
        return 'not archived'
    end
    local all = redis.pcall('HGETALL', keys[3])
    if all.err then
        return 'cursors: ' .. all.err
    end
    for i = 1, #all, 2 do
        local at = cursor_seq(all[i + 1])
        if not at then
            return 'cursor ' .. all[i] .. ' cannot be read'
        elseif at < seq then
            return 'consumer ' .. all[i] .. ' is at ' .. string.format('%d', at)
        end
    end
end

local function first_seq(key)
    local r = redis.pcall('XRANGE', key, '-', '+', 'COUNT', 1)
    return not r.err and r[1] and tonumber(string.match(r[1][1], '^(%d+)-')) or nil
end

-- Trimming a key that is no stream would fail half-way.
local function check_stream_types(keys, first)
    for i = first, #keys do
        local why = check_stream(keys[i], LAST_ID)
        if why then
            return keys[i] .. ': ' .. why
        end
    end
end

local function is_empty(keys)
    return redis.pcall('EXISTS', unpack(keys)) == 0
end

-- The head a restore goes on from. KEYS: the restore's own head stands for the head, which is the last key and
-- must not exist before the end. Its first call says "epoch seq link": which entry the journal begins behind, and
-- nothing may exist then. Records may come before the first entry, so there may be no journal for a while.
local function restoring_head(keys, argv)
    if not string.match(keys[#keys], ':head$') then
        return nil, 'LIUMALFORMED call'
    elseif redis.pcall('EXISTS', keys[#keys]) ~= 0 then
        return nil, 'LIUEXISTS the partition is not empty'
    end
    local epoch, seq, link = string.match(argv[1], '^(%x+) (%d+) (%x+)$')
    if epoch then
        if not is_empty(keys) then
            return nil, 'LIUEXISTS the partition is not empty'
        end
        return {epoch = epoch, seq = tonumber(seq), at_ms = 0, link = link}
    end
    local head = read_head(keys[1])
    if head and head.at_ms == 0 and head.epoch == argv[1] and redis.pcall('EXISTS', keys[2]) == 0 then
        return head
    end
    return read_call(keys, argv)
end

-- The state that is in no journal entry, and the head it belongs to, read at one moment.
-- KEYS: head, hashes, timers. ARGV: number of hashes. Writes nothing.
local function liu_snapshot(keys, argv)
    local out = {redis.pcall('GET', keys[1])}
    local hashes = tonumber(argv[1]) or 0
    for i = 2, #keys do
        if i <= hashes + 1 then
            out[i] = redis.pcall('HGETALL', keys[i])
        else
            out[i] = redis.pcall('ZRANGEBYSCORE', keys[i], '-inf', '+inf', 'WITHSCORES')
        end
    end
    return out
end

-- Redis gives itself another name at every start.
local function run_id()
    local info = redis.pcall('INFO', 'server')
    return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or nil
end

-- nil when the journal reaches at least to the entry `seq`, which has that link as far as it is still there.
local function check_reaches(key, head, seq, link)
    if not seq or seq > head.seq then
        return 'the journal ends with entry ' .. string.format('%d', head.seq)
    end
    local id = string.format('%d-0', seq)
    local r = redis.pcall('XRANGE', key, id, id)
    if r.err or (r[1] and link ~= '' and r[1][2][4] ~= link) then
        return r.err or 'entry ' .. string.format('%d', seq) .. ' is another one'
    end
end

-- ---- records that have left the memory (docs/decisions/0020)

local HERE, GONE, ASKED, BUSY, SHOWN, TO_ASK = 'h', '-', '?', 'b', 'v', 'a'
local ASKED_MAX, RECEIPTS_ASKED_MAX = 512, 768 -- lines of the table; what is no receipt leaves room for those
local function places(key, id)
    return places_of(key .. ' ' .. id)
end

-- The kind that stands for receipts has no hash: the key of each, or nil.
local function receipt_key(key, id)
    local base = string.match(key, '^(.*):r:receipt$')
    return base and base .. ':rcpt:' .. id
end

-- 0 when nothing is cold yet; nil and why when it is no filter.
local function filter_bits(key)
    local n = redis.pcall('STRLEN', key)
    if type(n) == 'table' then
        return nil, key .. ': ' .. n.err
    end
    return 8 * n
end

-- The name under which a record is asked for: to be put back (mode ''), or to be shown ('=').
local function asked_name(key, id, mode)
    return mode .. string.match(key, '}:r:(.*)$') .. '/' .. id
end

-- An id that begins so stands for a page of the ids behind it.
local function is_page(id)
    return string.sub(id, 1, 1) == '~'
end

-- Which generation of what is cold is this?
local function generation(key)
    local v = redis.pcall('HGET', key, 'cold')
    if type(v) == 'table' then
        return nil, key .. ': ' .. v.err
    end
    return v and string.sub(v, 1, 8) or ABSENT
end

-- True when any of the values is an error, with its text.
local function failed(...)
    for _, v in ipairs({...}) do
        if type(v) == 'table' and v.err then
            return v.err
        end
    end
end

-- Answers a letter, and with it what is shown, or nil and why.
local function seek_asked(c, name, most)
    local v = redis.pcall('HGET', c.asked, name)
    if not v then
        return c.n < most and TO_ASK or BUSY
    elseif failed(v) then
        return nil, failed(v)
    end
    local first = string.sub(v, 1, 1)
    if first == '=' then
        return SHOWN, string.match(v, '^=%d+ (.*)$') or ''
    end
    return first == '-' and GONE or ASKED
end

-- A receipt is shown, wherever it is.
local function seek_receipt(c, key, id, mode)
    local at = receipt_key(key, id)
    local v = redis.pcall('GET', at)
    if v then
        return not failed(v) and SHOWN, failed(v) or ABSENT .. v
    end
    local list, why = read_left(string.match(key, '^(.*):r:receipt$') .. ':left')
    local maybe
    if list then
        maybe, why = in_left(list, at)
    end
    if why then
        return nil, why
    end
    if maybe then
        return seek_asked(c, asked_name(key, id, mode), RECEIPTS_ASKED_MAX)
    end
    return GONE
end

local function seek_one(c, key, id, mode)
    if receipt_key(key, id) then
        return seek_receipt(c, key, id, mode)
    end
    local v = redis.pcall('HGET', key, id)
    if v then
        return not failed(v) and HERE, failed(v)
    elseif c.bits == 0 then
        return GONE
    end
    for _, p in ipairs(is_page(id) and {} or places(key, id)) do
        local bit = redis.pcall('GETBIT', c.filter, p % c.bits)
        if bit ~= 1 then
            return not failed(bit) and GONE, failed(bit)
        end
    end
    return seek_asked(c, asked_name(key, id, mode), ASKED_MAX)
end

-- Head, generation and filter of a call about cold records, or nil and why. KEYS begin with head, upkeep,
-- asked, filter; ARGV with the epoch.
local function read_cold(keys, argv, first, width)
    local head, why = read_head(keys[1])
    local c = {filter = keys[4], asked = keys[3]}
    if not head then
        return nil, 'LIUBROKEN ' .. why
    elseif head.epoch ~= argv[1] then
        return nil, 'LIUEPOCH the epoch is ' .. head.epoch
    end
    c.generation, why = generation(keys[2])
    if c.generation then
        c.bits, why = filter_bits(c.filter)
    end
    c.n = redis.pcall('HLEN', c.asked)
    why = why or failed(c.n)
    if why then
        return nil, 'LIUBROKEN ' .. why
    end
    for i = first, #argv do
        if (i - first) % width == 0 and not (keys[tonumber(argv[i]) or 0] and argv[i + width - 1]) then
            return nil, 'LIUMALFORMED call'
        end
    end
    return c
end

-- Every record of a call that removes or puts back: its hash must be one. Answers the values found.
local function read_moved(keys, argv, first, width)
    local found = {}
    for i = first, #argv, width do
        local key, v = keys[tonumber(argv[i])]
        local receipt = receipt_key(key, argv[i + 1])
        if receipt then
            v = redis.pcall('GET', receipt)
        else
            v = redis.pcall('HGET', key, argv[i + 1])
        end
        if failed(v) then
            return nil, 'LIUBROKEN ' .. failed(v)
        end
        found[i] = v or ''
    end
    return found
end

-- nil when the partition may be emptied: it is halted and has this very head, or a restore was begun and has no end.
local function check_clear(keys, argv)
    local head = redis.pcall('GET', keys[1])
    local begun = redis.pcall('GET', keys[2])
    if failed(head, begun) then
        return 'LIUBROKEN head: ' .. failed(head, begun)
    elseif head and (head ~= argv[1] or not string.match(head, ' halted$')) then
        return 'LIUREFUSED the store is not halted, or with another head'
    elseif not head and (not begun or begun == 'done') then
        return 'LIUREFUSED the store is neither halted nor under restore'
    end
end

-- The next filter: twice as large when the last was full before its time, smaller when it was nearly empty.
local function next_left(last, now_ms)
    local f = {n = 1, bits = LEFT_BITS_MIN, count = 0, made_ms = now_ms, fresh = true, life_ms = 0}
    if last then
        f.n, f.bits = last.n + 1, last.bits
        if now_ms - last.made_ms < LEFT_MS then
            f.bits = 2 * last.bits <= LEFT_BITS_MAX and 2 * last.bits or last.bits
        end
        while now_ms - last.made_ms >= LEFT_MS and f.bits > LEFT_BITS_MIN and
            2 * LEFT_BITS_EACH * last.count <= f.bits do
            f.bits = f.bits / 2
        end
    end
    return f
end

-- Which receipts of a call leave: those that still are of the entry it names. Into which filter, and how
-- long that lives: by Redis' own clock as long as the receipts would have.
local function read_leaving(keys, argv, found)
    local go, base = {n = 0, life_ms = 1}
    for i = 4, #argv, 3 do
        local receipt = receipt_key(keys[tonumber(argv[i])], argv[i + 1])
        if receipt and string.sub(found[i], 33, 40) == argv[i + 2] then
            local ms = redis.pcall('PTTL', receipt)
            if failed(ms) then
                return nil, 'LIUBROKEN ' .. failed(ms)
            end
            base = string.match(keys[tonumber(argv[i])], '^(.*):r:receipt$')
            ms = ms > 0 and ms or LEFT_MS
            go.n, go[i], go.life_ms = go.n + 1, receipt, ms > go.life_ms and ms or go.life_ms
        end
    end
    if go.n == 0 then
        return go
    end
    local now, list, why = redis.pcall('TIME'), read_left(base .. ':left')
    if not list or failed(now) then
        return nil, 'LIUBROKEN ' .. (why or failed(now))
    end
    now = now[1] * 1000 + math.floor(now[2] / 1000)
    go.key, go.list = base .. ':left', {}
    for _, f in ipairs(list) do -- one that has expired is forgotten
        f.life_ms = redis.pcall('PTTL', f.key)
        local bits = redis.pcall('STRLEN', f.key)
        if failed(f.life_ms, bits) then
            return nil, 'LIUBROKEN ' .. failed(f.life_ms, bits)
        elseif bits > 0 then
            go.list[#go.list + 1] = f
        end
    end
    local f = go.list[#go.list]
    if not f or (f.count + go.n) * LEFT_BITS_EACH > f.bits or now - f.made_ms >= LEFT_MS then
        f = next_left(f or list[#list], now)
        f.key = go.key .. ':' .. f.n
        go.list[#go.list + 1] = f
    end
    go.filter = f
    return go
end

-- PHASE 2: nothing below may fail

-- This start of Redis is known to hold what it must: services that know nothing of it yet may use it.
local function confirm(head_key, id)
    if id then
        redis.call('SET', (string.gsub(head_key, ':head$', ':confirmed')), id)
    end
end

-- Receipts leave: into the filter before they go.
local function write_left(c, keys, argv, go)
    local f, text = go.filter, {}
    if f.fresh then
        redis.call('SETBIT', f.key, f.bits - 1, 0)
    end
    for i = 4, #argv, 3 do
        if go[i] then
            for _, p in ipairs(places_of(go[i])) do
                redis.call('SETBIT', f.key, p % f.bits, 1)
            end
            redis.call('HDEL', c.asked, asked_name(keys[tonumber(argv[i])], argv[i + 1], '='))
            redis.call('DEL', go[i])
        end
    end
    if go.life_ms > f.life_ms then
        redis.call('PEXPIRE', f.key, go.life_ms)
    end
    f.count = f.count + go.n
    for i, one in ipairs(go.list) do
        text[i] = string.format('%d %d %d %d', one.n, one.bits, one.count, one.made_ms)
    end
    redis.call('SET', go.key, table.concat(text, ';'))
end

local function write_entries(c, r, argv, a)
    local h, p, n, k = r.header, r.audience_at
    local head, keys = c.head, c.keys
    for _ = 1, r.entries do
        head.seq = head.seq + 1
        local id = string.format('%d-0', head.seq)
        head.link = redis.sha1hex(head.link .. argv[a])
        redis.call('XADD', keys[2], id, 'e', argv[a], 'l', head.link)
        n, p = struct.unpack('>H', h, p)
        for _ = 1, n do
            k, p = struct.unpack('>H', h, p)
            redis.call('XADD', keys[k + 2], id, 't', argv[a + 1])
        end
        a = a + 2
    end
    return a
end

local function write_timers(c, r, argv, a)
    local h, p, k = r.header, r.at
    for _ = 1, r.timers do
        k, p = struct.unpack('>H', h, p)
        if argv[a + 1] == '' then
            redis.call('ZREM', c.keys[k + c.base], argv[a])
        else
            redis.call('ZADD', c.keys[k + c.base], argv[a + 1], argv[a])
        end
        a = a + 3
    end
    for _ = 1, r.noise do
        k, p = struct.unpack('>H', h, p)
        redis.call('XADD', c.keys[k + c.base], '*', 'd', argv[a])
        a = a + 1
    end
end

-- Returns the sequence of the first entry, 0 when there is none.
local function write(c, r, argv, a)
    local first = r.entries > 0 and c.head.seq + 1 or 0
    local receipt = a
    if r.receipt ~= 0 then
        a = a + 2
    end
    a = a + 2 * r.guards
    for i = 1, r.puts do
        local k = r.put_keys[i]
        redis.call('HSET', c.keys[k], argv[a], argv[a + 2])
        c.revisions[k][argv[a]] = string.sub(argv[a + 2], 1, 8)
        a = a + 3
    end
    a = write_entries(c, r, argv, a)
    write_timers(c, r, argv, a)
    if r.receipt ~= 0 and not r.known then
        redis.call('SET', c.keys[r.receipt],
                   argv[receipt] .. (#argv[receipt] == 32 and struct.pack('>I8', first) or '') .. argv[receipt + 1],
                   'PX', r.life_ms)
        c.counts[r.counter] = c.counts[r.counter] + 1
        c.counted[r.counter] = c.counted[r.counter] + 1
    end
    if r.now_ms > c.head.at_ms and (r.entries > 0 or not c.restoring) then -- restoring_head
        c.head.at_ms = r.now_ms
    end
    return first
end

-- Once a call: the head and the receipt counters.
local function write_head(c)
    local head = c.head
    redis.call('SET', c.keys[1],
               head.epoch .. ' ' .. string.format('%d %d ', head.seq, head.at_ms) .. head.link)
    for k, n in pairs(c.counted) do
        if n > 0 and c.fresh[k] then
            redis.call('SET', c.keys[k], n, 'PX', c.window_ms)
        elseif n > 0 then
            redis.call('INCRBY', c.keys[k], n)
        end
    end
end

local function run(c, argv)
    local out, a, written = {}, 6, false
    for i = 1, tonumber(argv[4]) do
        local r = read_request(argv, a)
        local ran, status, why = pcall(check, c, r, argv, a + 1)
        if not ran then
            out[i] = struct.pack('>BI8', REFUSED, 0) .. 'malformed request: ' .. tostring(status)
        elseif status == OK then
            out[i] = struct.pack('>BI8', OK, write(c, r, argv, a + 1))
            written = true
        else
            out[i] = struct.pack('>BI8', status, 0) .. why
        end
        a = r.last + 1
    end
    if written then
        write_head(c)
    end
    return out
end

-- Every header is read before the first write: a malformed call is refused as a whole.
local function well_formed(keys, argv)
    local n, streams = tonumber(argv[4]), tonumber(argv[5])
    if not n or not streams or not tonumber(argv[2]) or not tonumber(argv[3]) or
        tonumber(argv[2]) < 1 or 2 + streams > #keys then
        return false
    end
    local a = 6
    for _ = 1, n do
        if not argv[a] or #argv[a] < 27 then
            return false
        end
        a = read_request(argv, a).last + 1
    end
    return a == #argv + 1
end

local function liu_commit(keys, argv)
    if not well_formed(keys, argv) then
        return redis.error_reply('LIUMALFORMED call')
    end
    local head, why = read_call(keys, argv)
    if not head then
        return redis.error_reply(why)
    end
    return run(new_call(keys, argv, head), argv)
end

-- Genesis: the same call for a partition in which none of KEYS exists. Its one request writes the first
-- records and entry 1.
local function liu_init(keys, argv)
    if not well_formed(keys, argv) or #argv[1] ~= 32 or argv[4] ~= '1' then
        return redis.error_reply('LIUMALFORMED call')
    elseif not is_empty(keys) then
        return redis.error_reply('LIUEXISTS the partition is not empty')
    end
    local head = {epoch = argv[1], seq = 0, at_ms = 0, link = redis.sha1hex(argv[1])}
    local id, out = run_id(), run(new_call(keys, argv, head), argv)
    confirm(keys[1], id)
    return out
end

-- One call of a restore: as liu_commit, into a partition that has no head yet (restoring_head), so that
-- no service works on it meanwhile.
local function liu_restore(keys, argv)
    if not well_formed(keys, argv) or #(string.match(argv[1], '^%x+') or '') ~= 32 then
        return redis.error_reply('LIUMALFORMED call')
    end
    local head, why = restoring_head(keys, argv)
    if not head then
        return redis.error_reply(why)
    end
    local c = new_call(keys, argv, head)
    c.restoring = true
    return run(c, argv)
end

-- The end of a restore: its head becomes the head. KEYS: the restore's head, journal, head. ARGV: epoch.
local function liu_restored(keys, argv)
    local head, why = restoring_head(keys, argv)
    if not head or head.at_ms == 0 then
        return redis.error_reply(why or 'LIUBROKEN nothing was restored')
    end
    local id = run_id()
    redis.call('SET', keys[3], head.epoch .. ' ' .. string.format('%d %d ', head.seq, head.at_ms) .. head.link)
    redis.call('SET', keys[1], 'done')
    confirm(keys[3], id)
    return head.seq
end

-- What the archive holds is in the journal. KEYS: head, journal. ARGV: epoch, the archive's last sequence, its
-- link; 0 and '' when the archive is empty. Answers the head's sequence.
local function liu_confirm(keys, argv)
    local head, why = read_call(keys, argv)
    if not head then
        return redis.error_reply(why)
    end
    local id = run_id()
    why = check_reaches(keys[2], head, tonumber(argv[2]), argv[3])
    if why or not id then
        return redis.error_reply('LIUREFUSED ' .. (why or 'Redis does not tell its run'))
    end
    confirm(keys[1], id)
    return head.seq
end

-- Ends all commits: the journal has lost entries (store_halt). What stands behind the head makes it one
-- that nothing reads. KEYS: head. ARGV: epoch.
local function liu_halt(keys, argv)
    local head, why = read_head(keys[1])
    if not head then
        return redis.error_reply('LIUBROKEN ' .. why)
    elseif head.epoch ~= argv[1] then
        return redis.error_reply('LIUEPOCH the epoch is ' .. head.epoch)
    end
    redis.call('SET', keys[1],
               head.epoch .. ' ' .. string.format('%d %d ', head.seq, head.at_ms) .. head.link .. ' halted')
    return head.seq
end

-- Empties a halted partition for a restore; the head goes last, so that an interrupted one goes on. KEYS: head, the
-- restore's head, keys to go. ARGV: head as it is ('' = none), 'end' to let go of these two as well.
local function liu_clear(keys, argv)
    local why = #keys < 2 and 'LIUMALFORMED call' or check_clear(keys, argv)
    if why then
        return redis.error_reply(why)
    end
    for i = 3, #keys do
        redis.call('UNLINK', keys[i])
    end
    if argv[2] == 'end' then
        redis.call('UNLINK', keys[1], keys[2])
    end
    return #keys - 2
end

-- Whole nodes of the noise streams whose entries are all before the first id that stays; what is left of a
-- node goes with its last entry. Answers how many entries went, 0 at the end.
local function trim_noise(keys, argv, offset)
    local left, gone = NOISE_MAX, 0
    for i = 5, #argv do
        local n = left > 0 and redis.call('XTRIM', keys[i + offset], 'MINID', '~', argv[i], 'LIMIT', left) or 0
        left, gone = left - n, gone + n
    end
    if gone == 0 then -- a node with more entries than the limit would stay for ever
        left = NOISE_SMALL_MAX
        for i = 5, #argv do
            local n = left > 0 and redis.call('XTRIM', keys[i + offset], 'MINID', '~', argv[i], 'LIMIT', left) or 0
            left, gone = left - n, gone + n
        end
    end
    return gone
end

-- KEYS: head, journal, cursors, then audience and noise streams. ARGV: epoch, last sequence to go, last
-- sequence archived, number of audience streams, for each noise stream the first id that stays.
-- Answers the last sequence that is gone: at most TRIM_MAX entries a call, so it may be less. With noise
-- streams: how many of their entries went; called again until none did.
local function liu_trim(keys, argv)
    local head, why = read_call(keys, argv)
    if not head then
        return redis.error_reply(why)
    end
    local seq, audiences = tonumber(argv[2]), tonumber(argv[4])
    why = check_trim(keys, seq, tonumber(argv[3]), head) or check_stream_types(keys, 4)
    if why then
        return redis.error_reply('LIUREFUSED ' .. why)
    end
    local first = first_seq(keys[2])
    if not first or not audiences or #argv - 4 ~= #keys - 3 - audiences then
        return redis.error_reply('LIUMALFORMED call')
    end
    for i = 5, #argv do
        if not string.match(argv[i], '^%d+%-%d+$') then
            return redis.error_reply('LIUMALFORMED call')
        end
    end
    if seq >= first + TRIM_MAX then
        seq = first + TRIM_MAX - 1
    end
    local min = string.format('%d-0', seq + 1)
    redis.call('XTRIM', keys[2], 'MINID', '=', min)
    for i = 4, 3 + audiences do
        redis.call('XTRIM', keys[i], 'MINID', '=', min)
    end
    return #argv > 4 and trim_noise(keys, argv, audiences - 1) or seq
end

-- Are records that were not found cold? KEYS: head, upkeep, asked, filter, hashes. ARGV: epoch, then for
-- each record its key's number, its id, and '' to have it put back, '=' to be shown it. Answers the generation
-- and a letter each: h is here now, - does not exist, v is shown behind the letters, ? was asked for, b too
-- many are asked for.
local function liu_seek(keys, argv)
    local c, why = read_cold(keys, argv, 2, 3)
    if not c then
        return redis.error_reply(why)
    end
    local out, answer = {}, {c.generation, ''}
    for i = 2, #argv, 3 do
        local letter, more = seek_one(c, keys[tonumber(argv[i])], argv[i + 1], argv[i + 2])
        if not letter then
            return redis.error_reply('LIUBROKEN ' .. more)
        elseif letter == SHOWN then
            answer[#answer + 1] = more
        end
        out[#out + 1] = letter
    end
    for i = 1, #out do
        if out[i] == TO_ASK then
            local a = 3 * i - 1
            redis.call('HSET', c.asked, asked_name(keys[tonumber(argv[a])], argv[a + 1], argv[a + 2]), '?')
            out[i] = ASKED
        end
    end
    answer[2] = table.concat(out)
    return answer
end

-- Removes records of which the ledger has a durable copy, unless they have changed. KEYS as above. ARGV:
-- epoch, generation, bits of a new filter, then for each its key's number, id, revision. Answers how many
-- left. From the generation's beginning on nothing that is written anew is named in such a call.
local function liu_freeze(keys, argv)
    local c, why = read_cold(keys, argv, 4, 3)
    local found, left
    if c then
        found, why = read_moved(keys, argv, 4, 3)
    end
    if found then
        left, why = read_leaving(keys, argv, found)
    end
    if not left then
        return redis.error_reply(why)
    elseif c.generation ~= argv[2] or c.generation == ABSENT then
        return redis.error_reply('LIUREFUSED another generation')
    end
    local bits, n = tonumber(argv[3]), 0
    if not bits or bits < 8 or bits > 4294967296 then
        return redis.error_reply('LIUMALFORMED call')
    elseif c.bits == 0 then
        redis.call('SETBIT', c.filter, bits - 1, 0)
        c.bits = 8 * math.ceil(bits / 8)
    end
    for i = 4, #argv, 3 do
        local key = keys[tonumber(argv[i])]
        if not receipt_key(key, argv[i + 1]) and found[i] ~= '' and string.sub(found[i], 1, 8) == argv[i + 2] then
            for _, p in ipairs(places(key, argv[i + 1])) do
                redis.call('SETBIT', c.filter, p % c.bits, 1)
            end
            redis.call('HDEL', c.asked, asked_name(key, argv[i + 1], ''), asked_name(key, argv[i + 1], '='))
            redis.call('HDEL', key, argv[i + 1])
            n = n + 1
        end
    end
    if left.n > 0 then
        write_left(c, keys, argv, left)
    end
    return n + left.n
end

-- Answers what was asked for. KEYS as above. ARGV: epoch, generation, now_ms, then for each its key's number,
-- id, how it was asked for, and the record as it was, or '' for one that is not cold, or '-' to forget that
-- this was asked.
local function liu_thaw(keys, argv)
    local c, why = read_cold(keys, argv, 4, 4)
    local found
    if c then
        found, why = read_moved(keys, argv, 4, 4)
    end
    if not found then
        return redis.error_reply(why)
    elseif c.generation ~= argv[2] then
        return redis.error_reply('LIUREFUSED another generation')
    end
    local n = 0
    for i = 4, #argv, 4 do
        local key, id, mode, value = keys[tonumber(argv[i])], argv[i + 1], argv[i + 2], argv[i + 3]
        local name = asked_name(key, id, mode)
        if value == '' then
            redis.call('HSET', c.asked, name, '-' .. argv[3])
        elseif mode == '=' and value ~= '-' then
            redis.call('HSET', c.asked, name, '=' .. argv[3] .. ' ' .. value)
        else
            redis.call('HDEL', c.asked, name)
        end
        if mode == '' and not is_page(id) and #value >= 8 and found[i] == '' then
            redis.call('HSET', key, id, value)
            n = n + 1
        end
    end
    return n
end

redis.register_function('liu_commit', liu_commit)
redis.register_function('liu_init', liu_init)
-- Run when memory is full, too: what leaves it (a new filter is a sixteenth of the receipts it stands for), and what
-- takes next to none: under pressure the ledger answers for receipts only, and forgets the rest.
local function register_always(name, call)
    redis.register_function{function_name = name, callback = call, flags = {'allow-oom'}}
end
register_always('liu_trim', liu_trim)
register_always('liu_halt', liu_halt)
register_always('liu_confirm', liu_confirm)
register_always('liu_clear', liu_clear)
register_always('liu_freeze', liu_freeze)
redis.register_function{function_name = 'liu_snapshot', callback = liu_snapshot, flags = {'no-writes'}}
redis.register_function('liu_restore', liu_restore)
redis.register_function('liu_restored', liu_restored)
register_always('liu_seek', liu_seek)
register_always('liu_thaw', liu_thaw)
