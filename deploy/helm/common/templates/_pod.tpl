{{- define "medunion.podsecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
# The files of the Secret are root's, and this group may read them.
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "medunion.containersecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "medunion.env" -}}
{{- $p := include "medunion.program" . | fromYaml -}}
- name: {{ $p.prefix }}_CONFIG
  value: /etc/medunion/config/config.yaml
{{- if $p.mongo }}
- name: {{ $p.prefix }}_MONGO_URI
  valueFrom:
    secretKeyRef: { name: {{ include "medunion.secret" . }}, key: mongo-uri }
{{- end }}
- name: {{ $p.prefix }}_REDIS_PASSWORD
  valueFrom:
    secretKeyRef: { name: {{ include "medunion.secret" . }}, key: redis-password, optional: true }
- name: GOMEMLIMIT
  valueFrom:
    resourceFieldRef: { containerName: {{ .Chart.Name }}, resource: requests.memory }
{{- with .Values.trust.existingConfigMap }}
- name: SSL_CERT_FILE
  value: /etc/medunion/trust/ca.crt
{{- end }}
{{- end }}

{{- define "medunion.mounts" -}}
- { name: config, mountPath: /etc/medunion/config, readOnly: true }
- { name: files, mountPath: /etc/medunion/files, readOnly: true }
- { name: secrets, mountPath: /run/secrets/medunion, readOnly: true }
- { name: tls, mountPath: /run/secrets/tls, readOnly: true }
{{- if .Values.keys.claim.enabled }}
- { name: keys, mountPath: /var/lib/medunion }
{{- end }}
{{- if .Values.trust.existingConfigMap }}
- { name: trust, mountPath: /etc/medunion/trust, readOnly: true }
{{- end }}
{{- if .Values.vault.tokenAudience }}
- { name: vault, mountPath: /run/secrets/vault, readOnly: true }
{{- end }}
{{- end }}

{{- define "medunion.volumes" -}}
- name: config
  configMap: { name: {{ include "medunion.fullname" . }}, defaultMode: 0444 }
- name: files
  configMap: { name: {{ include "medunion.fullname" . }}-files, defaultMode: 0444 }
- name: secrets
  secret: { secretName: {{ include "medunion.secret" . }}, defaultMode: 0400 }
- name: tls
  secret: { secretName: {{ required "tls.existingSecret names a Secret of type kubernetes.io/tls" .Values.tls.existingSecret }}, defaultMode: 0400 }
{{- if .Values.keys.claim.enabled }}
- name: keys
  persistentVolumeClaim: { claimName: {{ include "medunion.fullname" . }}-keys }
{{- end }}
{{- with .Values.trust.existingConfigMap }}
- name: trust
  configMap: { name: {{ . }}, defaultMode: 0444 }
{{- end }}
{{- with .Values.vault.tokenAudience }}
- name: vault
  projected:
    defaultMode: 0400
    sources:
      - serviceAccountToken: { audience: {{ . | quote }}, expirationSeconds: 3600, path: token }
{{- end }}
{{- end }}

{{/* What all pods of a chart have in common. */}}
{{- define "medunion.podspec" -}}
serviceAccountName: {{ include "medunion.fullname" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext: {{- include "medunion.podsecurity" . | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
volumes: {{- include "medunion.volumes" . | nindent 2 }}
{{- end }}
