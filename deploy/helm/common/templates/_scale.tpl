{{- define "medunion.poddisruptionbudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{- include "medunion.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "medunion.selector" . | nindent 6 }}
      app.kubernetes.io/component: server
{{- end }}

{{- define "medunion.autoscaler" -}}
{{- with .Values.autoscaling -}}
{{- if .enabled -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{- include "medunion.metadata" $ | nindent 2 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ include "medunion.fullname" $ }} }
  minReplicas: {{ .minReplicas }}
  maxReplicas: {{ .maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: { type: Utilization, averageUtilization: {{ .cpuPercent }} }
  behavior:
    scaleDown:
      # A visit lasts minutes: an instance is not taken away in its middle for a lull.
      stabilizationWindowSeconds: 600
      policies: [{ type: Pods, value: 1, periodSeconds: 120 }]
{{- end }}
{{- end }}
{{- end }}

{{- define "medunion.servicemonitor" -}}
{{- with .Values.serviceMonitor -}}
{{- if .enabled -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ include "medunion.fullname" $ }}
  namespace: {{ $.Release.Namespace }}
  labels: {{- include "medunion.labels" $ | nindent 4 }}
    {{- with .labels }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  selector:
    matchLabels: {{- include "medunion.selector" $ | nindent 6 }}
      app.kubernetes.io/component: operations
  endpoints:
    - port: operations
      path: /metrics
      scheme: https
      interval: {{ .interval }}
      tlsConfig: {{- toYaml .tlsConfig | nindent 8 }}
      relabelings:
        # Else the job would be called as the Service is, and no rule would be about it.
        - { action: replace, targetLabel: job, replacement: {{ (include "medunion.program" $ | fromYaml).job }} }
{{- end }}
{{- end }}
{{- end }}

{{- define "medunion.prometheusrule" -}}
{{- with .Values.prometheusRule -}}
{{- if .enabled -}}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{ include "medunion.fullname" $ }}
  namespace: {{ $.Release.Namespace }}
  labels: {{- include "medunion.labels" $ | nindent 4 }}
    {{- with .labels }}{{ toYaml . | nindent 4 }}{{ end }}
spec: {{- required "prometheusRule.file: give the rules by --set-file" .file | fromYaml | toYaml | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "medunion.notes" -}}
{{ .Chart.Name }} {{ .Values.image.tag | default .Values.image.digest }} in {{ .Release.Namespace }}.

Ready:   kubectl -n {{ .Release.Namespace }} rollout status deployment/{{ include "medunion.fullname" . }}
Undo:    helm -n {{ .Release.Namespace }} rollback {{ .Release.Name }}
Mixed versions, and what to check before and after: deploy/doc/upgrade.md.
{{ if .Values.keys.claim.enabled }}
ATTENTION: the keys lie in the volume {{ include "medunion.fullname" . }}-keys of this cluster. Back
it up now: without it no record can ever be read. One instance alone can use it.
{{ end -}}
{{- if not .Values.image.digest }}
The image is named by a tag, which its registry can move: name it by image.digest.
{{ end -}}
{{- end }}
