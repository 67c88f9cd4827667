{{/* The flags of the operator. Numbers go through int64: YAML's are floats, and 100000 would be written as 1e+05. */}}
{{- define "atlas-cert-operator.args" -}}
- run
{{- if .Values.simulator.enabled }}
- --atlas-base-url={{ include "atlas-cert-operator.simulator.url" . }}
- --atlas-ca-file=/etc/atlas-simulator/ca.crt
- --simulated-atlas
{{- with .Values.simulator.month }}
- --simulated-month={{ . }}
{{- end }}
{{- else }}
- --atlas-base-url={{ .Values.atlas.baseUrl }}
{{- with .Values.atlas.caFile }}
- {{ printf "--atlas-ca-file=%s" . | quote }}
{{- end }}
{{- end }}
{{- with .Values.watchNamespaces }}
- --watch-namespaces={{ join "," . }}
{{- end }}
{{- if include "atlas-cert-operator.servesProjects" . }}
- --projects
{{- end }}
{{- if .Values.rolloutRestart.enabled }}
- --rollout-restart
{{- end }}
{{- if not .Values.atlas.allowOwnCredentials }}
- --allow-own-credentials=false
{{- end }}
{{- if not .Values.consumers.enabled }}
- --consumers=false
{{- end }}
- --workers={{ int64 .Values.workers }}
- --verify-interval={{ .Values.verifyInterval }}
- --max-issues-per-day={{ int64 .Values.limits.issuesPerDay }}
- --max-unexpired-per-user={{ int64 .Values.limits.unexpiredPerUser }}
- --max-parked={{ int64 .Values.limits.parked }}
- --max-backoff={{ .Values.maxBackoff }}
- --recheck-interval={{ .Values.recheckInterval }}
- --lease-name={{ include "atlas-cert-operator.fullname" . }}
- --lease-duration={{ .Values.leaderElection.leaseDuration }}
- --lease-renew-deadline={{ .Values.leaderElection.renewDeadline }}
- --lease-retry-period={{ .Values.leaderElection.retryPeriod }}
{{- if .Values.metrics.enabled }}
- --metrics-bind-address=:{{ int64 .Values.metrics.port }}
{{- else }}
- --metrics-bind-address=0
{{- end }}
- --health-bind-address=:{{ int64 .Values.health.port }}
- --log-level={{ .Values.log.level }}
- --log-format={{ .Values.log.format }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{/* The port of the Atlas Administration API. */}}
{{- define "atlas-cert-operator.atlasPort" -}}
{{- regexFind ":[0-9]+$" .Values.atlas.baseUrl | trimPrefix ":" | default "443" }}
{{- end }}
