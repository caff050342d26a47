{{- define "medunion.program" -}}
name: publiccloud
job: publiccloud
prefix: PUBLICCLOUD
keys: keys
init: true
mongo: true
peers: true
files: { operators-jwks: operators.jwks }
ports: { protocol: 8080, operations: 9090 }
{{- end }}
