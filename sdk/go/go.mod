module aiges.ai/engine

go 1.19
