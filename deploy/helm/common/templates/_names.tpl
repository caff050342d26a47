{{/*
Each chart defines "medunion.program": YAML with
  name     the program, as the image and the binary are called
  job      the label job in Prometheus, by which the rules for alerts know it
  prefix   of its environment variables
  keys     the setting that names its key file
  ports    name: number, of which protocol and operations are in every service
  mongo    whether it uses MongoDB
  peers    whether it has a list of peers
  init     whether it makes a key file only when it is told to
  files    the settings that name a public file
*/}}
{{- define "medunion.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 53 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "medunion.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "medunion.labels" -}}
{{ include "medunion.selector" . }}
app.kubernetes.io/part-of: medunion
{{- with .Values.image.tag }}
app.kubernetes.io/version: {{ . | quote }}
{{- end }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "medunion.metadata" -}}
name: {{ include "medunion.fullname" . }}
namespace: {{ .Release.Namespace }}
labels: {{- include "medunion.labels" . | nindent 2 }}
{{- end }}

{{- define "medunion.secret" -}}
{{- if .Values.secrets.external.enabled -}}
{{ include "medunion.fullname" . }}-secrets
{{- else -}}
{{ required "secrets.existingSecret names the Secret with keys, passphrase and mongo-uri; or enable secrets.external" .Values.secrets.existingSecret }}
{{- end -}}
{{- end }}

{{- define "medunion.image" -}}
{{- $i := .Values.image -}}
{{- if $i.digest -}}
{{ $i.repository }}@{{ $i.digest }}
{{- else -}}
{{ $i.repository }}:{{ required "image.digest (better) or image.tag says which build is to run" $i.tag }}
{{- end -}}
{{- end }}

{{/* The configuration file: what the chart decides, then the site's own settings. */}}
{{- define "medunion.config" -}}
{{- $p := include "medunion.program" . | fromYaml -}}
{{- $c := dict "listen" (printf ":%v" $p.ports.protocol) "operations-listen" (printf ":%v" $p.ports.operations) -}}
{{- if $p.ports.admin }}{{ $_ := set $c "admin-listen" (printf ":%v" $p.ports.admin) }}{{ end -}}
{{- $_ := set $c $p.keys (ternary "/var/lib/medunion/keys" "/run/secrets/medunion/keys" .Values.keys.claim.enabled) -}}
{{- if ne (toString (index .Values.config "key-provider")) "vault" }}{{ $_ := set $c "passphrase-file" "/run/secrets/medunion/passphrase" }}{{ end -}}
{{- $_ := set $c "tls-cert" "/run/secrets/tls/tls.crt" -}}
{{- $_ := set $c "tls-key" "/run/secrets/tls/tls.key" -}}
{{- $_ := set $c "authority-jwks" "/etc/medunion/files/authority.jwks" -}}
{{- if $p.init }}{{ if .Values.keys.claim.enabled }}{{ $_ := set $c "init-keys" true }}{{ end }}{{ end -}}
{{- range $name, $file := $p.files }}{{ $_ := set $c $name (printf "/etc/medunion/files/%s" $file) }}{{ end -}}
{{- if $p.peers }}{{ $_ := set $c "peers" "/etc/medunion/files/peers.json" }}{{ else if .Values.peers }}{{ fail "peers: nobody calls the portal with a peer's key" }}{{ end -}}
{{- if .Values.vault.tokenAudience }}{{ $_ := set $c "vault-jwt-file" "/run/secrets/vault/token" }}{{ end -}}
{{- range $name, $value := .Values.config -}}
{{- if eq (toString $value) "" }}{{ fail (printf "config.%s must be given" $name) }}{{ end -}}
{{- if hasKey $c $name }}{{ fail (printf "config.%s is set by the chart" $name) }}{{ end -}}
{{- if or (eq $name "mongo-uri") (eq $name "redis-password") (eq $name "dev") }}{{ fail (printf "config.%s does not belong into a ConfigMap" $name) }}{{ end -}}
{{- end -}}
{{- toYaml (merge (dict) .Values.config $c) -}}
{{- end }}
