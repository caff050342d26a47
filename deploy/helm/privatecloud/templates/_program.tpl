{{- define "medunion.program" -}}
name: privatecloud
job: hospital
prefix: PRIVATECLOUD
keys: keys
init: true
mongo: true
peers: true
files: { operators-jwks: operators.jwks, pins: pins.json }
ports: { protocol: 8081, admin: 8084, operations: 9091 }
{{- end }}
