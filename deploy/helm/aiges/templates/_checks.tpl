{{- /* What no schema can say: values that do not go together are refused when the chart is rendered. */}}
{{- define "aiges.checks" -}}
{{- $v := .Values }}
{{- if ge (int $v.shutdown.lameDuckSeconds) (int $v.shutdown.drainSeconds) }}
{{- fail (printf "shutdown.lameDuckSeconds is %d, of the %d s of shutdown.drainSeconds: calls that come last need time, too; expected less" (int $v.shutdown.lameDuckSeconds) (int $v.shutdown.drainSeconds)) }}
{{- end }}
{{- if lt (int (include "aiges.grace" .)) (int (include "aiges.neededGrace" .)) }}
{{- fail (printf "shutdown.graceSeconds is %d, but preStopSeconds %d + drainSeconds %d + 5 s to end are %s: a pod would be killed with calls in flight; raise it, or set 0 to have it computed" (int $v.shutdown.graceSeconds) (int $v.shutdown.preStopSeconds) (int $v.shutdown.drainSeconds) (include "aiges.neededGrace" .)) }}
{{- end }}
{{- if and $v.autoscaling.enabled $v.keda.enabled }}
{{- fail "autoscaling.enabled and keda.enabled are both true: KEDA makes a HorizontalPodAutoscaler of its own; set one of them" }}
{{- end }}
{{- if and $v.keda.enabled (not $v.keda.serverAddress) (not $v.keda.triggers) }}
{{- fail "keda.enabled needs keda.serverAddress, the URL of Prometheus, or keda.triggers" }}
{{- end }}
{{- if and $v.keda.enabled (not $v.keda.triggers) (eq (int $v.keda.minReplicas) 0) }}
{{- fail "keda.minReplicas is 0, and the query counts calls in pods: without a pod there are none, and none would ever start; expected 1, or keda.triggers that see calls before a pod does" }}
{{- end }}
{{- range $name := list "autoscaling" "keda" }}
{{- $s := get $v $name }}
{{- if and $s.enabled (gt (int $s.minReplicas) (int $s.maxReplicas)) }}
{{- fail (printf "%s.minReplicas is %d, above %s.maxReplicas %d" $name (int $s.minReplicas) $name (int $s.maxReplicas)) }}
{{- end }}
{{- end }}
{{- $ports := list (int $v.ports.grpc) (int $v.ports.http) (int $v.ports.admin) }}
{{- if ne (len (uniq $ports)) 3 }}
{{- fail (printf "ports are %s: expected three different numbers" (join ", " $ports)) }}
{{- end }}
{{- include "aiges.checkModel" . }}
{{- include "aiges.checkFiles" . }}
{{- include "aiges.checkUsage" . }}
{{- include "aiges.checkPages" . }}
{{- include "aiges.checkConfig" . }}
{{- end }}

{{- define "aiges.checkModel" -}}
{{- $v := .Values }}
{{- $sources := list }}
{{- if $v.model.existingClaim }}{{ $sources = append $sources "model.existingClaim" }}{{ end }}
{{- if $v.model.claim.create }}{{ $sources = append $sources "model.claim.create" }}{{ end }}
{{- if $v.model.volume }}{{ $sources = append $sources "model.volume" }}{{ end }}
{{- if gt (len $sources) 1 }}
{{- fail (printf "%s are set: the model is in one of them" (join " and " $sources)) }}
{{- end }}
{{- if and $v.resourceFiles.existingClaim $v.resourceFiles.volume }}
{{- fail "resourceFiles.existingClaim and resourceFiles.volume are set: expected one of them" }}
{{- end }}
{{- $modes := list $v.model.accessMode }}
{{- if $v.model.existingClaim }}
{{- $found := lookup "v1" "PersistentVolumeClaim" .Release.Namespace $v.model.existingClaim }}
{{- if $found }}{{ $modes = $found.spec.accessModes }}{{ end }}
{{- end }}
{{- $shared := or (has "ReadOnlyMany" $modes) (has "ReadWriteMany" $modes) }}
{{- $claim := or $v.model.existingClaim $v.model.claim.create }}
{{- if and $claim (not $shared) (gt (int (include "aiges.mostPods" .)) 1) }}
{{- fail (printf "the volume of the model is %s, and there may be %s pods: all but those of one node would wait for it for ever; use ReadOnlyMany or ReadWriteMany, or one replica" (join ", " $modes) (include "aiges.mostPods" .)) }}
{{- end }}
{{- end }}

{{- define "aiges.checkPages" -}}
{{- $v := .Values }}
{{- if and $v.tls.clientCaKey (not $v.tls.existingSecret) }}
{{- fail "tls.clientCaKey needs tls.existingSecret" }}
{{- end }}
{{- if and $v.tls.clientCaKey (not $v.adminPort.enabled) }}
{{- fail "tls.clientCaKey wants a certificate of every client, and probes have none: set adminPort.enabled to true" }}
{{- end }}
{{- if and $v.consul.enabled $v.tls.clientCaKey (eq $v.consul.check "grpc") }}
{{- fail "consul.check is grpc, and Consul's agent has no certificate for tls.clientCaKey: set consul.check to ttl" }}
{{- end }}
{{- if and $v.endpointPicker.enabled $v.adminPort.enabled }}
{{- fail "endpointPicker.enabled: the picker reads /metrics at the HTTP port, where adminPort.enabled takes it from; set adminPort.enabled to false" }}
{{- end }}
{{- if and $v.endpointPicker.enabled (include "aiges.hasAccess" .) }}
{{- fail "endpointPicker.enabled: the picker has no key to read /metrics with, and access asks for one" }}
{{- end }}
{{- end }}

{{- define "aiges.checkFiles" -}}
{{- $own := include "aiges.valuesConfig" . | fromYaml }}
{{- range $name, $file := .Values.files }}
{{- $words := splitList "." $name }}
{{- $table := first $words }}
{{- if eq $table "tls" }}
{{- fail (printf "files.%s: expected the values of tls, as probes and services go by them" $name) }}
{{- end }}
{{- if hasKey (default dict (get $own $table)) (last $words) }}
{{- fail (printf "files.%s: other values of the chart say that key of aiges.toml; see the table in README.md" $name) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "aiges.checkUsage" -}}
{{- $m := .Values.metering }}
{{- $sources := list }}
{{- if $m.existingClaim }}{{ $sources = append $sources "metering.existingClaim" }}{{ end }}
{{- if $m.claim.create }}{{ $sources = append $sources "metering.claim.create" }}{{ end }}
{{- if $m.volume }}{{ $sources = append $sources "metering.volume" }}{{ end }}
{{- if and $m.enabled (ne (len $sources) 1) }}
{{- fail (printf "metering.enabled needs one of metering.existingClaim, metering.claim.create and metering.volume, got %s" (default "none" (join " and " $sources))) }}
{{- end }}
{{- if and $m.enabled (include "aiges.usageClaim" .) (ne $m.accessMode "ReadWriteMany") }}
{{- if gt (int (include "aiges.mostPods" .)) 1 }}
{{- fail (printf "the claim of usage records is %s, and there may be %s pods: use ReadWriteMany, where each has a folder of its own, or metering.volume" $m.accessMode (include "aiges.mostPods" .)) }}
{{- end }}
{{- if ne .Values.strategy.type "Recreate" }}
{{- fail (printf "the claim of usage records is %s, and a folder belongs to one loader: a new pod would wait for the old one for ever; set strategy.type to Recreate and strategy.rollingUpdate to null, or use ReadWriteMany" $m.accessMode) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "aiges.checkConfig" -}}
{{- $own := include "aiges.ownConfig" . | fromJson }}
{{- range $table, $keys := .Values.config }}
{{- range $key, $_ := $keys }}
{{- if hasKey (default dict (get $own $table)) $key }}
{{- fail (printf "config.%s.%s: other values of the chart say that key of aiges.toml; see the table in README.md" $table $key) }}
{{- end }}
{{- if has (printf "%s.%s" $table $key) (list "admin.token" "registry.token" "metering.token") }}
{{- fail (printf "config.%s.%s is a secret, and would be readable in a ConfigMap: see Secrets in README.md" $table $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
