-- What wrk sends and what it reports. Arguments behind "--": "upload BYTES" sends that body, "hosts COUNT FORMAT" and
-- "paths COUNT FORMAT" ask for that many hosts or paths in turn; without arguments every request is the one that wrk has
-- made itself, at no cost.

local function many(kind, count, format)
  local requests = {}
  for index = 1, 1000 do
    -- Spread over all of them, not in order.
    local name = string.format(format, (index * 7919) % count)
    if kind == "hosts" then wrk.headers["Host"] = name end
    requests[index] = wrk.format(nil, kind == "paths" and name or nil)
  end
  local at = 0
  return function()
    at = at % 1000 + 1
    return requests[at]
  end
end

function init(args)
  if args[1] == "upload" then
    wrk.method = "POST"
    wrk.body = string.rep("0123456789abcdef", tonumber(args[2]) / 16)
  elseif args[1] == "hosts" or args[1] == "paths" then
    request = many(args[1], tonumber(args[2]), args[3])
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nresult {"seconds":%.6f,"requests":%d,"bytes":%d,"p50_us":%d,"p99_us":%d,' ..
    '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
    summary.duration / 1e6, summary.requests, summary.bytes, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
