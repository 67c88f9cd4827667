{{/*
The rules of a file in files/rbac, comments and all. They come from deploy/rbac, which the operator is tested with. Takes
root and file.
*/}}
{{- define "atlas-cert-operator.rules" -}}
{{- .root.Files.Get (printf "files/rbac/%s" .file) | regexFind "(?s)(^|\n)rules:\n.*$" | trim }}
{{- end }}

{{- define "atlas-cert-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "atlas-cert-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
