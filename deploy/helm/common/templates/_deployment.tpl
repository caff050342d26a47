{{- define "medunion.deployment" -}}
{{- $p := include "medunion.program" . | fromYaml -}}
{{- if and .Values.keys.claim.enabled (or (ne (int .Values.replicas) 1) .Values.autoscaling.enabled) -}}
{{- fail "keys.claim is for one instance (replicas: 1, no autoscaling): several share their keys by a Secret" -}}
{{- end -}}
apiVersion: apps/v1
kind: Deployment
metadata: {{- include "medunion.metadata" . | nindent 2 }}
spec:
  {{- if not .Values.autoscaling.enabled }}
  replicas: {{ .Values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  minReadySeconds: 5
  progressDeadlineSeconds: 600
  strategy:
    {{- if .Values.keys.claim.enabled }}
    type: Recreate # two instances cannot have the volume
    {{- else }}
    type: RollingUpdate
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
    {{- end }}
  selector:
    matchLabels: {{- include "medunion.selector" . | nindent 6 }}
      app.kubernetes.io/component: server
  template:
    metadata:
      labels: {{- include "medunion.labels" . | nindent 8 }}
        app.kubernetes.io/component: server
      annotations:
        # Settings are read at the start: changed ones make new pods. Certificates, the list
        # of peers and rotated secrets do not.
        medunion/config: {{ include "medunion.config" . | sha256sum }}
        {{- with .Values.podAnnotations }}{{ toYaml . | nindent 8 }}{{ end }}
    spec: {{- include "medunion.podspec" . | nindent 6 }}
      terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
      topologySpreadConstraints:
        {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
        - maxSkew: 1
          topologyKey: {{ $key }}
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "medunion.selector" $ | nindent 14 }}
              app.kubernetes.io/component: server
        {{- end }}
      containers:
        - name: {{ .Chart.Name }}
          image: {{ include "medunion.image" . }}
          imagePullPolicy: IfNotPresent
          args: [serve]
          securityContext: {{- include "medunion.containersecurity" . | nindent 12 }}
          env: {{- include "medunion.env" . | nindent 12 }}
          ports:
            {{- range $name, $port := $p.ports }}
            - { name: {{ $name }}, containerPort: {{ $port }}, protocol: TCP }
            {{- end }}
          # The first start makes indexes and may wait for its stores.
          startupProbe:
            httpGet: { path: /livez, port: operations, scheme: HTTPS }
            periodSeconds: 5
            timeoutSeconds: 3
            failureThreshold: 60
          livenessProbe:
            httpGet: { path: /livez, port: operations, scheme: HTTPS }
            periodSeconds: 10
            timeoutSeconds: 3
            failureThreshold: 6
          readinessProbe:
            httpGet: { path: /readyz, port: operations, scheme: HTTPS }
            periodSeconds: 5
            timeoutSeconds: 3
            failureThreshold: 2
          lifecycle:
            preStop:
              # Balancers need a moment to stop sending; then running requests finish.
              sleep: { seconds: {{ .Values.preStopSeconds }} }
          resources: {{- toYaml .Values.resources | nindent 12 }}
          volumeMounts: {{- include "medunion.mounts" . | nindent 12 }}
{{- end }}

{{- define "medunion.claim" -}}
{{- if .Values.keys.claim.enabled -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ include "medunion.fullname" . }}-keys
  namespace: {{ .Release.Namespace }}
  labels: {{- include "medunion.labels" . | nindent 4 }}
  annotations:
    # Without its keys no record can be read: uninstalling leaves them.
    helm.sh/resource-policy: keep
spec:
  accessModes: [ReadWriteOnce]
  {{- with .Values.keys.claim.storageClassName }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests:
      storage: 16Mi
{{- end }}
{{- end }}

{{- define "medunion.migration" -}}
{{- if .Values.migration.enabled -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "medunion.fullname" . }}-migrate
  namespace: {{ .Release.Namespace }}
  labels: {{- include "medunion.labels" . | nindent 4 }}
  annotations:
    helm.sh/hook: pre-upgrade
    helm.sh/hook-weight: "0"
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  backoffLimit: 0
  activeDeadlineSeconds: {{ .Values.migration.deadlineSeconds }}
  template:
    metadata:
      labels: {{- include "medunion.labels" . | nindent 8 }}
        app.kubernetes.io/component: migration
    spec: {{- include "medunion.podspec" . | nindent 6 }}
      restartPolicy: Never
      containers:
        - name: {{ .Chart.Name }}
          image: {{ include "medunion.image" . }}
          imagePullPolicy: IfNotPresent
          args: {{ toJson .Values.migration.args }}
          securityContext: {{- include "medunion.containersecurity" . | nindent 12 }}
          env: {{- include "medunion.env" . | nindent 12 }}
          resources: {{- toYaml .Values.resources | nindent 12 }}
          volumeMounts: {{- include "medunion.mounts" . | nindent 12 }}
{{- end }}
{{- end }}
