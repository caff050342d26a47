{{- define "medunion.program" -}}
name: doctor-portal
job: portal
prefix: PORTAL
keys: session-key
init: false
mongo: false
files: { pins: pins.json }
ports: { protocol: 8082, operations: 9092 }
{{- end }}
