{{- define "medunion.service" -}}
{{- $p := include "medunion.program" . | fromYaml -}}
apiVersion: v1
kind: Service
metadata: {{- include "medunion.metadata" . | nindent 2 }}
spec:
  type: ClusterIP
  selector: {{- include "medunion.selector" . | nindent 4 }}
    app.kubernetes.io/component: server
  ports:
    - { name: protocol, port: 443, targetPort: protocol, protocol: TCP, appProtocol: https }
{{- range $name, $port := omit $p.ports "protocol" }}
---
# Inside the cluster alone, and there for whom the NetworkPolicy names.
apiVersion: v1
kind: Service
metadata:
  name: {{ include "medunion.fullname" $ }}-{{ $name }}
  namespace: {{ $.Release.Namespace }}
  labels: {{- include "medunion.labels" $ | nindent 4 }}
    app.kubernetes.io/component: {{ $name }}
spec:
  type: ClusterIP
  selector: {{- include "medunion.selector" $ | nindent 4 }}
    app.kubernetes.io/component: server
  ports:
    - { name: {{ $name }}, port: {{ $port }}, targetPort: {{ $name }}, protocol: TCP, appProtocol: https }
{{- end }}
{{- end }}

{{- define "medunion.networkpolicy" -}}
{{- $p := include "medunion.program" . | fromYaml -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{- include "medunion.metadata" . | nindent 2 }}
spec:
  # Every pod of the release, and nothing but what is listed.
  podSelector:
    matchLabels: {{- include "medunion.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
  {{- range $name, $port := $p.ports }}
    - ports: [{ protocol: TCP, port: {{ $port }} }]
      from: {{- toYaml (index $.Values.network.ingress $name) | nindent 8 }}
  {{- end }}
  egress:
    - ports: [{ protocol: UDP, port: 53 }, { protocol: TCP, port: 53 }]
      to: {{- toYaml .Values.network.dns | nindent 8 }}
  {{- range $name, $rule := .Values.network.egress }}
    - ports: [{ protocol: TCP, port: {{ $rule.port }} }] # {{ $name }}
      to: {{- toYaml $rule.to | nindent 8 }}
  {{- end }}
{{- end }}
