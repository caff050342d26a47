{{- define "medunion.configmap" -}}
apiVersion: v1
kind: ConfigMap
metadata: {{- include "medunion.metadata" . | nindent 2 }}
data:
  config.yaml: | {{- include "medunion.config" . | nindent 4 }}
---
# What everybody may read: pinned keys and the list of peers.
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "medunion.fullname" . }}-files
  namespace: {{ .Release.Namespace }}
  labels: {{- include "medunion.labels" . | nindent 4 }}
data:
{{- range $name, $content := .Values.files }}
  {{ $name }}: {{ $content | quote }}
{{- end }}
{{- if (include "medunion.program" . | fromYaml).peers }}
  peers.json: {{ dict "peers" .Values.peers | toJson | quote }}
{{- end }}
{{- end }}

{{- define "medunion.externalsecret" -}}
{{- $x := .Values.secrets.external -}}
{{- if $x.enabled -}}
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: {{ include "medunion.secret" . }}
  namespace: {{ .Release.Namespace }}
  labels: {{- include "medunion.labels" . | nindent 4 }}
spec:
  refreshInterval: {{ $x.refreshInterval }}
  secretStoreRef:
    name: {{ required "secrets.external.store.name" $x.store.name }}
    kind: {{ $x.store.kind }}
  target:
    name: {{ include "medunion.secret" . }}
    creationPolicy: Owner
    deletionPolicy: Retain
  data:
  {{- range $key, $remote := $x.data }}
    - secretKey: {{ $key }}
      remoteRef:
        key: {{ $remote.key }}
        {{- with $remote.property }}
        property: {{ . }}
        {{- end }}
        decodingStrategy: {{ $remote.decodingStrategy | default "None" }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "medunion.serviceaccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata: {{- include "medunion.metadata" . | nindent 2 }}
automountServiceAccountToken: false
{{- end }}
