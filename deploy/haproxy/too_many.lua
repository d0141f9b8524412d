-- Refuses a call only after its request was read to the end: a gRPC client that is still sending
-- would take the reset of its stream for the answer (CANCELLED in place of RESOURCE_EXHAUSTED).
local PIECE = 65536
local TEXT = "proxy: too many calls of this app id"

core.register_service("too_many", "http", function(applet)
    while #applet:receive(PIECE) > 0 do end
    local body = ""
    if (applet.headers["content-type"] or {[0] = ""})[0]:find("application/grpc", 1, true) == 1 then
        applet:set_status(200)
        applet:add_header("content-type", "application/grpc")
        applet:add_header("grpc-status", "8")
        applet:add_header("grpc-message", TEXT)
    else
        body = '{"header":{"code":10110,"message":"' .. TEXT .. '"}}'
        applet:set_status(429)
        applet:add_header("content-type", "application/json")
        applet:add_header("retry-after", "1")
    end
    applet:add_header("content-length", tostring(#body))
    applet:start_response()
    applet:send(body)
end)
