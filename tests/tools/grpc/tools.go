// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Clients by others that try HTTP/2 and gRPC, in versions that Debian's Go can build.
package tools

import (
	_ "github.com/bojand/ghz/cmd/ghz"               // Load; Apache 2.0.
	_ "github.com/fullstorydev/grpcurl/cmd/grpcurl" // Calls by reflection; MIT.
	_ "github.com/summerwind/h2spec/cmd/h2spec"     // 145 cases of RFC 7540 and 7541; MIT.
	_ "google.golang.org/grpc/interop/client"       // gRPC's own interoperability cases; Apache 2.0.
)
