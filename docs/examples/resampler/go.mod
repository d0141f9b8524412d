module resampler

go 1.21

require (
	aiges.ai/engine v0.0.0
	github.com/gopxl/beep/v2 v2.1.1
)

require github.com/pkg/errors v0.9.1 // indirect

replace aiges.ai/engine => ../../../sdk/go
