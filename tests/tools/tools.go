// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Programs that the tests need and no distribution package has; `make tools` builds them.
package tools

import _ "github.com/hashicorp/consul" // v1.12.9: MPL 2.0, and its published modules resolve.
