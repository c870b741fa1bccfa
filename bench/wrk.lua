-- The one wrk script. Arguments after "--": what to do, then its parameters.
--   get [TOKEN]            GET, signed in when a token is given
--   insert TOKEN PREFIX    POST of a post with an id never used before
--   list TOKEN FILE        GET of the paths in FILE, a line each, each thread from another place on
--   ranges SIZE LENGTH     GET of LENGTH bytes from anywhere but the beginning of a file of SIZE
--   webhook PATH FILE MS   POST of the deliveries in FILE, a line each: signature, blank, body; each
--                          once, then again. MS: a connection's pause between two
-- Closes with one line of JSON that bench/run reads.

local thread_count = 0

function setup(thread)
  thread:set("thread_number", thread_count)
  thread_count = thread_count + 1
end

local body_form = '{"id":"instagram_%s","platform":"instagram","author":"bench_%d",' ..
  '"caption":"Un bel été à Paris #Mode #Beaute","hashtags":["mode","beaute"],' ..
  '"metrics":{"likes":120,"comments":7,"shares":3,"views":null},' ..
  '"posted_at":"2026-11-01T12:00:00Z","language":"fr","external_id":"%s",' ..
  '"permalink":"https://www.instagram.com/p/%s/"}'

function init(args)
  local kind, token, prefix = args[1], args[2], args[3]
  local headers = {}
  if kind == "ranges" then
    local size, length = tonumber(token), tonumber(prefix)
    math.randomseed(thread_number + 1)
    request = function()
      local from = math.random(1, size - length)
      headers["Range"] = string.format("bytes=%d-%d", from, from + length - 1)
      return wrk.format("GET", nil, headers)
    end
    return
  end
  if token and token ~= "" then headers["Authorization"] = "Bearer " .. token end
  if kind == "insert" then
    headers["Content-Type"] = "application/json"
    local n = 0
    request = function()
      n = n + 1
      local id = string.format("%s%d%08d", prefix, thread_number, n)
      return wrk.format("POST", nil, headers, string.format(body_form, id, n % 500, id, id))
    end
  elseif kind == "webhook" then
    -- Whole requests, made before the clock starts: what wrk does meanwhile is taken from the server.
    local requests, n, line_number = {}, 0, 0
    headers["Authorization"] = nil
    headers["Content-Type"] = "application/json"
    for line in io.lines(args[3]) do
      if line_number % 2 == thread_number % 2 then
        local signature, body = line:match("^(%S+) (.*)$")
        headers["X-Hub-Signature-256"] = signature
        requests[#requests + 1] = wrk.format("POST", args[2], headers, body)
      end
      line_number = line_number + 1
    end
    collectgarbage("collect")
    collectgarbage("stop") -- nothing is made any more
    request = function()
      n = n % #requests + 1
      return requests[n]
    end
    local pause = tonumber(args[4])
    if pause > 0 then
      math.randomseed(thread_number + 1)
      delay = function() return math.random(math.floor(pause / 2), math.ceil(pause * 3 / 2)) end
    end
  elseif kind == "list" then
    local requests, n = {}, 0
    for path in io.lines(prefix) do requests[#requests + 1] = wrk.format("GET", path, headers) end
    n = thread_number * 977
    request = function()
      n = n + 1
      return requests[n % #requests + 1]
    end
  else
    local whole = wrk.format("GET", nil, headers)
    request = function() return whole end
  end
end

function done(summary, latency)
  local bad = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"p50_us":%d,"p95_us":%d,"p99_us":%d,"status_errors":%d,"socket_errors":%d,' ..
    '"bytes":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(95),
    latency:percentile(99), bad.status, bad.connect + bad.read + bad.write + bad.timeout,
    summary.bytes))
end
