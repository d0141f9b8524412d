// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Checkers of charts and manifests of Kubernetes. Helm wants a newer Go than Debian 12 has.
package tools

import (
	_ "github.com/yannh/kubeconform/cmd/kubeconform" // Manifests against schemas of resources; Apache 2.0.
	_ "helm.sh/helm/v3/cmd/helm"                     // Charts: lint, template, tests; Apache 2.0.
)
