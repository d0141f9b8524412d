{{- /* aiges.toml: what other values say, and the tables of `config` beside it. */}}

{{- define "aiges.valuesConfig" -}}
{{- $v := .Values }}
{{ $v.serviceId | quote }}:
  host: ""
  port: {{ int $v.ports.grpc }}
wrapper:
  http_listen: {{ printf ":%d" (int $v.ports.http) | quote }}
instances:
  count: {{ int $v.instances }}
  drain_ms: {{ mul $v.shutdown.drainSeconds 1000 }}
  lame_duck_ms: {{ mul $v.shutdown.lameDuckSeconds 1000 }}
  start_timeout_ms: {{ mul $v.startup.maxSeconds 1000 }}
{{- if and (include "aiges.modelSource" .) (not $v.model.repository) }}
  pythonpath: {{ $v.model.mountPath | quote }}
{{- end }}
fc:
  max: {{ int $v.maxInFlight }}
{{- if $v.adminPort.enabled }}
admin:
  listen: {{ printf ":%d" (int $v.ports.admin) | quote }}
{{- end }}
{{- if or $v.model.repository (include "aiges.resourceSource" .) }}
models:
{{- if $v.model.repository }}
  repository: {{ $v.model.mountPath | quote }}
{{- end }}
{{- if include "aiges.resourceSource" . }}
  resources: {{ $v.resourceFiles.mountPath | quote }}
{{- end }}
{{- end }}
{{- if $v.tls.existingSecret }}
tls:
  cert: /etc/aiges-tls/{{ $v.tls.certKey }}
  key: /etc/aiges-tls/{{ $v.tls.keyKey }}
  min_version: {{ $v.tls.minVersion | quote }}
{{- if $v.tls.clientCaKey }}
  client_ca: /etc/aiges-tls/{{ $v.tls.clientCaKey }}
{{- end }}
{{- end }}
{{- if $v.access.existingSecret }}
access:
  keys_file: /etc/aiges-keys/{{ $v.access.key }}
{{- end }}
{{- if $v.consul.enabled }}
registry:
  backend: consul
  url: {{ $v.consul.url | quote }}
  check: {{ $v.consul.check }}
{{- if $v.consul.caSecret }}
  ca_file: /etc/aiges-consul/{{ $v.consul.caKey }}
{{- end }}
{{- end }}
{{- if $v.metering.enabled }}
metering:
  folder: {{ $v.metering.mountPath | quote }}
{{- else if and (hasKey $v.files "entitlement.file") (not (hasKey (default dict $v.config.entitlement) "state")) }}
# Beside the file, where it would be, nothing can be written.
entitlement:
  state: /tmp/entitlement.state
{{- end }}
{{- end }}

{{- /* That with the places of `files`; JSON. */}}
{{- define "aiges.ownConfig" -}}
{{- $own := include "aiges.valuesConfig" . | fromYaml }}
{{- range $name, $file := .Values.files }}
{{- $words := splitList "." $name }}
{{- $table := default dict (get $own (first $words)) }}
{{- $path := printf "%s/%s" (include "aiges.fileFolder" $name) $file.key }}
{{- $_ := set $own (first $words) (set $table (last $words) $path) }}
{{- end }}
{{- toJson $own }}
{{- end }}

{{- /* JSON's texts, numbers, truth values and lists of them are TOML's, too; toToml makes 8.0 of 8. */}}
{{- define "aiges.table" -}}
[{{ .name }}]
{{- range $key, $value := .table }}
{{- if not (kindIs "map" $value) }}
{{ $key }} = {{ toJson $value }}
{{- end }}
{{- end }}
{{- $name := .name }}
{{- range $key, $value := .table }}
{{- if kindIs "map" $value }}

{{ include "aiges.table" (dict "name" (printf "%s.%s" $name $key) "table" $value) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "aiges.toml" -}}
{{- $own := include "aiges.ownConfig" . | fromJson }}
{{- $service := .Values.serviceId }}
{{- $all := mergeOverwrite (deepCopy .Values.config) $own }}
{{- include "aiges.table" (dict "name" $service "table" (get $all $service)) }}
{{- range $name, $table := omit $all $service }}

{{ include "aiges.table" (dict "name" $name "table" $table) }}
{{- end }}
{{ end }}
