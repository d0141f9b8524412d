module aiges.ai/engine/bench

go 1.19

require aiges.ai/engine v0.0.0

replace aiges.ai/engine => ../../../sdk/go
