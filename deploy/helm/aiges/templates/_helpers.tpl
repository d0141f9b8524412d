{{- define "aiges.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* 54: room for "-headless". */}}
{{- define "aiges.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 54 | trimSuffix "-" }}
{{- else if contains (include "aiges.name" .) .Release.Name }}
{{- .Release.Name | trunc 54 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "aiges.name" .) | trunc 54 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "aiges.selector" -}}
app.kubernetes.io/name: {{ include "aiges.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: loader
{{- end }}

{{- define "aiges.labels" -}}
{{ include "aiges.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "aiges.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "aiges.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "aiges.image" -}}
{{- $image := .Values.image }}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- printf "%s:%s" $image.repository (default (printf "%s-debian12" .Chart.AppVersion) $image.tag) }}
{{- end }}
{{- end }}

{{- /* The name of the port that probes and Prometheus ask, and the scheme of it. */}}
{{- define "aiges.pagesPort" -}}
{{- if .Values.adminPort.enabled }}admin{{ else }}http{{ end }}
{{- end }}
{{- define "aiges.pagesScheme" -}}
{{- if and .Values.tls.existingSecret (not .Values.adminPort.enabled) }}HTTPS{{ else }}HTTP{{ end }}
{{- end }}

{{- define "aiges.modelSource" -}}
{{- if .Values.model.existingClaim }}
persistentVolumeClaim: {claimName: {{ .Values.model.existingClaim | quote }}}
{{- else if .Values.model.claim.create }}
persistentVolumeClaim: {claimName: {{ include "aiges.fullname" . }}-model}
{{- else if .Values.model.volume }}
{{- toYaml .Values.model.volume }}
{{- end }}
{{- end }}

{{- define "aiges.resourceSource" -}}
{{- if .Values.resourceFiles.existingClaim }}
persistentVolumeClaim: {claimName: {{ .Values.resourceFiles.existingClaim | quote }}, readOnly: true}
{{- else if .Values.resourceFiles.volume }}
{{- toYaml .Values.resourceFiles.volume }}
{{- end }}
{{- end }}

{{- /* Where usage records lie: a claim of all pods, or a volume of each. */}}
{{- define "aiges.usageSource" -}}
{{- $m := .Values.metering }}
{{- if $m.existingClaim }}
persistentVolumeClaim: {claimName: {{ $m.existingClaim | quote }}}
{{- else if $m.claim.create }}
persistentVolumeClaim: {claimName: {{ include "aiges.fullname" . }}-usage}
{{- else if $m.volume }}
{{- toYaml $m.volume }}
{{- end }}
{{- end }}
{{- define "aiges.usageClaim" -}}
{{- if or .Values.metering.existingClaim .Values.metering.claim.create }}yes{{ end }}
{{- end }}

{{- /* The volume, and the folder, of an entry of `files`. */}}
{{- define "aiges.fileVolume" -}}
file-{{ . | replace "." "-" | replace "_" "-" }}
{{- end }}
{{- define "aiges.fileFolder" -}}
/etc/aiges-files/{{ . }}
{{- end }}

{{- /* Whether a call must say who it comes from. */}}
{{- define "aiges.hasAccess" -}}
{{- $own := default dict (get (include "aiges.ownConfig" . | fromJson) "access") }}
{{- range $key := list "keys_file" "jwks" "hmac_file" "certificates_file" }}
{{- if or (hasKey $own $key) (hasKey (default dict (get $.Values.config "access")) $key) }}yes{{ end }}
{{- end }}
{{- end }}

{{- /* After SIGTERM a loader needs drain_ms and 3 s, whatever hangs; 2 s more for the node. */}}
{{- define "aiges.neededGrace" -}}
{{- add .Values.shutdown.preStopSeconds .Values.shutdown.drainSeconds 5 }}
{{- end }}
{{- define "aiges.grace" -}}
{{- if .Values.shutdown.graceSeconds }}{{ int .Values.shutdown.graceSeconds }}{{ else }}{{ include "aiges.neededGrace" . }}{{ end }}
{{- end }}

{{- define "aiges.scaled" -}}
{{- if or .Values.autoscaling.enabled .Values.keda.enabled }}yes{{ end }}
{{- end }}
{{- define "aiges.fewestPods" -}}
{{- if .Values.keda.enabled }}{{ int .Values.keda.minReplicas }}
{{- else if .Values.autoscaling.enabled }}{{ int .Values.autoscaling.minReplicas }}
{{- else }}{{ int .Values.replicaCount }}{{ end }}
{{- end }}
{{- define "aiges.mostPods" -}}
{{- if .Values.keda.enabled }}{{ int .Values.keda.maxReplicas }}
{{- else if .Values.autoscaling.enabled }}{{ int .Values.autoscaling.maxReplicas }}
{{- else }}{{ int .Values.replicaCount }}{{ end }}
{{- end }}
