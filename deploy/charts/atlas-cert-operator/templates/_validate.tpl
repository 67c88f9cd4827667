{{/* What a schema can't say in a sentence. The first thing that is wrong ends the rendering. */}}
{{- define "atlas-cert-operator.validate" -}}
{{- $v := .Values }}
{{- range $name, $value := dict
      "verifyInterval" $v.verifyInterval
      "maxBackoff" $v.maxBackoff
      "recheckInterval" $v.recheckInterval
      "leaderElection.leaseDuration" $v.leaderElection.leaseDuration
      "leaderElection.renewDeadline" $v.leaderElection.renewDeadline
      "leaderElection.retryPeriod" $v.leaderElection.retryPeriod
      "simulator.month" ($v.simulator.month | default "1h") }}
{{- if not (and (regexMatch "^([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?$" $value) (regexMatch "[1-9]" $value)) }}
{{- fail (printf "%s must be a duration such as 6h, 1h30m, 10s or 500ms, not %q." $name $value) }}
{{- end }}
{{- end }}
{{- if not (regexMatch "^https://[^/?#@\\s]+$" $v.atlas.baseUrl) }}
{{- fail (printf "atlas.baseUrl must be https:// with a host and perhaps a port, without a path, such as https://cloud.mongodb.com, not %q." $v.atlas.baseUrl) }}
{{- end }}
{{- if and $v.watchNamespaces (eq (toString $v.projects.enabled) "true") }}
{{- fail "projects.enabled is not possible with watchNamespaces: AtlasProjectX509s are of the whole cluster, and one release that watches all namespaces serves them. Leave projects.enabled out, or watchNamespaces." }}
{{- end }}
{{- range $v.watchNamespaces }}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" .) }}
{{- fail (printf "watchNamespaces must hold names of namespaces, not %q." .) }}
{{- end }}
{{- end }}
{{- if ne (len $v.watchNamespaces) (len (uniq $v.watchNamespaces)) }}
{{- fail "watchNamespaces names a namespace twice." }}
{{- end }}
{{- range concat $v.networkPolicy.apiServerCidrs $v.networkPolicy.atlasCidrs }}
{{- if not (regexMatch "^[0-9a-fA-F.:]+/[0-9]{1,3}$" .) }}
{{- fail (printf "networkPolicy.apiServerCidrs and .atlasCidrs must hold CIDRs such as 10.0.0.0/16, not %q." .) }}
{{- end }}
{{- end }}
{{- if and $v.metrics.serviceMonitor.enabled (not $v.metrics.enabled) }}
{{- fail "metrics.serviceMonitor.enabled needs metrics.enabled: without it there is nothing to scrape." }}
{{- end }}
{{- if and $v.metrics.prometheusRule.enabled (not $v.metrics.enabled) }}
{{- fail "metrics.prometheusRule.enabled needs metrics.enabled: without it the alerts have no metrics." }}
{{- end }}
{{- with $v.podDisruptionBudget }}
{{- if and (ne (toString .minAvailable) "") (ne (toString .maxUnavailable) "") }}
{{- fail "podDisruptionBudget.minAvailable and podDisruptionBudget.maxUnavailable are mutually exclusive: set one of them." }}
{{- end }}
{{- end }}
{{- /* A parent chart sets global values for its other subcharts too; without one they can only be meant for this chart. */}}
{{- if and .Chart.IsRoot $v.global }}
{{- fail (printf "global.%s has no effect: this chart has no global values." (keys $v.global | sortAlpha | first)) }}
{{- end }}
{{- if and (not $v.serviceAccount.create) (not $v.serviceAccount.name) }}
{{- fail "serviceAccount.name must say which ServiceAccount the pods run as, because serviceAccount.create is false." }}
{{- end }}
{{- if $v.simulator.enabled }}
{{- if ne $v.atlas.baseUrl "https://cloud.mongodb.com" }}
{{- fail "simulator.enabled and atlas.baseUrl are mutually exclusive: remove one of them." }}
{{- end }}
{{- if $v.atlas.caFile }}
{{- fail "simulator.enabled and atlas.caFile are mutually exclusive: remove atlas.caFile, since the simulator brings its own CA." }}
{{- end }}
{{- else if or $v.simulator.month $v.simulator.fixtures }}
{{- fail "simulator.month and simulator.fixtures have no effect without simulator.enabled." }}
{{- end }}
{{- end }}
