-- For wrk: each request is 1 KB, each answer should be.
wrk.method = "POST"
wrk.body = string.rep("x", 1024)
