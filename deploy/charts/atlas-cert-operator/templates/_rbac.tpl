{{/*
The rules of a file in files/rbac, comments and all. They come from deploy/rbac, which the operator is tested with; the
lease is called as the release wants it. Takes root and file.
*/}}
{{- define "atlas-cert-operator.rules" -}}
{{- $name := include "atlas-cert-operator.fullname" .root }}
{{- $rules := .root.Files.Get (printf "files/rbac/%s" .file) | regexFind "(?s)(^|\n)rules:\n.*$" | trim }}
{{- regexReplaceAll "resourceNames: .*" $rules (printf "resourceNames: [%q]" $name) }}
{{- end }}

{{/* The rules for what can be switched off, to follow those of a role. */}}
{{- define "atlas-cert-operator.optionalRules" -}}
{{- range $what, $values := dict "consumers" .Values.consumers "rollout-restart" .Values.rolloutRestart }}
{{- if $values.enabled }}
{{ include "atlas-cert-operator.rules" (dict "root" $ "file" (printf "%s-role.yaml" $what)) | trimPrefix "rules:\n" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "atlas-cert-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "atlas-cert-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* Whether this release serves AtlasProjectX509s: unless it says otherwise, the one that watches all namespaces does. */}}
{{- define "atlas-cert-operator.servesProjects" -}}
{{- if kindIs "bool" .Values.projects.enabled }}{{ .Values.projects.enabled | ternary "true" "" }}
{{- else if not .Values.watchNamespaces }}true
{{- end }}
{{- end }}
