// SPDX-License-Identifier: Apache-2.0

// The discoveries that the Prometheus of the tests is built with: scripts/tools.sh puts this in
// place of its own list of twenty-five, as its `make plugins` would. v0.45.3 is Prometheus v2.45.3,
// that of deploy/compose; the package of Debian is built without Consul.
package plugins

import _ "github.com/prometheus/prometheus/discovery/consul"
